import { visible } from '../../reports/inert.ts';
import type { ReplayedStep } from './replay-steps.ts';

/** How many steps ended in which way. */
export type Counts = Readonly<Record<'same' | 'noise' | 'differs' | 'notCompared' | 'notReplayed', number>>;

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
      return 'not compared: no result was recorded';
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

export function countSteps(steps: readonly ReplayedStep[]): Counts {
  const count = (kind: ReplayedStep['result']['kind']) => steps.filter(({ result }) => result.kind === kind).length;
  return {
    same: count('same'),
    noise: count('noise'),
    differs: count('differs'),
    notCompared: count('not-compared'),
    notReplayed: count('not-replayed'),
  };
}

export function showCounts(steps: number, counts: Counts): string {
  const parts = [
    `${counts.same} same`,
    `${counts.noise} same but for noise`,
    `${counts.differs} differ${counts.differs === 1 ? 's' : ''}`,
    ...(counts.notCompared > 0 ? [`${counts.notCompared} not compared`] : []),
    ...(counts.notReplayed > 0 ? [`${counts.notReplayed} not replayed`] : []),
  ];
  return `${steps} step${steps === 1 ? '' : 's'}: ${parts.join(' · ')}`;
}
