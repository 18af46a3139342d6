import { createHash } from 'node:crypto';
import type OpenAI from 'openai';

import type { Message, ToolDefinition } from '../../core/conversation.ts';
import type { Profile } from './profiles.ts';

type WireMessage = OpenAI.Chat.Completions.ChatCompletionMessageParam & { name?: string };

/** Our conversation in the words of the protocol, valid for the strictest server: the one place where it is translated. */
export function wireMessages(messages: readonly Message[], profile: Profile): WireMessage[] {
  return messages.map((message) => wireMessage(message, profile));
}

function wireMessage(message: Message, profile: Profile): WireMessage {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text };
    case 'assistant':
      return {
        role: 'assistant',
        content: message.text, // never null: Jinja templates fail on it
        ...(message.toolCalls.length > 0 && {
          tool_calls: message.toolCalls.map((call) => ({
            id: wireId(call.id),
            type: 'function' as const,
            function: { name: call.name, arguments: validJson(call.arguments) },
          })),
        }),
      };
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: wireId(message.callId),
        content: message.text || '(no output)',
        ...(profile.namesTools && { name: message.tool }),
      };
  }
}

/** Tools as the protocol wants them; left out when there are none, since `tools: []` is refused. */
export function wireTools(tools: readonly ToolDefinition[]): {
  tools?: OpenAI.Chat.Completions.ChatCompletionTool[];
  tool_choice?: 'auto';
} {
  if (tools.length === 0) return {};
  return {
    tools: tools.map(({ name, description, parameters }) => ({
      type: 'function' as const,
      function: { name, description, parameters: { ...parameters } },
    })),
    tool_choice: 'auto',
  };
}

/** Mistral takes ids of nine letters and digits only; the same id always gives the same nine. */
function wireId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** Broken arguments are never sent again: a server that parses them answers 500 to every later turn. */
function validJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? text : '{}';
  } catch {
    return '{}';
  }
}
