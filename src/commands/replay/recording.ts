import { z } from 'zod';

import { ToolCall } from '../../core/attempt.ts';

/** What a recording did at one point: a call that we have the tool for, or something that we cannot do again. */
export const RecordedStep = z.discriminatedUnion('kind', [
  /** `observation` is what the model was shown; null where the recording holds nothing to compare with. */
  z.object({ kind: z.literal('call'), call: ToolCall, observation: z.string().nullable() }),
  z.object({ kind: z.literal('not-replayed'), title: z.string(), reason: z.string() }),
]);
export type RecordedStep = z.infer<typeof RecordedStep>;

/** A trajectory in the one shape that all formats are read into. */
export const Recording = z.object({
  steps: z.array(RecordedStep),
  /** Where the repository was, when the recording says so; else it is guessed from the paths in its calls. */
  root: z.string().startsWith('/').nullable(),
  /** The commit it was made at, when the recording says so. */
  commit: z.string().nullable(),
});
export type Recording = z.infer<typeof Recording>;

/** One recording of a file, read only when it is the chosen one. */
export interface FoundRecording {
  /** What it can be chosen by: its instance, its trajectory. */
  readonly names: readonly string[];
  /** Throws a zod error when the row is not what its format says. */
  read(): Recording;
}

/** A way of writing trajectories down. `rows` are the lines of a JSON Lines file, the items of an array or the one object. */
export interface RecordingFormat {
  readonly name: string;
  /** The file's recordings, or null when it is not written in this format; told by content alone. */
  find(rows: readonly unknown[]): FoundRecording[] | null;
}
