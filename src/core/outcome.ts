import { z } from 'zod';

/** How a run ended, once and visibly. */
export const Outcome = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('pull-request'),
    number: z.number().int(),
    url: z.string(),
    draft: z.boolean(),
    branch: z.string(),
    commit: z.string(),
  }),
  z.object({ kind: z.literal('refused'), why: z.enum(['no-right', 'duplicate']), reason: z.string() }),
  z.object({ kind: z.literal('abstained'), reason: z.string() }),
  z.object({ kind: z.literal('stopped'), reason: z.string() }),
  z.object({ kind: z.literal('failed'), reason: z.string() }),
]);
export type Outcome = z.infer<typeof Outcome>;
