import type { ToolCall } from '../../core/attempt.ts';
import type { Message } from '../../core/conversation.ts';

type ToolResult = Extract<Message, { role: 'tool' }>;

/**
 * A conversation in an order that every server takes (DEVSTRAL §4.2): one system message first; no user right after a
 * tool; roles that alternate; one result for each call, directly after it and in order; an end that can be answered.
 * What is in order already comes back as it is.
 */
export function ordered(messages: readonly Message[]): readonly Message[] {
  if (isOrdered(messages)) return messages;
  const put: Message[] = [];
  const ids = new Set<string>();
  let at = 0;
  while (at < messages.length) {
    const message = messages[at++];
    if (message === undefined) break;
    if (message.role === 'system' && put.length === 0) put.push(message);
    else if (message.role === 'system' || message.role === 'user') putUser(put, message.text);
    else if (message.role === 'assistant') {
      const results: ToolResult[] = [];
      for (let next = messages[at]; next?.role === 'tool'; next = messages[++at]) results.push(next);
      putAssistant(put, message, results, ids);
    }
    // A result without a call before it says nothing to anybody.
  }
  if (put.every(({ role }) => role === 'system')) put.push({ role: 'user', text: 'Begin.' });
  if (put.at(-1)?.role === 'assistant') put.push({ role: 'user', text: 'Go on.' });
  return put;
}

function putUser(put: Message[], text: string): void {
  const last = put.at(-1);
  if (last?.role === 'tool') put.push({ role: 'assistant', text: 'I have seen the results.', toolCalls: [] });
  if (last?.role === 'user') put[put.length - 1] = { role: 'user', text: `${last.text}\n\n${text}` };
  else put.push({ role: 'user', text: text || '(no text)' });
}

function putAssistant(
  put: Message[],
  message: Extract<Message, { role: 'assistant' }>,
  results: readonly ToolResult[],
  ids: Set<string>,
): void {
  const last = put.at(-1)?.role;
  if (last !== 'user' && last !== 'tool') put.push({ role: 'user', text: last === 'assistant' ? 'Go on.' : 'Begin.' });
  const left = [...results];
  const answers = message.toolCalls.map((call): { call: ToolCall; result: ToolResult } => {
    const found = left.findIndex(({ callId }) => callId === call.id);
    const [given] = found < 0 ? [] : left.splice(found, 1);
    const id = unusedId(call.id, ids);
    const text = given?.text ?? 'ERROR: This call was not run.';
    return { call: { ...call, id }, result: { role: 'tool', callId: id, tool: call.name, text } };
  });
  const text = message.text === '' && answers.length === 0 ? '(no text)' : message.text;
  put.push({ role: 'assistant', text, toolCalls: answers.map(({ call }) => call) });
  put.push(...answers.map(({ result }) => result));
}

function unusedId(id: string, ids: Set<string>): string {
  let unused = id;
  for (let count = 2; ids.has(unused); count++) unused = `${id}#${count}`;
  ids.add(unused);
  return unused;
}

function isOrdered(messages: readonly Message[]): boolean {
  const ids = new Set<string>();
  let open: readonly ToolCall[] = [];
  let last: Message['role'] | null = null;
  for (const message of messages) {
    if (message.role === 'tool') {
      if (open[0]?.id !== message.callId) return false;
      open = open.slice(1);
    } else if (open.length > 0) return false;
    if (message.role === 'system' && last !== null) return false;
    if (message.role === 'user' && (last === 'tool' || last === 'user' || message.text === '')) return false;
    if (message.role === 'assistant') {
      if (last !== 'user' && last !== 'tool') return false;
      if (message.text === '' && message.toolCalls.length === 0) return false;
      if (message.toolCalls.some(({ id }) => ids.size === ids.add(id).size)) return false;
      open = message.toolCalls;
    }
    last = message.role;
  }
  return open.length === 0 && (last === 'user' || last === 'tool');
}
