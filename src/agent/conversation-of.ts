import type { Observation, Step } from '../core/attempt.ts';
import type { Message } from '../core/conversation.ts';

const goOn =
  'Please go on with the task in the way that you think is right. Call a tool in every message. When you have solved it, or cannot get any further, call `finish`. Nobody can answer questions.';

/**
 * The conversation as the model sees it, from the steps alone. Every call has one result, in order; what has to be said
 * besides goes where servers allow it: never as a user's turn right after a tool's.
 */
export function conversationOf(system: string, task: string, steps: readonly Step[]): Message[] {
  const messages: Message[] = [
    { role: 'system', text: system },
    { role: 'user', text: task },
  ];
  for (const { turn, observations } of steps) {
    // A turn that was cut before it said anything still has to be something: servers refuse an empty one.
    const text = turn.text === '' && turn.toolCalls.length === 0 ? '(cut off)' : turn.text;
    messages.push({ role: 'assistant', text, toolCalls: turn.toolCalls });
    if (turn.toolCalls.length === 0) messages.push({ role: 'user', text: turn.finish === 'length' ? tooLong : goOn });
    for (const call of turn.toolCalls) messages.push(resultOf(call, observations));
  }
  return messages;
}

const tooLong = 'Your message was cut off because it was too long, and nothing of it was done. Do it in smaller parts.';

function resultOf(call: { id: string; name: string }, observations: readonly Observation[]): Message {
  const found = observations.find((each) => each.callId === call.id);
  return { role: 'tool', callId: call.id, tool: call.name, text: found?.text ?? 'ERROR: This call was not run.' };
}
