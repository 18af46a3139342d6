import { z } from 'zod';

/** A patch as data: what `git diff --binary --no-renames` printed against the base commit. Empty text: nothing changed. */
export const Patch = z.object({ baseCommit: z.string(), diff: z.string() });
export type Patch = z.infer<typeof Patch>;

/** One file as the patch leaves it, read from our own clone. `contentBase64` is null where the patch deletes it. */
export const ChangedFile = z.object({
  path: z.string(),
  /** git's mode, six octal digits; only 100644 and 100755 may be published. */
  mode: z.string(),
  contentBase64: z.string().nullable(),
  added: z.number().int(),
  removed: z.number().int(),
});
export type ChangedFile = z.infer<typeof ChangedFile>;
