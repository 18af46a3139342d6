import type { Delivery } from '../core/delivery.ts';
import type { Runs } from '../core/ports.ts';
import type { Trigger } from '../triggers/trigger.ts';

/** What became of a delivery: nothing to do, a new run, or one that is on record already. */
export type Received = { kind: 'ignored' } | { kind: 'accepted' | 'duplicate'; run: string };

/** Delivery → run. When this returns, the run and its job are committed; only then may GitHub be answered. */
export async function receiveDelivery(
  delivery: Delivery,
  { triggers, runs }: { triggers: readonly Trigger[]; runs: Runs },
): Promise<Received> {
  for (const trigger of triggers) {
    const request = trigger.recognise(delivery);
    if (request) return await runs.accept(request.task, request.keys);
  }
  return { kind: 'ignored' };
}
