import { randomBytes } from 'node:crypto';
import { z } from 'zod';

import type { ToolCall, Turn } from '../../core/attempt.ts';
import { readArguments } from './read-arguments.ts';
import { recoverCalls } from './recover-calls.ts';

// What servers really answer: content null or in parts, arguments as text or object, ids empty, usage missing.
const Answer = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.union([z.string(), z.array(z.object({ text: z.string().optional() }))]).nullish(),
          tool_calls: z
            .array(
              z.object({
                id: z.string().nullish(),
                function: z.object({ name: z.string().nullish(), arguments: z.unknown().optional() }),
              }),
            )
            .nullish(),
        }),
      }),
    )
    .min(1),
  usage: z
    .object({ prompt_tokens: z.unknown().optional(), completion_tokens: z.unknown().optional() })
    .nullish()
    .catch(null),
});
type Answer = z.infer<typeof Answer>;

const finishes = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  length: 'length',
  model_length: 'length',
} as const;

/** What was asked, as far as it is needed to read the answer. */
export interface Asked {
  readonly promptCharacters: number;
  /** The names of the tools. */
  readonly tools: readonly string[];
  /** What the answer has to name as its model; null where servers name something else. */
  readonly model: string | null;
}

/** An answer that is a whole turn, or why it is none and must be asked for again. */
export function readAnswer(answer: unknown, asked: Asked): Omit<Turn, 'seconds'> | { incomplete: string } {
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) return { incomplete: 'the answer is not a chat completion' };
  const { model, choices, usage } = parsed.data;
  if (asked.model !== null && model && model !== asked.model)
    return { incomplete: `another model answered: ${model.slice(0, 100)}` };
  const choice = choices[0];
  if (!choice) return { incomplete: 'the answer has no choices' };
  const finish = finishes[choice.finish_reason as keyof typeof finishes];
  if (!finish)
    return { incomplete: `the answer did not end properly (finish_reason ${choice.finish_reason ?? 'missing'})` };
  const said = textOf(choice.message.content);
  const native = toolCallsOf(choice.message.tool_calls ?? []);
  if (said.trim() === '' && native.length === 0) return { incomplete: 'the answer is empty' };
  const counted = usageOf(usage, said.length + lengthOf(native), asked.promptCharacters);
  // A turn cut by its length has no whole call: the last one's arguments may end anywhere.
  if (finish === 'length') return { text: said, toolCalls: [], finish, usage: counted };
  if (native.length > 0) return { text: said, toolCalls: native, finish: 'tool_calls', usage: counted };
  const found = asked.tools.length > 0 ? recoverCalls(said, asked.tools) : null;
  if (!found) return { text: said, toolCalls: [], finish: 'stop', usage: counted };
  const toolCalls = found.calls.map((call) => ({ id: newId(), ...call }));
  return { text: found.text, toolCalls, finish: 'tool_calls', recovered: found.recovered, usage: counted };
}

function textOf(content: Answer['choices'][number]['message']['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('');
}

function toolCallsOf(calls: NonNullable<Answer['choices'][number]['message']['tool_calls']>): ToolCall[] {
  const taken = new Set<string>();
  return calls.map((call) => {
    const id = call.id && !taken.has(call.id) ? call.id : newId();
    taken.add(id);
    // Some models put the namespace of their training in front.
    const name = (call.function.name ?? '').trim().replace(/^functions\./, '');
    return { id, name, ...readArguments(call.function.arguments) };
  });
}

function newId(): string {
  return randomBytes(5).toString('hex').slice(0, 9);
}

function lengthOf(calls: readonly ToolCall[]): number {
  return calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);
}

/** What the server counted; an estimate of four characters a token where it counted nothing or nonsense. */
function usageOf(usage: Answer['usage'], written: number, promptCharacters: number): Turn['usage'] {
  const sane = (count: unknown, characters: number) =>
    typeof count === 'number' && Number.isInteger(count) && count >= 0 ? count : Math.ceil(characters / 4);
  return {
    promptTokens: sane(usage?.prompt_tokens, promptCharacters),
    completionTokens: sane(usage?.completion_tokens, written),
  };
}
