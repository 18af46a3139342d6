import type { Checkouts, Claim, Clock, Forge, Model, Sandboxes } from '../core/ports.ts';
import type { AttemptSettings, JournalEntry } from '../core/run.ts';

/** Where log lines go: a constant message, facts as fields. */
interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Everything a run needs from outside, chosen in `wiring.ts`. */
export interface World {
  readonly forge: Forge;
  readonly checkouts: Checkouts;
  readonly sandboxes: Sandboxes;
  readonly model: Model;
  readonly clock: Clock;
  readonly log: Log;
  readonly attempts: AttemptSettings;
  /** Asked to come to an end: the attempt at work is ended and what it changed is kept. */
  readonly stop: AbortSignal;
  /** How long one run of the repository's tests may take. */
  readonly testsMs: number;
  /** How long after it was received a run keeps trying before it ends as failed. */
  readonly deadlineMs: number;
  /** Told of every journal entry as it is written: for progress on a terminal. */
  readonly watch: (run: string, entry: JournalEntry) => void;
}

/** Appends to the run's journal and tells whoever watches. */
export async function record(claim: Claim, world: Pick<World, 'watch'>, entry: JournalEntry): Promise<void> {
  await claim.append(entry);
  world.watch(claim.run.id, entry);
}
