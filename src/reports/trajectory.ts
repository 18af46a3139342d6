import type { Step } from '../core/attempt.ts';
import { inertLine } from './inert.ts';

/** One line a step: what it did and how that ended. Titles are ours, made from the calls' arguments. */
function trajectoryLines(steps: readonly Step[]): string[] {
  return steps.map(({ number, turn, observations }) => {
    if (observations.length === 0) {
      const why = turn.finish === 'length' ? 'cut off, nothing was done' : 'said something and called no tool';
      return `${number}. ${turn.toolCalls.length > 0 ? 'not run' : why}`;
    }
    const calls = observations.map(
      ({ title, outcome, seconds }) => `${inertLine(title, 120)} — ${outcome}, ${seconds.toFixed(1)} s`,
    );
    return `${number}. ${calls.join('; ')}`;
  });
}

/** The lines folded away, as many as fit into `maxCharacters`: the first and the last stay. */
export function trajectoryDetails(steps: readonly Step[], maxCharacters: number): string {
  if (steps.length === 0) return '';
  const lines = trajectoryLines(steps);
  const frame = (inner: readonly string[]) =>
    `<details><summary>What the agent did, step by step (${steps.length})</summary>\n\n${inner.join('\n')}\n\n</details>`;
  for (let kept = lines.length; kept > 1; kept = Math.floor(kept * 0.8)) {
    const head = lines.slice(0, Math.ceil(kept / 2));
    const tail = lines.slice(lines.length - Math.floor(kept / 2));
    const text = frame(
      kept === lines.length
        ? lines
        : [...head, '', `*${lines.length - head.length - tail.length} steps left out here*`, '', ...tail],
    );
    if (text.length <= maxCharacters) return text;
  }
  return '';
}
