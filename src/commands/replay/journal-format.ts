import { z } from 'zod';

import { JournalEntry } from '../../core/run.ts';
import { recall } from '../../pipeline/recall.ts';
import type { RecordedStep, Recording, RecordingFormat } from './recording.ts';

const workTree = '/workspace'; // sandbox/Dockerfile.base

/** Our own journal, as `devstral fix` leaves it; each attempt had a sandbox of its own and is a recording of its own. */
export const journalFormat: RecordingFormat = {
  name: 'devstral journal',
  find(rows) {
    if (!JournalEntry.safeParse(rows[0]).success) return null;
    const attempts = new Set(rows.map(attemptOf).filter((number) => number !== null));
    return [...attempts].map((number) => ({
      names: [`attempt-${number}`],
      read: () => readAttempt(z.array(JournalEntry).parse(rows), number),
    }));
  },
};

const TurnRow = z.object({ kind: z.literal('turn'), attempt: z.number() });

function attemptOf(row: unknown): number | null {
  return TurnRow.safeParse(row).data?.attempt ?? null;
}

function readAttempt(journal: readonly JournalEntry[], attempt: number): Recording {
  const turns = journal.filter((entry) => entry.kind === 'turn').filter((entry) => entry.attempt === attempt);
  const observations = journal
    .filter((entry) => entry.kind === 'observation')
    .filter((entry) => entry.attempt === attempt);
  const steps = turns.flatMap(({ step, turn }) =>
    turn.toolCalls.map((call): RecordedStep => {
      const found = observations.find((each) => each.step === step && each.observation.callId === call.id);
      // The first `finish` is answered with the patch of that time: nothing that a single call could give again.
      const isReview = call.name === 'finish' && found?.observation.text !== 'Done.';
      if (found) return { kind: 'call', call, observation: isReview ? null : found.observation.text };
      return { kind: 'not-replayed', title: call.name, reason: 'it was not run when this was recorded' };
    }),
  );
  return { steps, root: workTree, commit: recall(journal, 'authorised')?.baseCommit ?? null };
}
