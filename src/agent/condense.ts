import type { Condensation, Step, Turn } from '../core/attempt.ts';
import type { Message } from '../core/conversation.ts';
import { ContextOverflow } from '../core/errors.ts';
import type { Model } from '../core/ports.ts';
import type { Trajectory } from '../core/trajectory.ts';
import { isLong, shownText } from './conversation-of.ts';

const shownWhole = 4; // the newest results stay as they are
const eventCharacters = 10_000; // DEVSTRAL §2.7
const tries = 5; // PEERS §4.9: each with a fifth less
const shrinking = 0.8;

/**
 * The next thing that makes the conversation shorter: old results first, since that costs nothing, then a summary by the
 * model. Cuts lie between steps, so that calls and results stay together. Null when there is nothing left to cut.
 */
export async function condense(
  { system, task }: { readonly system: string; readonly task: string },
  trajectory: Pick<Trajectory, 'steps' | 'condensations'>,
  model: Model,
  signal: AbortSignal,
): Promise<Condensation | null> {
  const shortening = nextShortening(trajectory);
  if (shortening) return shortening;
  const upTo = summaryEnd(trajectory, model.contextTokens);
  if (upTo === null) return null;
  const turn = await summarise({ system, task }, trajectory, upTo, model, signal);
  return turn && { kind: 'summarised', upTo, summary: turn.text, usage: turn.usage, seconds: turn.seconds };
}

function nextShortening({ steps, condensations }: Pick<Trajectory, 'steps' | 'condensations'>): Condensation | null {
  const upTo = steps.at(-shownWhole - 1)?.number ?? 0;
  const done = Math.max(0, ...condensations.map((each) => each.upTo));
  const gains = steps.some(
    ({ number, observations }) => number > done && number <= upTo && observations.some(({ text }) => isLong(text)),
  );
  return gains ? { kind: 'shortened', upTo } : null;
}

/** Up to which step is summed up: all but the newest ones that fit into a quarter of the context, and the last one in any case. */
function summaryEnd(
  { steps, condensations }: Pick<Trajectory, 'steps' | 'condensations'>,
  contextTokens: number,
): number | null {
  const done = condensations.findLast((each) => each.kind === 'summarised')?.upTo ?? 0;
  const rest = steps.filter(({ number }) => number > done);
  let room = contextTokens; // a quarter of it, at four characters a token
  let kept = 1;
  for (const [at, step] of rest.toReversed().entries()) {
    room -= renderStep(step).length;
    if (room < 0) break;
    kept = at + 1;
  }
  return rest[rest.length - 1 - Math.min(kept, Math.floor(rest.length / 2))]?.number ?? null;
}

/** Asks for the summary in a conversation of its own, with less and less of the old one until it fits; null when it never does. */
async function summarise(
  { system, task }: { readonly system: string; readonly task: string },
  { steps, condensations }: Pick<Trajectory, 'steps' | 'condensations'>,
  upTo: number,
  model: Model,
  signal: AbortSignal,
): Promise<Turn | null> {
  const before = condensations.findLast((each) => each.kind === 'summarised');
  const events = steps
    .filter(({ number }) => number > (before?.upTo ?? 0) && number <= upTo)
    .map(renderStep)
    .join('\n\n');
  let room = (model.contextTokens - model.answerTokens) * 2; // characters, at the two a token that dense output may take
  for (let attempt = 1; attempt <= tries; attempt++) {
    const messages: Message[] = [
      { role: 'system', text: system },
      { role: 'user', text: askForSummary(task, before?.summary, events.slice(-Math.max(0, room - task.length))) },
    ];
    try {
      const turn = await model.ask({ messages, tools: [] }, signal);
      if (turn.text.trim() !== '') return turn;
    } catch (error) {
      if (!(error instanceof ContextOverflow)) throw error;
    }
    room *= shrinking;
  }
  return null;
}

function renderStep({ number, turn, observations }: Step): string {
  const calls = turn.toolCalls.map((call) => `${call.name} ${clipped(call.arguments)}`);
  const results = observations.map((each) => clipped(shownText(each)));
  return [`Step ${number}:`, clipped(turn.text), ...calls, ...results].filter(Boolean).join('\n');
}

function clipped(text: string): string {
  if (text.length <= eventCharacters) return text;
  return `${text.slice(0, eventCharacters / 2)}\n[...]\n${text.slice(-eventCharacters / 2)}`.toWellFormed();
}

// The headings of DEVSTRAL §2.7.
function askForSummary(task: string, before: string | undefined, events: string): string {
  return [
    'The conversation has become too long. Write a summary of it that you can go on from without the rest. Call no tool.',
    `The task was:\n${task}`,
    before && `Your summary of what came earlier still:\n${before}`,
    `What was done since:\n${events}`,
    `Write under these headings, leaving out those that have nothing to say, with exact paths, names, commands and error messages:
USER_CONTEXT: what is asked, and what was said about how
TASK_TRACKING: open and finished items of the task list, with their ids
COMPLETED: what is done, with short results
PENDING: what is still to be done
CURRENT_STATE: what is known, what the cause is believed to be
CODE_STATE: files, functions and lines that matter
TESTS: how tests are run, which fail, with what message
CHANGES: what was changed in which file
DEPS: what was found out about dependencies and the environment
VERSION_CONTROL_STATUS: what git shows as changed`,
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
}
