import { z } from 'zod';

import { Patch } from './patch.ts';

export const ToolCall = z.object({
  id: z.string(),
  name: z.string(),
  /** Always the text of a JSON object: what was broken is not kept, or servers that parse it would fail ever after (OpenHands#13949). */
  arguments: z.string(),
  /** Why the call as the model wrote it cannot be run, in words for the model; such a call is answered and never run. */
  problem: z.string().optional(),
});
export type ToolCall = z.infer<typeof ToolCall>;

export const Usage = z.object({ promptTokens: z.number().int(), completionTokens: z.number().int() });
export type Usage = z.infer<typeof Usage>;

/** One whole answer of the model; it exists only when the server said that it was finished. */
export const Turn = z.object({
  text: z.string(),
  toolCalls: z.array(ToolCall),
  finish: z.enum(['stop', 'tool_calls', 'length']),
  /** Where the calls were found when the server did not hand them over as calls: read out of the text. */
  recovered: z.enum(['xml', 'marker', 'json']).optional(),
  usage: Usage,
  seconds: z.number(),
});
export type Turn = z.infer<typeof Turn>;

/** What a tool call came to. `text` is exactly what the model was shown. */
export const Observation = z.object({
  callId: z.string(),
  tool: z.string(),
  /** One line for people: `execute_bash: npm test`. Written by us from the arguments. */
  title: z.string(),
  text: z.string(),
  outcome: z.enum(['ok', 'failed', 'rejected']),
  seconds: z.number(),
});
export type Observation = z.infer<typeof Observation>;

/** One step of the trajectory: an answer of the model and what its calls came to. */
export const Step = z.object({ number: z.number().int(), turn: Turn, observations: z.array(Observation) });
export type Step = z.infer<typeof Step>;

/** How an attempt ended: `finished` by the model's own word, anything else by ours. */
export const AttemptEnd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('finished'), message: z.string() }),
  z.object({ kind: z.literal('limit'), limit: z.enum(['steps', 'tokens', 'minutes', 'context']) }),
  z.object({ kind: z.literal('format-errors') }),
  z.object({ kind: z.literal('stopped') }),
]);
export type AttemptEnd = z.infer<typeof AttemptEnd>;

/** One try of the agent. */
export const Attempt = z.object({
  number: z.number().int(),
  end: AttemptEnd,
  patch: Patch,
  steps: z.number().int(),
  usage: Usage,
  seconds: z.number(),
});
export type Attempt = z.infer<typeof Attempt>;
