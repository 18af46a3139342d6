import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { PgBoss } from 'pg-boss';
import { z } from 'zod';

import { Outcome } from '../../core/outcome.ts';
import type { Claim, Runs } from '../../core/ports.ts';
import { type JournalEntry, Run } from '../../core/run.ts';
import type { Task } from '../../core/task.ts';
import type { Database, Queries } from './database.ts';
import { openEmbeddedDatabase } from './embedded-database.ts';
import { storableJson } from './json.ts';
import { migrate } from './migrate.ts';
import { type Job, PostgresClaim, queueName } from './postgres-claim.ts';
import { readJournal } from './read-journal.ts';
import { openServerDatabase } from './server-database.ts';

export interface StoreSettings {
  readonly database:
    | { readonly kind: 'embedded'; readonly folder: string }
    | { readonly kind: 'server'; readonly url: string };
  /** pg-boss takes no less than 10. */
  readonly heartbeatSeconds?: number;
  readonly log: { warn(facts: object, message: string): void };
}

/** Opens store and queue: the same tables and the same code on the embedded database and on a server. */
export async function openRuns(settings: StoreSettings): Promise<Runs> {
  const { database: where, log } = settings;
  const database =
    where.kind === 'embedded' ? await openEmbeddedDatabase(where.folder) : await openServerDatabase(where.url, log);
  try {
    await migrate(database);
    const boss = await openQueue(database, settings);
    const runs = new PostgresRuns(database, boss);
    if (database.kind === 'embedded') await runs.requeueWorking();
    return runs;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openQueue(database: Database, { heartbeatSeconds = 10, log }: StoreSettings): Promise<PgBoss> {
  const boss = new PgBoss({
    db: {
      executeSql: async (text, values = []) => ({
        rows: [...(await (values.length > 0 ? database.query(text, values) : database.script(text)))],
      }),
    },
    backend: database.kind === 'embedded' ? 'pglite' : 'postgres',
    schedule: false,
    // A dead worker's job is with another after the heartbeat and one look of the monitor.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
    queueCacheIntervalSeconds: 3600,
    reindex: false,
    monitorVacuum: false,
  });
  boss.on('error', (error) => log.warn({ err: error }, 'The queue had an error; it goes on'));
  await boss.start();
  // Runs end by their own deadline: the queue only moves what a dead worker left.
  await boss.createQueue(queueName, {
    expireInSeconds: 23 * 3600,
    retryLimit: 1000,
    retryDelay: 0,
    heartbeatSeconds,
    retentionSeconds: 30 * 86_400,
  });
  // The first send inside a PGlite transaction would wait for the queue's description, which waits for the transaction.
  await boss.touch(queueName, randomUUID());
  return boss;
}

const RunRow = z.object({
  id: z.string(),
  task: z.unknown(),
  state: z.string(),
  outcome: z.unknown(),
  fence: z.number(),
  received_at: z.coerce.date(),
  ended_at: z.coerce.date().nullable(),
});

function runOf(row: unknown): Run {
  const { received_at: receivedAt, ended_at: endedAt, ...rest } = RunRow.parse(row);
  return Run.parse({
    ...rest,
    outcome: rest.outcome === null ? null : Outcome.parse(rest.outcome),
    receivedAt,
    endedAt,
  });
}

const pollMs = 200;

class PostgresRuns implements Runs {
  readonly #database: Database;
  readonly #boss: PgBoss;

  constructor(database: Database, boss: PgBoss) {
    this.#database = database;
    this.#boss = boss;
  }

  async accept(task: Task, keys: readonly string[]): Promise<{ kind: 'accepted' | 'duplicate'; run: string }> {
    const id = newId();
    return await this.#database.transaction(async (tx) => {
      await tx.query('INSERT INTO run (id, task, state) VALUES ($1, $2::jsonb, $3)', [
        id,
        storableJson(task),
        'received',
      ]);
      for (const key of keys) {
        const taken = await tx.query(
          'INSERT INTO run_key (key, run) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING RETURNING run',
          [key, id],
        );
        if (taken.length > 0) continue;
        const [known] = await tx.query('SELECT run FROM run_key WHERE key = $1', [key]);
        await tx.query('DELETE FROM run WHERE id = $1', [id]);
        return { kind: 'duplicate', run: z.string().parse(known?.run) };
      }
      await this.#send(tx, id, 0);
      return { kind: 'accepted', run: id };
    });
  }

  /** A job for the run, and the run told which one it is. */
  async #send(tx: Queries, run: string, afterMs: number): Promise<void> {
    const db = {
      executeSql: async (text: string, values: unknown[] = []) => ({ rows: [...(await tx.query(text, values))] }),
    };
    const startAfter = new Date(Date.now() + afterMs);
    const job = await this.#boss.send(queueName, { run }, { db, ...(afterMs > 0 && { startAfter }) });
    if (!job) throw new Error(`The queue took no job for run ${run}`);
    await tx.query('UPDATE run SET job = $2 WHERE id = $1', [run, job]);
  }

  async claim(signal: AbortSignal): Promise<Claim | null> {
    while (!signal.aborted) {
      const [job] = await this.#boss.fetch<{ run: string }>(queueName, { includeMetadata: true });
      const claim = job && (await this.#claimFor({ id: job.id, retryCount: job.retryCount, run: job.data.run }));
      if (claim) return claim;
      if (!job) await setTimeout(pollMs, undefined, { signal }).catch(() => {});
    }
    return null;
  }

  async #claimFor(job: Job): Promise<Claim | null> {
    const [row] = await this.#database.query(
      "UPDATE run SET fence = fence + 1, state = 'working' WHERE id = $1 AND job = $2 AND state <> 'ended' RETURNING *",
      [job.run, job.id],
    );
    if (row)
      return new PostgresClaim({
        database: this.#database,
        boss: this.#boss,
        run: runOf(row),
        job,
        send: (tx, afterMs) => this.#send(tx, job.run, afterMs),
      });
    // The run has ended, or another job stands for it now.
    await this.#boss.complete(queueName, [{ id: job.id, retryCount: job.retryCount }]);
    return null;
  }

  /** After a start of the embedded database nobody else can be working: what was in work is waiting again. */
  async requeueWorking(): Promise<void> {
    await this.#database.transaction(async (tx) => {
      for (const row of await tx.query("SELECT id FROM run WHERE state = 'working'"))
        await this.#send(tx, z.string().parse(row.id), 0);
    });
  }

  async find(id: string): Promise<Run | null> {
    const [row] = await this.#database.query('SELECT * FROM run WHERE id = $1', [id]);
    return row ? runOf(row) : null;
  }

  async journal(run: string): Promise<JournalEntry[]> {
    return await readJournal(this.#database, run);
  }

  async ready(): Promise<void> {
    await this.#database.query('SELECT 1 AS one');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#boss.stop({ graceful: false });
    await this.#database.close();
  }
}

/** Ten signs that go into branch names and addresses without a second thought. */
function newId(): string {
  const signs = 'abcdefghijkmnpqrstuvwxyz23456789';
  return Array.from({ length: 10 }, () => signs[randomInt(signs.length)]).join('');
}
