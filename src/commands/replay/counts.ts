import type { ReplayedStep } from './replay-steps.ts';

/** How many steps ended in which way. */
type Counts = Readonly<Record<'same' | 'noise' | 'differs' | 'notCompared' | 'notReplayed', number>>;

/** Steps → how many of each. */
export function countSteps(steps: readonly ReplayedStep[]): Counts {
  const count = (kind: ReplayedStep['result']['kind']) => steps.filter(({ result }) => result.kind === kind).length;
  return {
    same: count('same'),
    noise: count('noise'),
    differs: count('differs'),
    notCompared: count('not-compared'),
    notReplayed: count('not-replayed'),
  };
}

/** The counts as the last line for people; what did not happen is named only where it is of interest. */
export function showCounts(steps: number, counts: Counts): string {
  const parts = [
    `${counts.same} same`,
    `${counts.noise} same but for noise`,
    `${counts.differs} differ${counts.differs === 1 ? 's' : ''}`,
    ...(counts.notCompared > 0 ? [`${counts.notCompared} not compared`] : []),
    ...(counts.notReplayed > 0 ? [`${counts.notReplayed} not replayed`] : []),
  ];
  return `${steps} step${steps === 1 ? '' : 's'}: ${parts.join(' · ')}`;
}
