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

/** Something the model has to be told besides; it is shown below the result of a call, where every server allows it. */
export const Notice = z.object({
  kind: z.enum(['wrap-up', 'stuck', 'restarted']),
  /** Which rule of stuck detection, where it is about that. */
  rule: z.string().optional(),
  text: z.string(),
});
export type Notice = z.infer<typeof Notice>;

/** What a tool call came to. The model was shown `text` and then the notices. */
export const Observation = z.object({
  callId: z.string(),
  tool: z.string(),
  /** One line for people: `execute_bash: npm test`. Written by us from the arguments. */
  title: z.string(),
  text: z.string(),
  outcome: z.enum(['ok', 'failed', 'rejected']),
  seconds: z.number(),
  notices: z.array(Notice).optional(),
});
export type Observation = z.infer<typeof Observation>;

/** One step of the trajectory: an answer of the model and what its calls came to. */
export const Step = z.object({ number: z.number().int(), turn: Turn, observations: z.array(Observation) });
export type Step = z.infer<typeof Step>;

/** How a conversation that grew too long was made shorter; what the model is shown follows from these and the steps. */
export const Condensation = z.discriminatedUnion('kind', [
  /** The results of the steps up to this one are shown shortened. */
  z.object({ kind: z.literal('shortened'), upTo: z.number().int() }),
  /** The steps up to this one are shown as this summary, which the model wrote. */
  z.object({
    kind: z.literal('summarised'),
    upTo: z.number().int(),
    summary: z.string(),
    usage: Usage,
    seconds: z.number(),
  }),
]);
export type Condensation = z.infer<typeof Condensation>;

/** How an attempt ended: `finished` by the model's own word, anything else by ours, with the patch unsubmitted. */
export const AttemptEnd = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('finished'), message: z.string() }),
  z.object({ kind: z.literal('limit'), limit: z.enum(['steps', 'tokens', 'minutes', 'context']) }),
  z.object({ kind: z.literal('format-errors') }),
  /** It went round in circles, by this rule of stuck detection. */
  z.object({ kind: z.literal('stuck'), rule: z.string() }),
  /** The model's server refused the conversation for good. */
  z.object({ kind: z.literal('error'), reason: z.string() }),
  /** Somebody asked for it, or another attempt beside it was enough. */
  z.object({ kind: z.literal('stopped'), by: z.enum(['request', 'other-attempt']) }),
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
