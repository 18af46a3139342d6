import { randomBytes } from 'node:crypto';
import { z } from 'zod';

import type { ToolCall, Turn } from '../../core/attempt.ts';

// What servers really answer: content null or in parts, arguments as text or object, ids empty, usage missing.
const Answer = z.object({
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
                function: z.object({
                  name: z.string(),
                  arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
                }),
              }),
            )
            .nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});

const finishes = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  length: 'length',
  model_length: 'length',
} as const;

/** An answer that is a whole turn, or why it is none and must be asked for again. */
export function readAnswer(answer: unknown, promptCharacters: number): Omit<Turn, 'seconds'> | { incomplete: string } {
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) return { incomplete: 'the answer is not a chat completion' };
  const choice = parsed.data.choices[0];
  if (!choice) return { incomplete: 'the answer has no choices' };
  const finish = finishes[choice.finish_reason as keyof typeof finishes];
  if (!finish)
    return { incomplete: `the answer did not end properly (finish_reason ${choice.finish_reason ?? 'missing'})` };
  const text = textOf(choice.message.content);
  const toolCalls = toolCallsOf(choice.message.tool_calls ?? []);
  if (text.trim() === '' && toolCalls.length === 0) return { incomplete: 'the answer is empty' };
  // A turn cut by its length has no whole call: the last one's arguments may end anywhere.
  const whole = finish === 'length' ? [] : toolCalls;
  return {
    text,
    toolCalls: whole,
    finish: whole.length > 0 ? 'tool_calls' : finish === 'length' ? 'length' : 'stop',
    usage: usageOf(parsed.data.usage, text, promptCharacters),
  };
}

function textOf(content: z.infer<typeof Answer>['choices'][number]['message']['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('');
}

function toolCallsOf(
  calls: NonNullable<z.infer<typeof Answer>['choices'][number]['message']['tool_calls']>,
): ToolCall[] {
  const taken = new Set<string>();
  return calls.map((call) => {
    const given = call.function.arguments ?? '';
    const id = call.id && !taken.has(call.id) ? call.id : randomBytes(5).toString('hex').slice(0, 9);
    taken.add(id);
    return { id, name: call.function.name, arguments: typeof given === 'string' ? given : JSON.stringify(given) };
  });
}

/** What the server counted; an estimate of four characters a token where it counted nothing or nonsense. */
function usageOf(usage: z.infer<typeof Answer>['usage'], text: string, promptCharacters: number): Turn['usage'] {
  const sane = (count: number | undefined, characters: number) =>
    count !== undefined && Number.isInteger(count) && count >= 0 ? count : Math.ceil(characters / 4);
  return {
    promptTokens: sane(usage?.prompt_tokens, promptCharacters),
    completionTokens: sane(usage?.completion_tokens, text.length),
  };
}
