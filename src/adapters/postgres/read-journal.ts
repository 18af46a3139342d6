import { JournalEntry } from '../../core/run.ts';
import type { Queries } from './database.ts';

/** A run's entries in the order they were written. */
export async function readJournal(queries: Queries, run: string): Promise<JournalEntry[]> {
  const rows = await queries.query('SELECT entry FROM journal WHERE run = $1 ORDER BY seq', [run]);
  return rows.map((row) => JournalEntry.parse(row.entry));
}
