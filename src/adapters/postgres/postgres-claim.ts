import type { PgBoss } from 'pg-boss';
import { z } from 'zod';

import { LeaseLost } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Claim } from '../../core/ports.ts';
import type { JournalEntry, Run } from '../../core/run.ts';
import type { Database, Queries } from './database.ts';
import { storableJson } from './json.ts';
import { readJournal } from './read-journal.ts';

export const queueName = 'run';

/** A queue job as it was fetched; its retry count tells this fetch from a later one. */
export interface Job {
  readonly id: string;
  readonly retryCount: number;
  readonly run: string;
}

interface Parts {
  readonly database: Database;
  readonly boss: PgBoss;
  readonly run: Run;
  readonly job: Job;
  /** Queues the run again, as part of a transaction. */
  readonly send: (tx: Queries, afterMs: number) => Promise<void>;
}

const renewMs = 3_000; // a third of the shortest heartbeat

/** One worker's hold on a run. Every write looks at the fence in the same transaction and is refused when it is old. */
export class PostgresClaim implements Claim {
  readonly run: Run;
  readonly #parts: Parts;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.run = parts.run;
    this.#timer = setInterval(() => void this.#renew(), renewMs);
    this.#timer.unref();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async #renew(): Promise<void> {
    const { boss, database, job, run } = this.#parts;
    try {
      await boss.touch(queueName, [{ id: job.id, retryCount: job.retryCount }]);
      const [row] = await database.query('SELECT fence FROM run WHERE id = $1', [run.id]);
      if (row?.fence !== run.fence) this.#lose();
    } catch {
      // A database that is away for a moment: the next renewal, or the first write, will tell.
    }
  }

  #lose(): LeaseLost {
    const lost = new LeaseLost(`Run ${this.run.id} was claimed anew after fence ${this.run.fence}`);
    this.#lost.abort(lost);
    return lost;
  }

  /** A transaction that begins by making sure that this claim is still the newest, and keeps it so until it commits. */
  async #fenced<T>(act: (tx: Queries) => Promise<T>): Promise<T> {
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
    return await this.#parts.database.transaction(async (tx) => {
      const [row] = await tx.query('SELECT fence, state FROM run WHERE id = $1 FOR UPDATE', [this.run.id]);
      if (row?.fence !== this.run.fence || row?.state !== 'working') throw this.#lose();
      return await act(tx);
    });
  }

  async journal(): Promise<JournalEntry[]> {
    return await readJournal(this.#parts.database, this.run.id);
  }

  async append(entry: JournalEntry): Promise<void> {
    await this.#fenced(async (tx) => {
      await tx.query(
        'INSERT INTO journal (run, seq, fence, entry) SELECT $1, coalesce(max(seq), 0) + 1, $2, $3::jsonb FROM journal WHERE run = $1',
        [this.run.id, this.run.fence, storableJson(entry)],
      );
    });
  }

  async addKey(key: string): Promise<{ kind: 'ours' } | { kind: 'taken'; run: string }> {
    return await this.#fenced(async (tx) => {
      await tx.query('INSERT INTO run_key (key, run) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING', [key, this.run.id]);
      const [row] = await tx.query('SELECT run FROM run_key WHERE key = $1', [key]);
      const run = z.string().parse(row?.run);
      return run === this.run.id ? { kind: 'ours' } : { kind: 'taken', run };
    });
  }

  async write<T>(purpose: string, result: z.ZodType<T>, perform: () => Promise<T>): Promise<T> {
    const known = await this.#fenced(async (tx) => {
      await tx.query(
        'INSERT INTO outbox (run, purpose, fence) VALUES ($1, $2, $3) ON CONFLICT (run, purpose) DO UPDATE SET fence = excluded.fence WHERE NOT outbox.done',
        [this.run.id, purpose, this.run.fence],
      );
      const [row] = await tx.query('SELECT done, result FROM outbox WHERE run = $1 AND purpose = $2', [
        this.run.id,
        purpose,
      ]);
      return row;
    });
    if (known?.done === true) return result.parse(known.result);
    const made = await perform();
    await this.#fenced(async (tx) => {
      await tx.query(
        'UPDATE outbox SET done = true, result = $3::jsonb, done_at = now() WHERE run = $1 AND purpose = $2',
        [this.run.id, purpose, storableJson(made)],
      );
    });
    return made;
  }

  async finish(outcome: Outcome): Promise<void> {
    await this.#fenced(async (tx) => {
      await tx.query("UPDATE run SET state = 'ended', outcome = $2::jsonb, ended_at = now() WHERE id = $1", [
        this.run.id,
        storableJson(outcome),
      ]);
      await this.#completeJob(tx);
    });
    clearInterval(this.#timer);
  }

  async giveBack(afterMs: number): Promise<void> {
    await this.#fenced(async (tx) => {
      await tx.query("UPDATE run SET state = 'received' WHERE id = $1", [this.run.id]);
      await this.#completeJob(tx);
      await this.#parts.send(tx, afterMs);
    });
    clearInterval(this.#timer);
  }

  async #completeJob(tx: Queries): Promise<void> {
    const { boss, job } = this.#parts;
    const db = {
      executeSql: async (text: string, values: unknown[] = []) => ({ rows: [...(await tx.query(text, values))] }),
    };
    await boss.complete(queueName, [{ id: job.id, retryCount: job.retryCount }], null, { db });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
  }
}
