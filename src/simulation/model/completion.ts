import type { ChatRequest } from './conversation-check.ts';
import type { ScriptedTurn } from './script.ts';
import { tokensOf } from './server-manners.ts';

/** A scripted turn as the server's answer: with native calls where the request brought tools, as text where it told of them in words. */
export function completionOf(request: ChatRequest, turn: ScriptedTurn, number: number) {
  const isText = !request.tools && request.messages[0]?.content.includes('<function=');
  const message = isText ? textMessage(request, turn) : nativeMessage(turn, number);
  const finished = 'tool_calls' in message ? 'tool_calls' : 'stop';
  const prompt_tokens = tokensOf(request.messages);
  const completion_tokens = Math.ceil(JSON.stringify(turn).length / 4);
  return {
    id: `chatcmpl-${number}`,
    object: 'chat.completion',
    created: 0,
    model: request.model,
    choices: [{ index: 0, message, finish_reason: turn.finishReason ?? finished }],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

function nativeMessage(turn: ScriptedTurn, number: number) {
  const tool_calls = (turn.calls ?? []).map((call, at) => ({
    id: `c${String(number).padStart(5, '0')}${String(at).padStart(3, '0')}`,
    type: 'function',
    function: {
      name: call.name,
      arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments),
    },
  }));
  return { role: 'assistant', content: turn.text ?? '', ...(tool_calls.length > 0 && { tool_calls }) };
}

/** Devstral 1.x writes one call, and a stop word is never part of the answer. */
function textMessage(request: ChatRequest, { text = '', calls = [] }: ScriptedTurn) {
  const [call] = calls;
  const written = call ? `${text}\n\n<function=${call.name}>\n${parametersOf(call.arguments)}</function>` : text;
  const stops = [request.stop ?? []].flat().map((word) => written.indexOf(word));
  const end = Math.min(written.length, ...stops.filter((at) => at >= 0));
  return { role: 'assistant', content: written.slice(0, end).trimStart() };
}

function parametersOf(given: string | Readonly<Record<string, unknown>>): string {
  if (typeof given === 'string') return given;
  const lines = Object.entries(given).map(([key, value]) => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value);
    return `<parameter=${key}>${shown.includes('\n') ? `\n${shown}\n` : shown}</parameter>\n`;
  });
  return lines.join('');
}
