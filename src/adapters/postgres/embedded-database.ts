import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { lock } from 'proper-lockfile';

import { SettingsError } from '../../core/errors.ts';
import type { Database } from './database.ts';
import { pgliteOptions } from './pglite-options.ts';

const execute = promisify(execFile);

const staleMs = 10_000; // proper-lockfile's default; a killed process's lock is free after it at the latest

/**
 * PGlite in the data folder. It admits one process: a lock is held as long as it is open, and the lock of a process that
 * is gone is taken over at once.
 */
export async function openEmbeddedDatabase(folder: string): Promise<Database> {
  await mkdir(folder, { recursive: true });
  const release = await takeLock(folder);
  try {
    const pglite = await openPGlite(join(folder, 'database'));
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

/**
 * Making a database takes a gigabyte of memory that its process keeps: so a process of its own makes it, beside its place,
 * where it is put when it is whole.
 */
async function openPGlite(dataDir: string): Promise<PGlite> {
  const isMade = await access(dataDir).then(
    () => true,
    () => false,
  );
  if (!isMade) {
    const half = `${dataDir}.new`;
    await rm(half, { recursive: true, force: true });
    await execute(process.execPath, [join(import.meta.dirname, 'create-database.ts'), half]);
    await rename(half, dataDir);
  }
  return await PGlite.create({ dataDir, ...pgliteOptions });
}
