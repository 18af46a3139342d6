import type { Observation, Step } from '../core/attempt.ts';
import type { Message } from '../core/conversation.ts';
import type { Trajectory } from '../core/trajectory.ts';

const goOn =
  'Please go on with the task in the way that you think is right. Call a tool in every message. When you have solved it, or cannot get any further, call `finish`. Nobody can answer questions.';
const goOnOrFinish =
  'That was again a message without a tool call, and nothing was done. Call a tool now; if you cannot get any further, call `finish` and say so. One more message like this ends the work.';
const tooLong = 'Your message was cut off because it was too long, and nothing of it was done. Do it in smaller parts.';

/**
 * The conversation as the model sees it, from what is on record alone. Every call has one result, in order; what has to
 * be said besides stands in a result, since servers refuse a user's turn right after a tool's (DEVSTRAL §4.2).
 */
export function conversationOf(
  { system, task }: { readonly system: string; readonly task: string },
  { steps, condensations }: Pick<Trajectory, 'steps' | 'condensations'>,
): Message[] {
  const summary = condensations.findLast((each) => each.kind === 'summarised');
  const shortened = Math.max(0, ...condensations.map((each) => (each.kind === 'shortened' ? each.upTo : 0)));
  const asked = summary ? `${task}\n\n${summaryText(summary.summary, summary.upTo)}` : task;
  const messages: Message[] = [
    { role: 'system', text: system },
    { role: 'user', text: asked },
  ];
  for (const [at, step] of steps.entries()) {
    if (step.number <= (summary?.upTo ?? 0)) continue;
    messages.push(...messagesOf(step, steps[at - 1], step.number <= shortened));
  }
  return messages;
}

function summaryText(summary: string, upTo: number): string {
  return `You have worked on this already. This is your own summary of the first ${upTo} steps, which are not shown any more; the files are as those steps left them:\n\n${summary}`;
}

// A step that is complete always gives the same messages: made once, so that a long conversation costs no more a step than a short one.
const made = { whole: new WeakMap<Step, Message[]>(), shortened: new WeakMap<Step, Message[]>() };

function messagesOf(step: Step, before: Step | undefined, isShortened: boolean): Message[] {
  const kept = made[isShortened ? 'shortened' : 'whole'];
  const known = kept.get(step);
  if (known) return known;
  const { turn, observations } = step;
  // A turn that was cut before it said anything still has to be something: servers refuse an empty one.
  const text = turn.text === '' && turn.toolCalls.length === 0 ? '(cut off)' : turn.text;
  const messages: Message[] = [{ role: 'assistant', text, toolCalls: turn.toolCalls }];
  if (turn.toolCalls.length === 0) messages.push({ role: 'user', text: answerToTalk(step, before) });
  for (const call of turn.toolCalls) {
    const found = observations.find((each) => each.callId === call.id);
    const shown = found ? shownText(found, isShortened) : 'ERROR: This call was not run.';
    messages.push({ role: 'tool', callId: call.id, tool: call.name, text: shown });
  }
  if (observations.length >= turn.toolCalls.length) kept.set(step, messages);
  return messages;
}

function answerToTalk({ turn }: Step, before: Step | undefined): string {
  if (turn.finish === 'length') return tooLong;
  return before && before.turn.toolCalls.length === 0 ? goOnOrFinish : goOn;
}

/** A result as the model is shown it, notices below. */
export function shownText({ text, notices = [] }: Observation, isShortened = false): string {
  const shown = isShortened ? shortenedText(text) : text;
  return [shown, ...notices.map((notice) => `[${notice.text}]`)].join('\n\n');
}

const keptCharacters = 600;

/** The beginning and the end of an old result; whether it gets shorter at all is what `isLong` says. */
function shortenedText(text: string): string {
  if (!isLong(text)) return text;
  const half = keptCharacters / 2;
  return `${text.slice(0, half)}\n[... ${text.length - keptCharacters} characters of this old result are left out; run it again if you need them ...]\n${text.slice(-half)}`.toWellFormed();
}

export function isLong(text: string): boolean {
  return text.length > 2 * keptCharacters;
}
