import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { Claim } from '../core/ports.ts';
import { recall } from './recall.ts';
import { record, type World } from './world.ts';

/** What a run works on, once the forge has said that its asker may ask. */
export type Authority =
  | { kind: 'granted'; baseBranch: string; baseCommit: string }
  | { kind: 'refused'; outcome: Outcome };

/** The run's first stage: may this person write here, and has the same request come by another way? Then the base is pinned. */
export async function authorise(claim: Claim, world: World, signal: AbortSignal): Promise<Authority> {
  const { task, id } = claim.run;
  if (!(await world.forge.mayWrite(task, signal))) {
    const reason = `@${task.askedBy.login} may not write to this repository.`;
    return { kind: 'refused', outcome: { kind: 'refused', why: 'no-right', reason } };
  }
  const known = recall(await claim.journal(), 'authorised');
  if (known) return { kind: 'granted', baseBranch: known.baseBranch, baseCommit: known.baseCommit };

  const name = await world.forge.identify(task, signal);
  const key = name ? await claim.addKey(name) : { kind: 'ours' as const };
  if (key.kind === 'taken' && key.run !== id) {
    const reason = `The same request is run ${key.run}.`;
    return { kind: 'refused', outcome: { kind: 'refused', why: 'duplicate', reason } };
  }
  await claim.write('acknowledge', z.null(), async () => {
    await world.forge.acknowledge(task, signal);
    return null;
  });
  const base = await world.forge.base(task, signal);
  await record(claim, world, { kind: 'authorised', baseBranch: base.branch, baseCommit: base.commit });
  return { kind: 'granted', baseBranch: base.branch, baseCommit: base.commit };
}
