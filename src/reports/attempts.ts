import type { AttemptEnd } from '../core/attempt.ts';
import { inertCell } from './inert.ts';
import type { Report } from './report.ts';

/** All attempts side by side, where there was more than one: what became of each, and which one this is. */
export function attemptsTable({ attempts, attempt: chosen }: Report): string {
  if (attempts.length < 2) return '';
  const rows = attempts.map(({ attempt, verdict }) => {
    const mark = attempt.number === chosen?.number ? '**→ ' : '';
    const tests = verdict ? `${verdict.kind}: ${verdict.headline}` : 'not run against the tests';
    return `| ${mark}${attempt.number}${mark && '**'} | ${endText(attempt.end)} | ${attempt.steps} | ${inertCell(tests, 200)} |`;
  });
  return ['| attempt | how it ended | steps | its tests |', '|---|---|---:|---|', ...rows].join('\n');
}

/** How an attempt ended, in words for people. */
export function endText(end: AttemptEnd): string {
  switch (end.kind) {
    case 'finished':
      return 'it finished';
    case 'limit':
      return `it reached its limit of ${end.limit}`;
    case 'format-errors':
      return 'the model called no usable tool three times in a row';
    case 'stuck':
      return `it went round in circles (${end.rule})`;
    case 'error':
      return 'the model’s server refused to go on';
    case 'stopped':
      return end.by === 'request' ? 'it was asked to stop' : 'another attempt was verified before it';
  }
}
