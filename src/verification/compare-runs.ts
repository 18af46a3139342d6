import type { Comparison, TestRun, TestStatus } from '../core/verdict.ts';
import { identityOf } from './identified.ts';

type Fate = keyof Comparison;

/** Two runs of a suite, compared test by test. What is not reported any more has vanished, whatever it was before. */
export function compareRuns(before: TestRun, after: TestRun): Comparison {
  const comparison: Record<Fate, string[]> = {
    fixed: [],
    stillPassing: [],
    newlyFailing: [],
    alreadyFailing: [],
    vanished: [],
    newPassing: [],
    newFailing: [],
    skipped: [],
  };
  const was = new Map(before.tests.map((test) => [identityOf(test), test.status]));
  const is = new Map(after.tests.map((test) => [identityOf(test), test.status]));
  for (const [identity, status] of is) comparison[fateOf(was.get(identity), status)].push(identity);
  for (const [identity, status] of was)
    if (!is.has(identity) && status !== 'skipped') comparison.vanished.push(identity);
  return comparison;
}

function fateOf(was: TestStatus | undefined, is: TestStatus): Fate {
  if (is === 'skipped') return was === 'passed' || was === 'xfail' ? 'newlyFailing' : 'skipped';
  const fails = failing(is);
  if (was === undefined || was === 'skipped') return fails ? 'newFailing' : 'newPassing';
  if (failing(was)) return fails ? 'alreadyFailing' : 'fixed';
  return fails ? 'newlyFailing' : 'stillPassing';
}

function failing(status: TestStatus): boolean {
  return status === 'failed' || status === 'error' || status === 'timeout';
}
