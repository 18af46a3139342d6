import type { JournalEntry } from '../core/run.ts';

/** The newest entry of a kind: how a step finds out that an earlier worker has done it already. */
export function recall<K extends JournalEntry['kind']>(
  journal: readonly JournalEntry[],
  kind: K,
): Extract<JournalEntry, { kind: K }> | undefined {
  return journal.findLast((entry): entry is Extract<JournalEntry, { kind: K }> => entry.kind === kind);
}
