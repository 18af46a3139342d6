import type { Attempt } from '../core/attempt.ts';
import type { JournalEntry, PolicyResult } from '../core/run.ts';
import type { Verdict } from '../core/verdict.ts';

/** An attempt with what was found out about its patch; `verdict` is null where it was not run against the tests. */
export interface Candidate {
  readonly attempt: Attempt;
  readonly policy: PolicyResult;
  readonly verdict: Verdict | null;
}

/** The attempts that have been judged, in order of their numbers, as they stand on record. */
export function candidatesOf(journal: readonly JournalEntry[]): Candidate[] {
  return journal
    .flatMap((entry) => (entry.kind === 'attempt-ended' ? [entry.attempt] : []))
    .flatMap((attempt) => {
      const about = journal.filter((entry) => 'attempt' in entry && entry.attempt === attempt.number);
      const policy = about.findLast((entry) => entry.kind === 'policy')?.result;
      const verdict = about.findLast((entry) => entry.kind === 'verdict')?.verdict ?? null;
      return policy ? [{ attempt, policy, verdict }] : [];
    })
    .toSorted((a, b) => a.attempt.number - b.attempt.number);
}

/** The one whose patch goes on, or the newest where none was chosen. */
export function chosenOf(journal: readonly JournalEntry[]): Candidate | null {
  const candidates = candidatesOf(journal);
  const chosen = journal.findLast((entry) => entry.kind === 'chosen')?.attempt;
  return candidates.find(({ attempt }) => attempt.number === chosen) ?? candidates.at(-1) ?? null;
}
