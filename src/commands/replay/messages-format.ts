import { z } from 'zod';

import { Content } from './content.ts';
import { foreignCall } from './foreign-call.ts';
import type { FoundRecording, RecordedStep, Recording, RecordingFormat } from './recording.ts';
import { rootInPrompt } from './root-in-prompt.ts';
import { parseXmlCalls } from './xml-calls.ts';

const Call = z.object({
  id: z.string().nullish(),
  function: z.object({
    name: z.string(),
    arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  }),
});

const Message = z.object({
  role: z.string(),
  content: Content,
  tool_calls: z.array(Call).nullish(),
  tool_call_id: z.string().nullish(),
});
type Message = z.infer<typeof Message>;

const FirstMessage = z.object({ role: z.string(), content: z.unknown().optional() });
// Tables that have no nested columns hold the conversation as the text of one.
const Messages = z.preprocess(
  (value) => (typeof value === 'string' ? parsedJson(value) : value),
  z.tuple([FirstMessage], z.unknown()),
);
const Names = { instance_id: z.string().optional(), trajectory_id: z.string().optional() };
const Head = z.union([z.object({ ...Names, trajectory: Messages }), z.object({ ...Names, messages: Messages })]);

/** Conversations as models are trained on them: calls as `tool_calls`, or as XML in the assistant's text. */
export const messagesFormat: RecordingFormat = {
  name: 'messages',
  find(rows) {
    if (FirstMessage.safeParse(rows[0]).success) return [{ names: [], read: () => recordingOf(rows) }];
    if (!Head.safeParse(rows[0]).success) return null;
    return rows.map(foundRow);
  },
};

function foundRow(row: unknown): FoundRecording {
  const head = Head.safeParse(row).data;
  return {
    names: [head?.instance_id, head?.trajectory_id].filter((name) => name !== undefined),
    read: () => {
      const read = Head.parse(row);
      return recordingOf('messages' in read ? read.messages : read.trajectory);
    },
  };
}

function recordingOf(rows: readonly unknown[]): Recording {
  const messages = z.array(Message).parse(rows);
  const root = messages.filter(({ role }) => role === 'user').map(({ content }) => rootInPrompt(content));
  return {
    steps: messages.flatMap((message, index) =>
      message.role === 'assistant' ? stepsOf(message, index, messages) : [],
    ),
    root: root.find((found) => found !== null) ?? null,
    commit: null,
  };
}

function stepsOf(message: Message, index: number, messages: readonly Message[]): RecordedStep[] {
  const following = messages.slice(index + 1);
  const next = following.findIndex(({ role }) => role === 'assistant');
  const answers = next < 0 ? following : following.slice(0, next);
  const calls = message.tool_calls ?? [];
  if (calls.length > 0) return calls.map((call, position) => nativeStep(call, position, index, answers));
  return parseXmlCalls(message.content).map(({ name, input }, position) =>
    foreignCall({ id: `message-${index}-${position}`, name, input, observation: textAnswer(answers[position]) }),
  );
}

function nativeStep(call: z.infer<typeof Call>, position: number, index: number, answers: Message[]): RecordedStep {
  const { name, arguments: given } = call.function;
  const results = answers.filter(({ role }) => role === 'tool');
  const answer = results.find((each) => call.id && each.tool_call_id === call.id) ?? unnamed(results)[position];
  const input = typeof given === 'string' ? parsed(given) : (given ?? {});
  if (!input) return { kind: 'not-replayed', title: name, reason: 'its arguments are not a JSON object' };
  const id = call.id || `message-${index}-${position}`;
  return foreignCall({ id, name, input, observation: answer ? withoutPrefix(answer.content) : null });
}

/** Results that do not say which call they are of: then the order says it. */
function unnamed(results: readonly Message[]): Message[] {
  return results.filter((each) => !each.tool_call_id);
}

/** With calls in the text, results come back as text of the user; anything else that a user says is no result. */
function textAnswer(message: Message | undefined): string | null {
  if (!message || (message.role === 'user' && !prefix.test(message.content))) return null;
  return withoutPrefix(message.content);
}

const prefix = /^\s*(?:EXECUTION RESULT of \[[^\]]*\]|OBSERVATION):\n?/;

function withoutPrefix(content: string): string {
  return content.replace(prefix, '');
}

const Arguments = z.record(z.string(), z.unknown());

function parsed(text: string): Record<string, unknown> | null {
  return text.trim() === '' ? {} : (Arguments.safeParse(parsedJson(text)).data ?? null);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
