import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { lock } from 'proper-lockfile';

import { SettingsError } from '../../core/errors.ts';
import type { Database } from './database.ts';

const staleMs = 10_000; // proper-lockfile's default; a killed process's lock is free after it at the latest

/**
 * PGlite in the data folder. It admits one process: a lock is held as long as it is open, and the lock of a process that
 * is gone is taken over at once.
 */
export async function openEmbeddedDatabase(folder: string): Promise<Database> {
  await mkdir(folder, { recursive: true });
  const release = await takeLock(folder);
  try {
    const pglite = await PGlite.create(join(folder, 'database'));
    return {
      kind: 'embedded',
      query: async (text, values = []) => (await pglite.query<Record<string, unknown>>(text, [...values])).rows,
      script: async (text) => (await pglite.exec(text)).flatMap((result) => result.rows),
      transaction: async (act) =>
        await pglite.transaction((tx) =>
          act({
            query: async (text, values = []) => (await tx.query<Record<string, unknown>>(text, [...values])).rows,
          }),
        ),
      async close() {
        await pglite.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

async function takeLock(folder: string): Promise<() => Promise<void>> {
  const holderFile = join(folder, 'holder');
  const holder = Number(await readFile(holderFile, 'utf8').catch(() => ''));
  const isGone = holder > 0 && !isRunning(holder);
  try {
    // A dead holder's lock counts as stale from the first moment.
    const release = await lock(folder, {
      lockfilePath: join(folder, 'lock'),
      stale: isGone ? 2000 : staleMs,
      update: 1000,
      retries: isGone ? { retries: 30, minTimeout: 100, maxTimeout: 200 } : 0,
    });
    await writeFile(holderFile, String(process.pid));
    return release;
  } catch (cause) {
    throw new SettingsError(
      `The data folder ${folder} is in use by another devstral-bot (process ${holder || 'unknown'}). Stop it, set DEVSTRAL_DATA to another folder, or set DATABASE_URL.`,
      { cause },
    );
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch {
    return false;
  }
}
