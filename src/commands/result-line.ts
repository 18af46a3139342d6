import type { JournalEntry, Run } from '../core/run.ts';
import { candidatesOf, chosenOf } from '../pipeline/candidate.ts';

/** What a finished run comes to, for machines: the last line of `demo --json` and `fix --json`. */
export interface ResultLine {
  readonly pullRequest: string | null;
  readonly verdict: string;
  readonly fixed: number;
  readonly stillPassing: number;
  readonly newlyFailing: number;
  readonly attempts: number;
  readonly steps: number;
  readonly seconds: number;
}

/** Folds a run's journal into its result line; every number comes from stored results. */
export function resultLine(run: Run, journal: readonly JournalEntry[]): ResultLine {
  const verdict = chosenOf(journal)?.verdict;
  const ended = run.endedAt ?? run.receivedAt;
  return {
    pullRequest: run.outcome?.kind === 'pull-request' ? run.outcome.url : null,
    verdict: verdict?.kind ?? 'unverifiable',
    fixed: verdict?.comparison.fixed.length ?? 0,
    stillPassing: verdict?.comparison.stillPassing.length ?? 0,
    newlyFailing: verdict ? verdict.comparison.newlyFailing.length + verdict.comparison.vanished.length : 0,
    attempts: candidatesOf(journal).length,
    steps: chosenOf(journal)?.attempt.steps ?? 0,
    seconds: Math.round((ended.getTime() - run.receivedAt.getTime()) / 100) / 10,
  };
}

/** The same for people: one verdict line, or why there is none. */
export function verdictLine(run: Run, journal: readonly JournalEntry[]): string {
  const verdict = chosenOf(journal)?.verdict;
  const outcome = run.outcome;
  if (outcome && outcome.kind !== 'pull-request') return `No pull request (${outcome.kind}): ${outcome.reason}`;
  return verdict ? `Verdict: ${verdict.kind} — ${verdict.headline}` : 'Verdict: none';
}
