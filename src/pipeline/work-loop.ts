import { LeaseLost, OutsideError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Claim, Runs } from '../core/ports.ts';
import { concludeRun } from './conclude-run.ts';
import { solveTask } from './solve-task.ts';
import { record, type World } from './world.ts';

/** Claims runs one after another and works on each until the signal says stop; an interrupted run goes back into the queue. */
export async function workLoop(runs: Runs, world: World, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await using claim = await runs.claim(signal);
    if (!claim) return;
    await workOn(claim, world, signal);
  }
}

async function workOn(claim: Claim, world: World, stop: AbortSignal): Promise<void> {
  const run = claim.run.id;
  try {
    // An earlier worker of this run may have been killed in the middle of it.
    if (claim.run.fence > 1) await removeLeftovers(world, async (other) => other !== run);
    const outcome = await decide(claim, world, AbortSignal.any([stop, claim.lost]));
    await concludeRun(claim, world, outcome, AbortSignal.any([stop, claim.lost]));
    world.log.info({ run, outcome: outcome.kind }, 'Run ended');
  } catch (error) {
    if (error instanceof LeaseLost || claim.lost.aborted) {
      world.log.warn({ run, fence: claim.run.fence }, 'Lease lost; another worker has the run');
    } else {
      await claim.giveBack(stop.aborted ? 0 : await pauseMs(claim, world, error));
    }
  }
}

/** Removes what runs left on this machine that `isAlive` denies: containers, volumes, work folders. */
export async function removeLeftovers(world: World, isAlive: (run: string) => Promise<boolean>): Promise<void> {
  await world.sandboxes.removeLeftovers(isAlive);
  await world.checkouts.removeLeftovers(isAlive);
}

/**
 * The one place that decides what an error means for a run: thrown on is what is worth another try, an outcome is
 * what is not. Anything but an `OutsideError` is a bug of ours and says so.
 */
async function decide(claim: Claim, world: World, signal: AbortSignal): Promise<Outcome> {
  const overdue = world.clock.now().getTime() - claim.run.receivedAt.getTime() > world.deadlineMs;
  try {
    return await solveTask(claim, world, signal);
  } catch (error) {
    if (signal.aborted || error instanceof LeaseLost) throw error;
    if (error instanceof OutsideError) {
      if (error.retry === 'never') return { kind: 'failed', reason: error.message };
      if (overdue) return { kind: 'failed', reason: `Gave up after the deadline. Last: ${error.message}` };
      throw error;
    }
    world.log.error({ run: claim.run.id, err: error }, 'A bug ended a run');
    return { kind: 'failed', reason: 'An error inside the bot, which its operator finds in the log.' };
  }
}

/** How long to wait before the next try: what the other side asked for, else 2 s doubling to 5 minutes. */
async function pauseMs(claim: Claim, world: World, error: unknown): Promise<number> {
  const reason = error instanceof Error ? error.message : String(error);
  world.log.warn({ run: claim.run.id, err: error }, 'Run interrupted; it will be tried again');
  const before = (await claim.journal()).filter((entry) => entry.kind === 'interrupted').length;
  await record(claim, world, { kind: 'interrupted', reason });
  if (error instanceof OutsideError && error.waitMs !== undefined) return error.waitMs;
  const firstMs = error instanceof OutsideError && error.retry === 'later' ? 60_000 : 2_000;
  return Math.min(firstMs * 2 ** Math.min(before, 10), 300_000);
}
