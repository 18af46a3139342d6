import { createHash } from 'node:crypto';
import type OpenAI from 'openai';

import type { Message, ToolDefinition } from '../../core/conversation.ts';
import { ordered } from './ordered.ts';
import type { DialectName, Profile } from './profiles.ts';
import { xmlMessages } from './xml-dialect.ts';

type WireMessage = OpenAI.Chat.Completions.ChatCompletionMessageParam & { name?: string };

/** The part of a request that a conversation becomes. */
export interface WireRequest {
  readonly messages: WireMessage[];
  readonly tools?: OpenAI.Chat.Completions.ChatCompletionTool[];
  readonly tool_choice?: 'auto';
  readonly parallel_tool_calls?: false;
  readonly stop?: string[];
}

/** Our conversation in the words of the protocol, valid for the strictest server: the one place where it is translated. */
export function wireRequest(
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  profile: Profile,
  dialect: DialectName = profile.dialect,
): WireRequest {
  const inOrder = ordered(messages);
  if (dialect === 'xml')
    // The stop word ends an answer after its first call: what would follow is an invented result.
    return { messages: xmlMessages(inOrder, tools), ...(tools.length > 0 && { stop: ['</function'] }) };
  const known = remembered(profile);
  return {
    messages: inOrder.map((message) => known(message)),
    ...wireTools(tools, profile),
  };
}

const memories = new WeakMap<Profile, (message: Message) => WireMessage>();

/** A message is translated once: a long conversation comes again with every step. */
function remembered(profile: Profile): (message: Message) => WireMessage {
  const memory = memories.get(profile);
  if (memory) return memory;
  const known = new WeakMap<Message, WireMessage>();
  const translate = (message: Message) => {
    const made = known.get(message) ?? wireMessage(message, profile);
    known.set(message, made);
    return made;
  };
  memories.set(profile, translate);
  return translate;
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
            function: { name: wireName(call.name), arguments: validJson(call.arguments) },
          })),
        }),
      };
    case 'tool':
      return {
        role: 'tool',
        tool_call_id: wireId(message.callId),
        content: message.text || '(no output)',
        ...(profile.namesTools && { name: wireName(message.tool) }),
      };
  }
}

/** Tools as the protocol wants them; left out when there are none, since `tools: []` is refused. */
function wireTools(tools: readonly ToolDefinition[], profile: Profile): Omit<WireRequest, 'messages'> {
  if (tools.length === 0) return {};
  return {
    tools: tools.map(({ name, description, parameters }) => ({
      type: 'function' as const,
      function: { name, description, parameters: { ...parameters } },
    })),
    tool_choice: 'auto',
    ...(profile.parallelToolCalls && { parallel_tool_calls: false as const }),
  };
}

/** Mistral takes ids of nine letters and digits only; the same id always gives the same nine. */
function wireId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** What a model made up as a tool's name may hold anything; a request may not. */
function wireName(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'unknown';
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
