import type { Attempt, Observation, Step } from '../core/attempt.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Environment, JournalEntry, PolicyResult, Run, Stage } from '../core/run.ts';
import type { Task } from '../core/task.ts';
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
  readonly attempt: Attempt | null;
  readonly steps: readonly Step[];
  readonly policy: PolicyResult | null;
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
  return {
    run: run.id,
    task: run.task,
    stage: last('stage')?.stage ?? 'queued',
    baseBranch: authorised?.baseBranch ?? null,
    baseCommit: authorised?.baseCommit ?? null,
    environment: last('environment')?.environment ?? null,
    baseline: last('baseline')?.run ?? null,
    model: started?.model ?? null,
    attempt: last('attempt-ended')?.attempt ?? null,
    steps: started ? stepsOf(journal, started.attempt) : [],
    policy: last('policy')?.result ?? null,
    verdict: last('verdict')?.verdict ?? null,
    outcome: last('concluded')?.outcome ?? null,
    interruptions: journal.filter((entry) => entry.kind === 'interrupted').length,
    seconds: Math.max(0, ((run.endedAt ?? now).getTime() - run.receivedAt.getTime()) / 1000),
  };
}

/** The steps of one attempt: each turn with the observations that were written after it. */
function stepsOf(journal: readonly JournalEntry[], attempt: number): Step[] {
  const steps: { number: number; turn: Step['turn']; observations: Observation[] }[] = [];
  for (const entry of journal) {
    if (entry.kind === 'turn' && entry.attempt === attempt)
      steps.push({ number: entry.step, turn: entry.turn, observations: [] });
    if (entry.kind === 'observation' && entry.attempt === attempt) steps.at(-1)?.observations.push(entry.observation);
  }
  return steps;
}
