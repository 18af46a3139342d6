import { z } from 'zod';

import type { Claim } from '../core/ports.ts';
import type { Stage } from '../core/run.ts';
import { reportOf } from '../reports/report.ts';
import { renderStatus } from '../reports/status.ts';
import { record, type World } from './world.ts';

/** Enters a stage, of an attempt where it belongs to one: one journal entry, and the run's one comment made or edited to say so. */
export async function showStage(
  claim: Claim,
  world: World,
  stage: Stage,
  signal: AbortSignal,
  attempt?: number,
): Promise<void> {
  const before = await claim.journal();
  if (!before.some((entry) => entry.kind === 'stage' && entry.stage === stage && entry.attempt === attempt)) {
    await record(claim, world, { kind: 'stage', stage, ...(attempt !== undefined && { attempt }) });
  }

  const body = renderStatus(reportOf(claim.run, await claim.journal(), world.clock.now()));
  const put = (known: number | null) =>
    world.forge.putStatus({ task: claim.run.task, run: claim.run.id, known, body }, signal);
  let isNew = false;
  const comment = await claim.write('status-comment', z.number().int(), async () => {
    isNew = true;
    return await put(null);
  });
  // Per fence: a worker that took over says again where the run stands.
  if (!isNew)
    await claim.write(`status:${stage}:${attempt ?? 0}:${claim.run.fence}`, z.number().int(), () => put(comment));
}
