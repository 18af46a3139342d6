import { OutsideError } from '../core/errors.ts';
import type { Patch } from '../core/patch.ts';
import type { Clock, Sandbox } from '../core/ports.ts';
import type { JournalEntry } from '../core/run.ts';

// A model that answers faster than this leaves no time to look at the work tree; then every so many steps will do, and
// what was done since is done again from the journal.
const graceMs = 100;
const mostSteps = 20;

/** Keeps the work tree on record while the model thinks, so that a step never waits for it for long. */
export class Checkpoints {
  readonly #request: {
    readonly sandbox: Sandbox;
    readonly clock: Clock;
    readonly attempt: number;
    readonly append: (entry: JournalEntry) => Promise<void>;
  };
  #last: Patch | null;
  #step: number;
  #changed: number | null = null;

  constructor(
    request: {
      readonly sandbox: Sandbox;
      readonly clock: Clock;
      readonly attempt: number;
      readonly append: (entry: JournalEntry) => Promise<void>;
    },
    from: { readonly step: number; readonly patch: Patch } | null,
  ) {
    this.#request = request;
    this.#last = from?.patch ?? null;
    this.#step = from?.step ?? 0;
  }

  /** A step has been done that may have changed files. */
  changed(step: number): void {
    this.#changed = step;
  }

  /** Waits for the answer, and takes a checkpoint meanwhile if one is due; nothing else may touch the work tree until it returns. */
  async during<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#changed === null) return await answer;
    if (this.#changed - this.#step < mostSteps) {
      const grace = new AbortController();
      const patience = this.#request.clock.sleep(graceMs, grace.signal).then(
        () => 'slow' as const,
        () => 'slow' as const,
      );
      const first = await Promise.race([answer.then(() => 'answered' as const), patience]);
      grace.abort();
      if (first === 'answered') return await answer;
    }
    // Both are waited for, whatever becomes of one of them: what comes next may touch the work tree or close the sandbox.
    const [answered, taken] = await Promise.allSettled([answer, this.take(signal)]);
    if (answered.status === 'rejected') throw answered.reason;
    if (taken.status === 'rejected') throw taken.reason;
    return answered.value;
  }

  /** Takes one now, if anything may have changed since the last. */
  async take(signal: AbortSignal): Promise<void> {
    const step = this.#changed;
    if (step === null) return;
    const { sandbox, attempt, append } = this.#request;
    const patch = await sandbox.peekPatch(signal).catch((error: unknown) => {
      // Too large, or nobody there to take it: the work goes on without it, and its end will say what is wrong.
      if (error instanceof OutsideError) return null;
      throw error;
    });
    if (!patch) return;
    await append({ kind: 'checkpoint', attempt, step, patch: patch.diff === this.#last?.diff ? null : patch });
    this.#last = patch;
    this.#step = step;
    this.#changed = null;
  }
}
