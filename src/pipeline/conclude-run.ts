import { z } from 'zod';
import { OutsideError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Claim } from '../core/ports.ts';
import { recall } from './recall.ts';
import { showStage } from './show-stage.ts';
import { record, type World } from './world.ts';

/**
 * Outcome → the run's one visible end. The outcome is journalled first, so that a worker killed here is followed by one
 * that only says it again. A person without the right to ask sees one reaction; a duplicate sees nothing.
 */
export async function concludeRun(claim: Claim, world: World, outcome: Outcome, signal: AbortSignal): Promise<void> {
  if (!recall(await claim.journal(), 'concluded')) await record(claim, world, { kind: 'concluded', outcome });
  await sayTheEnd(claim, world, outcome, signal);
  await claim.finish(outcome);
}

async function sayTheEnd(claim: Claim, world: World, outcome: Outcome, signal: AbortSignal): Promise<void> {
  try {
    if (outcome.kind !== 'refused') {
      await showStage(claim, world, 'done', signal);
    } else if (outcome.why === 'no-right') {
      await claim.write('refuse', z.null(), async () => {
        await world.forge.refuse(claim.run.task, signal);
        return null;
      });
    }
  } catch (error) {
    if (!(error instanceof OutsideError) || error.retry !== 'never') throw error;
    // The place to say it is gone (issue deleted or locked, app removed): the log is what is left.
    world.log.error({ run: claim.run.id, outcome, err: error }, 'The end of a run could not be shown');
  }
}
