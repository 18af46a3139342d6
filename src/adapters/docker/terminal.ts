import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';

import type { TerminalResult, Watch } from '../../core/command.ts';
import { OutsideError } from '../../core/errors.ts';
import { BashWire, type Ending } from './bash-wire.ts';
import type { ExecRequest } from './exec.ts';

/** How a terminal is opened and what it may print. */
interface TerminalSettings {
  readonly container: Docker.Container;
  readonly request: Omit<ExecRequest, 'argv'>;
  readonly outputBytes: number;
  /** Writes to a file in the container, from another process. */
  readonly write: (path: string, text: string, signal: AbortSignal) => Promise<void>;
}

/**
 * Makes the pseudo-terminal: `script` holds it, bash and its commands live on it. fd 3 becomes the wire; what is typed comes
 * through a pipe of its own. The size is that of the terminal the model was trained at (OpenHands: tmux, 1000 by 1000).
 */
const opener = [
  'mkfifo -m 600 "$0"',
  `exec script --quiet --return --flush --command '${[
    'stty -echo -onlcr rows 1000 cols 1000',
    'exec 5>&1',
    'exec /bin/bash --noprofile --norc --noediting -i <&3 3<&-',
  ].join('; ')}' /dev/null 3<&0 0<>"$0" 2>&1`,
].join(' && ');

// Interactive, so that C-c ends a command and not the shell; but no prompt, no history, no `!`.
const quiet = 'PS1= PS2=; set +H +o history; unset HISTFILE; shopt -u checkwinsize';

const openingMs = 30_000;

interface Running {
  readonly command: string;
  readonly ending: Promise<Ending>;
}

/** One bash on a terminal, kept open for many commands; it is reopened when a command ends it. */
export class Terminal {
  readonly #settings: TerminalSettings;
  #wire: BashWire | null = null;
  #typed = '';
  #running: Running | null = null;

  constructor(settings: TerminalSettings) {
    this.#settings = settings;
  }

  async run(command: string, watch: Watch, signal: AbortSignal): Promise<TerminalResult> {
    signal.throwIfAborted();
    const started = performance.now();
    if (this.#running) {
      const { command: earlier } = this.#running;
      // It may have ended since it was last looked at.
      const now = await this.#watch(this.#running, { timeoutMs: 0 }, started, signal);
      if (now.kind === 'running') return { ...now, kind: 'busy', command: earlier };
    }
    const wire = await this.#open(signal);
    this.#running = { command, ending: wire.start(command) };
    return await this.#watch(this.#running, watch, started, signal);
  }

  async type(text: string, watch: Watch, signal: AbortSignal): Promise<TerminalResult> {
    signal.throwIfAborted();
    const started = performance.now();
    if (!this.#running) return { kind: 'idle', output: '', omittedBytes: 0, seconds: 0 };
    if (text !== '') await this.#settings.write(this.#typed, text, signal);
    return await this.#watch(this.#running, watch, started, signal);
  }

  close(): void {
    this.#wire?.close();
    this.#wire = null;
    this.#running = null;
  }

  async #open(signal: AbortSignal): Promise<BashWire> {
    if (this.#wire) return this.#wire;
    const { container, request, outputBytes } = this.#settings;
    this.#typed = `/tmp/.typed-${randomBytes(8).toString('hex')}`;
    const argv = ['/bin/bash', '--noprofile', '--norc', '-c', opener, this.#typed];
    const wire = await BashWire.open(container, { ...request, argv }, { input: '/dev/tty', outputBytes });
    wire.tell(quiet);
    // An engine that does not answer must not hold the whole run.
    const opened = await watched(wire.start(':'), wire, { timeoutMs: openingMs }, signal);
    if (opened === 'time-over' || opened === 'quiet') {
      wire.close();
      throw new OutsideError('The terminal of the sandbox does not answer.', { retry: 'soon' });
    }
    wire.takeOutput();
    this.#wire = wire;
    return wire;
  }

  async #watch(running: Running, watch: Watch, started: number, signal: AbortSignal): Promise<TerminalResult> {
    const wire = await this.#open(signal);
    const seen = await watched(running.ending, wire, watch, signal);
    const printed = { ...wire.takeOutput(), seconds: (performance.now() - started) / 1000 };
    if (seen === 'quiet' || seen === 'time-over')
      return { kind: 'running', why: seen, command: running.command, ...printed };
    this.#running = null;
    if (seen.kind === 'done') {
      const { exitCode, workingDirectory } = seen;
      return { kind: 'exited', exitCode, workingDirectory, ...printed };
    }
    this.close();
    return { kind: 'shell-ended', exitCode: seen.exitCode, ...printed };
  }
}

/** Waits for the end, for silence, or for the limit, whichever comes first. Nothing is killed here. */
function watched(
  ending: Promise<Ending>,
  wire: BashWire,
  { timeoutMs, quietMs }: Watch,
  signal: AbortSignal,
): Promise<Ending | 'quiet' | 'time-over'> {
  return new Promise((resolve, reject) => {
    let quiet: NodeJS.Timeout | undefined;
    const over = setTimeout(() => settle('time-over'), timeoutMs);
    const settle = (seen: Ending | 'quiet' | 'time-over') => {
      clearTimeout(over);
      clearTimeout(quiet);
      signal.removeEventListener('abort', abort);
      resolve(seen);
    };
    const abort = () => {
      clearTimeout(over);
      clearTimeout(quiet);
      reject(signal.reason);
    };
    const since = performance.now();
    const listen = (waitMs: number) => {
      quiet = setTimeout(() => {
        const silentMs = performance.now() - Math.max(since, wire.lastOutputAt);
        if (quietMs === undefined || silentMs >= quietMs) settle('quiet');
        else listen(quietMs - silentMs);
      }, waitMs);
    };
    if (quietMs !== undefined) listen(quietMs);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) return abort();
    void ending.then(settle);
  });
}
