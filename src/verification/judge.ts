import type { Comparison, TestRun, Verdict } from '../core/verdict.ts';
import { compareRuns } from './compare-runs.ts';

/** What is judged: the suite without and with the patch, and the paths that the patch touches. */
export interface Evidence {
  readonly baseline: TestRun;
  readonly patched: TestRun;
  readonly changedPaths: readonly string[];
}

/** Two runs → verdict. Nothing but their reports counts; a run that could not be read proves nothing, in either direction. */
export function judge({ baseline, patched, changedPaths }: Evidence): Verdict {
  const comparison = compareRuns(baseline, patched);
  const about = { comparison, baseline, patched };
  const unusable = unusableReason(baseline, patched);
  if (unusable) return { kind: 'unverifiable', headline: unusable, provedBy: null, ...about };

  const { fixed, newlyFailing, vanished, newFailing } = comparison;
  const provedBy =
    fixed.length === 0 ? null : fixed.some((identity) => !isTouched(identity, changedPaths)) ? 'repository' : 'patch';
  const headline = headlineOf(comparison, provedBy);
  if (newlyFailing.length + vanished.length > 0) return { kind: 'regresses', headline, provedBy: null, ...about };
  if (provedBy === null) return { kind: 'no-regressions', headline, provedBy, ...about };
  return { kind: newFailing.length > 0 ? 'partly' : 'verified', headline, provedBy, ...about };
}

function unusableReason(baseline: TestRun, patched: TestRun): string | null {
  const usable = (run: TestRun) => run.class === 'passed' || run.class === 'failed';
  if (!usable(baseline)) return `The tests could not be judged before the patch: ${baseline.reason}`;
  return usable(patched) ? null : `The tests could not be judged with the patch: ${patched.reason}`;
}

/** A test whose file the patch changed is the patch's own word; so is one whose file is not known when any test file was changed. */
function isTouched(identity: string, changedPaths: readonly string[]): boolean {
  const [file = '', ...rest] = identity.split(' › ');
  if (rest.length > 0 && changedPaths.includes(file)) return true;
  const namesFile = rest.length > 0 && /\.\w+$/.test(file);
  return (
    !namesFile &&
    changedPaths.some((path) => /(^|\/)(tests?|spec|__tests__)\/|[._-](test|spec)\.|(^|\/)test_/.test(path))
  );
}

function headlineOf(
  { fixed, stillPassing, newlyFailing, vanished, newFailing, alreadyFailing }: Comparison,
  provedBy: Verdict['provedBy'],
): string {
  const count = (list: readonly string[], words: string) => (list.length > 0 ? [`${list.length} ${words}`] : []);
  const whose =
    provedBy === 'patch'
      ? ', by tests that this patch touched'
      : provedBy === 'repository'
        ? ", by the repository's own tests"
        : '';
  return [
    fixed.length > 0 ? `${fixed.length} fixed${whose}` : 'no failing test was fixed',
    ...count(stillPassing, 'still passing'),
    `${newlyFailing.length} newly failing`,
    ...count(vanished, 'vanished'),
    ...count(newFailing, 'new and failing'),
    ...count(alreadyFailing, 'already failing before'),
  ].join(' · ');
}
