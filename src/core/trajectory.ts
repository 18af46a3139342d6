import type { Condensation, Observation, Step } from './attempt.ts';
import type { Patch } from './patch.ts';
import type { JournalEntry } from './run.ts';

/** What an attempt has done so far. */
export interface Trajectory {
  readonly steps: readonly Step[];
  readonly condensations: readonly Condensation[];
  /** The work tree as it was last looked at, and after which step; null where it never was. */
  readonly checkpoint: { readonly step: number; readonly patch: Patch } | null;
}

/** Journal → trajectory of one attempt: each turn with the observations that were written after it. */
export function trajectoryOf(journal: readonly JournalEntry[], attempt: number): Trajectory {
  const steps: { number: number; turn: Step['turn']; observations: Observation[] }[] = [];
  const condensations: Condensation[] = [];
  let checkpoint: Trajectory['checkpoint'] = null;
  for (const entry of journal) {
    if (!('attempt' in entry) || entry.attempt !== attempt) continue;
    if (entry.kind === 'turn') steps.push({ number: entry.step, turn: entry.turn, observations: [] });
    if (entry.kind === 'observation') steps.at(-1)?.observations.push(entry.observation);
    if (entry.kind === 'condensed') condensations.push(entry.condensation);
    if (entry.kind === 'checkpoint') checkpoint = checkpointAfter(checkpoint, entry);
  }
  return { steps, condensations, checkpoint };
}

function checkpointAfter(
  before: Trajectory['checkpoint'],
  { step, patch }: Extract<JournalEntry, { kind: 'checkpoint' }>,
): Trajectory['checkpoint'] {
  const known = patch ?? before?.patch;
  return known ? { step, patch: known } : before;
}
