import { visible } from '../../reports/inert.ts';
import type { ReplayedStep } from './replay-steps.ts';

const titleCharacters = 90;

/** A step as a line for people, with its diff below. */
export function showStep({ number, title, result }: ReplayedStep): string {
  const plain = visible(title).replace(/\s+/g, ' ');
  const short = plain.length > titleCharacters ? `${plain.slice(0, titleCharacters - 1)}…` : plain;
  const line = `${String(number).padStart(3)}  ${short}   ${wordOf(result)}`;
  return result.kind === 'differs' ? `${line}\n${indented(visible(result.diff))}` : line;
}

function wordOf(result: ReplayedStep['result']): string {
  switch (result.kind) {
    case 'same':
    case 'noise':
      return result.kind;
    case 'differs':
      return 'DIFFERS';
    case 'not-compared':
      return 'not compared: nothing to compare with';
    case 'not-replayed':
      return `not replayed: ${visible(result.reason)}`;
  }
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `     ${line}`)
    .join('\n');
}
