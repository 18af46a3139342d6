import type { Step } from '../core/attempt.ts';

/** In which way an attempt goes round in circles. */
export type StuckRule = 'same-result' | 'same-error' | 'same-message' | 'alternation' | 'mostly-failing';

// OpenHands' thresholds (DEVSTRAL §2.6), with the refinements of PEERS §4.8: results are compared too, since the same
// command with another error is progress, and a window over the newest steps. Waiting for a slow command is not a loop yet.
const sameResults = 4;
const sameErrors = 3;
const sameMessages = 3;
const alternating = 6;
const window = 6;
const failingInWindow = 5;
const waits = 10;

/** Whether the newest step shows that the attempt is stuck. `since`: how many steps there were at the last advice about failing. */
export function stuckIn(steps: readonly Step[], since = 0): StuckRule | null {
  const newest = steps.at(-1);
  if (!newest) return null;
  if (!isWaiting(newest) && allAlike(steps, sameErrors, same) && hasFailed(newest)) return 'same-error';
  if (allAlike(steps, isWaiting(newest) ? waits : sameResults, same)) return 'same-result';
  if (newest.turn.toolCalls.length === 0 && allAlike(steps, sameMessages, sameText)) return 'same-message';
  if (alternates(steps.slice(-alternating))) return 'alternation';
  const recent = steps.slice(since).slice(-window);
  const failed = recent.filter((step) => hasFailed(step) && !isWaiting(step)).length;
  return recent.length === window && failed >= failingInWindow && hasFailed(newest) ? 'mostly-failing' : null;
}

/** What the model is told once, before the rule ends the attempt. */
export const stuckAdvice: Readonly<Record<StuckRule, string>> = {
  'same-result':
    'You have done the same thing several times with the same result. Doing it again will not change anything: work out what you have learnt from it, and try something else, or call `finish` if the work is done.',
  'same-error':
    'The same call has failed in the same way several times. Read the error closely, question what you took for granted, and go about it differently.',
  'same-message': 'Say nothing more; call a tool.',
  alternation:
    'You go back and forth between the same two calls. Stop, think about what neither of them can tell you, and take another way.',
  'mostly-failing':
    'Almost everything you tried lately has failed. Step back: list five possible causes, pick the likeliest, and test it with one small command before you go on.',
};

function allAlike(steps: readonly Step[], count: number, alike: (a: Step, b: Step) => boolean): boolean {
  const tail = steps.slice(-count);
  const [first] = tail;
  return first !== undefined && tail.length === count && tail.every((step) => alike(first, step));
}

function alternates(tail: readonly Step[]): boolean {
  const [a, b] = tail;
  if (!a || !b || tail.length < alternating || same(a, b)) return false;
  return tail.every((step, at) => same(step, at % 2 === 0 ? a : b));
}

/** The same calls with the same results; talk is another rule's. */
function same(a: Step, b: Step): boolean {
  if (a === b) return a.turn.toolCalls.length > 0;
  const calls = a.turn.toolCalls;
  return (
    calls.length > 0 &&
    calls.length === b.turn.toolCalls.length &&
    calls.every((call, at) => {
      const other = b.turn.toolCalls[at];
      return call.name === other?.name && call.arguments === other.arguments && call.problem === other.problem;
    }) &&
    a.observations.length === b.observations.length &&
    a.observations.every(({ text }, at) => steady(text) === steady(b.observations[at]?.text ?? ''))
  );
}

function sameText(a: Step, b: Step): boolean {
  return a.turn.toolCalls.length === 0 && b.turn.toolCalls.length === 0 && a.turn.text.trim() === b.turn.text.trim();
}

function hasFailed({ turn, observations }: Step): boolean {
  return turn.toolCalls.length > 0 && observations.every(({ outcome }) => outcome !== 'ok');
}

/** Nothing but looking whether a running command has printed more. */
function isWaiting({ turn, observations }: Step): boolean {
  return (
    turn.toolCalls.length > 0 &&
    turn.toolCalls.every(({ name, arguments: text }) => name === 'execute_bash' && /"command":\s*""/.test(text)) &&
    observations.every(({ text }) => text.endsWith('exit code -1]'))
  );
}

/** A result without what changes by itself: durations, times of day, addresses, numbers of processes. */
function steady(text: string): string {
  return text
    .replace(/\b0x[0-9a-f]+\b/gi, '0x')
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?/g, 'time')
    .replace(/\b\d\d:\d\d:\d\d(\.\d+)?\b/g, 'time')
    .replace(/\b\d+(\.\d+)?\s?(ms|s|sec|seconds|minutes)\b/g, 'duration')
    .replace(/\bduration_ms:? [\d.]+/g, 'duration')
    .replace(/^(\[\d+\]) \d+$/gm, '$1')
    .replace(/\b(pid|process) \d+/gi, '$1');
}
