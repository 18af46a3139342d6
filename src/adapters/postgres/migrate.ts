import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Database } from './database.ts';

const folder = join(import.meta.dirname, 'migrations');
const migrationLock = 7_341_009; // any number, as long as it is always this one

/** Brings the tables up to date: every file of `migrations/` once, in order, each in a transaction. */
export async function migrate(database: Database): Promise<void> {
  await database.script(
    'CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())',
  );
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()) {
    const text = await readFile(join(folder, name), 'utf8');
    await database.transaction(async (tx) => {
      // Two processes that start together: the second waits here and finds it done.
      await tx.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
      const known = await tx.query('SELECT 1 AS known FROM migration WHERE name = $1', [name]);
      if (known.length > 0) return;
      for (const statement of statementsOf(text)) await tx.query(statement);
      await tx.query('INSERT INTO migration (name) VALUES ($1)', [name]);
    });
  }
}

/** Our migrations hold no semicolon but at the end of a statement's last line. */
function statementsOf(text: string): string[] {
  return text.split(/;\s*$/m).filter((statement) => statement.replace(/--.*$/gm, '').trim() !== '');
}
