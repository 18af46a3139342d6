import { setTimeout } from 'node:timers/promises';
import type Docker from 'dockerode';
import { z } from 'zod';

const pollMs = 2000;

const Sized = z.object({ SizeRw: z.number().default(0) });

/** Watches how much a container has written to its own disk, and kills it above the cap. `full` is aborted then. */
export function watchDisk(container: Docker.Container, capBytes: number): { full: AbortSignal } & Disposable {
  const full = new AbortController();
  const over = new AbortController();
  void watch();
  return { full: full.signal, [Symbol.dispose]: () => over.abort() };

  async function watch(): Promise<void> {
    const withSize = { size: true, abortSignal: over.signal };
    while (!over.signal.aborted) {
      try {
        await setTimeout(pollMs, undefined, { signal: over.signal });
        const { SizeRw } = Sized.parse(await container.inspect(withSize));
        if (SizeRw <= capBytes || over.signal.aborted) continue;
        full.abort(new Error('The disk of set-up is full'));
        return void (await container.kill());
      } catch {
        // Gone, or the engine does not answer: whoever runs the command notices that too.
      }
    }
  }
}
