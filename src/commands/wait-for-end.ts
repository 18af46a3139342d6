import { setTimeout } from 'node:timers/promises';

import type { Runs } from '../core/ports.ts';
import type { Run } from '../core/run.ts';

/** Waits until a run has ended and gives it as it is on record. */
export async function waitForEnd(runs: Runs, id: string, signal: AbortSignal): Promise<Run> {
  for (;;) {
    const run = await runs.find(id);
    if (run?.state === 'ended') return run;
    await setTimeout(100, undefined, { signal });
  }
}
