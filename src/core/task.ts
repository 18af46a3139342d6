import { z } from 'zod';

/** A repository on the forge. `id` is the forge's number and outlives renames; `installation` is 0 where there is none. */
export const Repository = z.object({
  id: z.number().int(),
  owner: z.string().min(1),
  name: z.string().min(1),
  installation: z.number().int(),
  defaultBranch: z.string().min(1),
});
export type Repository = z.infer<typeof Repository>;

/** Who asked. `login` as the forge spells it. */
const Person = z.object({ id: z.number().int(), login: z.string().min(1) });

/** What was done to ask: it says where the answer to a refusal goes and what a replay is recognised by. */
const Request = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('label'), label: z.string(), issueUpdatedAt: z.string() }),
  z.object({ kind: z.literal('comment'), commentId: z.number().int(), instructions: z.string() }),
  z.object({ kind: z.literal('command-line') }),
]);

/** What somebody asked for. Text is as signed in the payload at the time of asking, never fetched later. */
export const Task = z.object({
  kind: z.literal('issue'),
  repository: Repository,
  issue: z.object({
    number: z.number().int(),
    title: z.string(),
    body: z.string(),
    author: z.string(),
    url: z.string(),
  }),
  askedBy: Person,
  askedAt: z.iso.datetime({ offset: true }),
  request: Request,
});
export type Task = z.infer<typeof Task>;
