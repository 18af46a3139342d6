import type { Attempt, Step } from '../core/attempt.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Environment, JournalEntry, Run, Stage } from '../core/run.ts';
import type { Task } from '../core/task.ts';
import { trajectoryOf } from '../core/trajectory.ts';
import type { TestRun, Verdict } from '../core/verdict.ts';

/** Everything a report may say, folded from what is stored; what is not there yet is null. */
export interface Report {
  readonly run: string;
  readonly task: Task;
  readonly stage: Stage;
  readonly baseBranch: string | null;
  readonly baseCommit: string | null;
  readonly environment: Environment | null;
  readonly baseline: TestRun | null;
  readonly model: string | null;
  /** The attempt whose patch goes on, or the newest. */
  readonly attempt: Attempt | null;
  /** All that have ended, with what the tests said of each. */
  readonly attempts: readonly { readonly attempt: Attempt; readonly verdict: Verdict | null }[];
  readonly steps: readonly Step[];
  readonly verdict: Verdict | null;
  readonly outcome: Outcome | null;
  readonly interruptions: number;
  readonly seconds: number;
}

/** Run + journal → report. */
export function reportOf(run: Run, journal: readonly JournalEntry[], now: Date): Report {
  const last = <K extends JournalEntry['kind']>(kind: K) =>
    journal.findLast((entry): entry is Extract<JournalEntry, { kind: K }> => entry.kind === kind);
  const authorised = last('authorised');
  const started = last('attempt-started');
  const ended = journal.flatMap((entry) => (entry.kind === 'attempt-ended' ? [entry.attempt] : []));
  const number = last('chosen')?.attempt ?? started?.attempt;
  const verdictOf = (attempt: number | undefined) =>
    journal.findLast((entry) => entry.kind === 'verdict' && entry.attempt === attempt) as
      | Extract<JournalEntry, { kind: 'verdict' }>
      | undefined;
  return {
    run: run.id,
    task: run.task,
    stage: last('stage')?.stage ?? 'queued',
    baseBranch: authorised?.baseBranch ?? null,
    baseCommit: authorised?.baseCommit ?? null,
    environment: last('environment')?.environment ?? null,
    baseline: last('baseline')?.run ?? null,
    model: started?.model ?? null,
    attempt: ended.find((attempt) => attempt.number === number) ?? null,
    attempts: ended.map((attempt) => ({ attempt, verdict: verdictOf(attempt.number)?.verdict ?? null })),
    steps: number === undefined ? [] : trajectoryOf(journal, number).steps,
    verdict: verdictOf(number)?.verdict ?? null,
    outcome: last('concluded')?.outcome ?? null,
    interruptions: journal.filter((entry) => entry.kind === 'interrupted').length,
    seconds: Math.max(0, ((run.endedAt ?? now).getTime() - run.receivedAt.getTime()) / 1000),
  };
}
