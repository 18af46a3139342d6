import type Docker from 'dockerode';

import { BashWire } from './bash-wire.ts';
import type { ExecRequest } from './exec.ts';

// Not interactive, without a terminal: what it prints comes through as it is.
const opener = 'exec 5>&1 2>&1; exec /bin/bash --noprofile --norc';

/** How a file shell is opened. */
interface FileShellSettings {
  readonly container: Docker.Container;
  readonly request: Omit<ExecRequest, 'argv'>;
  readonly outputBytes: number;
  readonly kill: () => Promise<void>;
}

interface Ran {
  readonly exitCode: number | null;
  readonly output: string;
}

/** A kept-open bash for scripts of our own, which no command of the model shares. */
export class FileShell {
  readonly #settings: FileShellSettings;
  #wire: BashWire | null = null;
  /** One script after another, however many are asked for at once. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(settings: FileShellSettings) {
    this.#settings = settings;
  }

  /** Runs a script to its end; null exit code when it did not come to one in time: then everything was killed. */
  async run(script: string, limits: { timeoutMs: number }, signal: AbortSignal): Promise<Ran> {
    const ran = this.#last.then(() => this.#run(script, limits, signal));
    this.#last = ran.catch(() => {});
    return await ran;
  }

  async #run(script: string, { timeoutMs }: { timeoutMs: number }, signal: AbortSignal): Promise<Ran> {
    signal.throwIfAborted();
    const { container, request, outputBytes, kill } = this.#settings;
    const argv = ['/bin/bash', '--noprofile', '--norc', '-c', opener];
    this.#wire ??= await BashWire.open(container, { ...request, argv }, { input: '/dev/null', outputBytes });
    const wire = this.#wire;
    const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const aborted = Promise.withResolvers<null>();
    const abort = () => aborted.resolve(null);
    over.addEventListener('abort', abort, { once: true });
    const ending = await Promise.race([wire.start(script), aborted.promise]);
    over.removeEventListener('abort', abort);
    const { output } = wire.takeOutput();
    if (ending?.kind === 'done') return { exitCode: ending.exitCode, output };
    this.close();
    if (!ending) await kill();
    signal.throwIfAborted();
    return { exitCode: null, output };
  }

  close(): void {
    this.#wire?.close();
    this.#wire = null;
  }
}
