import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Duplex, Writable } from 'node:stream';
import type Docker from 'dockerode';

import type { CommandResult } from '../../core/command.ts';
import { CappedOutput } from './capped-output.ts';
import { type ExecRequest, startExec } from './exec.ts';

const loop = readFileSync(join(import.meta.dirname, 'shell-loop.sh'), 'utf8');

/** How a shell is opened and what it may print. */
interface ShellSettings {
  readonly container: Docker.Container;
  readonly request: Omit<ExecRequest, 'argv'>;
  readonly outputBytes: number;
  /** Kills every process of the shell's user, the shell included. */
  readonly kill: () => Promise<void>;
}

/** One bash kept open for many commands; it is reopened when a command ends or outlasts it. */
export class Shell {
  readonly #settings: ShellSettings;
  #connection: Connection | null = null;

  constructor(settings: ShellSettings) {
    this.#settings = settings;
  }

  async run(command: string, { timeoutMs }: { timeoutMs: number }, signal: AbortSignal): Promise<CommandResult> {
    signal.throwIfAborted();
    const { container, request, outputBytes, kill } = this.#settings;
    this.#connection ??= await Connection.open(container, request);
    const connection = this.#connection;
    const started = performance.now();
    const output = new CappedOutput(outputBytes);
    const limit = AbortSignal.timeout(timeoutMs);
    const ending = await connection.run(command, output, AbortSignal.any([signal, limit]));
    const result = () => ({ ...output.result(), seconds: (performance.now() - started) / 1000 });

    if (ending.kind === 'done')
      return { kind: 'exited', exitCode: ending.exitCode, workingDirectory: ending.workingDirectory, ...result() };
    this.close();
    if (ending.kind === 'ended') return { kind: 'shell-ended', exitCode: await connection.exitCode(), ...result() };
    await kill();
    signal.throwIfAborted();
    return { kind: 'timed-out', ...result() };
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}

type Ending = { kind: 'done'; exitCode: number; workingDirectory: string } | { kind: 'ended' } | { kind: 'aborted' };

/** The wire to one running loop. */
class Connection {
  readonly #stream: Duplex;
  readonly exitCode: () => Promise<number | null>;
  #onOutput: (chunk: Buffer) => void = () => {};
  #onControl: (line: string) => void = () => {};
  #onEnd: () => void = () => {};
  #control = '';
  #ended = false;

  static async open(container: Docker.Container, request: Omit<ExecRequest, 'argv'>): Promise<Connection> {
    const argv = ['/bin/bash', '--noprofile', '--norc', '-c', loop];
    const { stream, exitCode } = await startExec(container, { ...request, argv }, true);
    return new Connection(container, stream, exitCode);
  }

  private constructor(container: Docker.Container, stream: Duplex, exitCode: () => Promise<number | null>) {
    this.#stream = stream;
    this.exitCode = exitCode;
    const end = () => {
      this.#ended = true;
      this.#onEnd();
    };
    container.modem.demuxStream(
      stream,
      sink((chunk) => this.#onOutput(chunk)),
      sink((chunk) => this.#readControl(chunk)),
    );
    stream.on('end', end).on('close', end).on('error', end);
  }

  #readControl(chunk: Buffer): void {
    this.#control += chunk.toString('utf8');
    for (let at = this.#control.indexOf('\n'); at >= 0; at = this.#control.indexOf('\n')) {
      const line = this.#control.slice(0, at);
      this.#control = this.#control.slice(at + 1);
      this.#onControl(line);
    }
  }

  run(command: string, output: CappedOutput, over: AbortSignal): Promise<Ending> {
    return new Promise((resolve) => {
      let nonce: Buffer | null = null;
      let status = { exitCode: 0, workingDirectory: '' };
      // Held back until it is clear that they are not the beginning of the word we wait for.
      let held = Buffer.alloc(0);
      const settle = (ending: Ending) => {
        this.#onOutput = () => {};
        this.#onControl = () => {};
        this.#onEnd = () => {};
        over.removeEventListener('abort', abort);
        resolve(ending);
      };
      const abort = () => {
        output.push(held);
        settle({ kind: 'aborted' });
      };
      this.#onOutput = (chunk) => {
        if (!nonce) return output.push(chunk);
        held = Buffer.concat([held, chunk]);
        const at = held.indexOf(nonce);
        if (at >= 0) {
          output.push(held.subarray(0, at));
          return settle({ kind: 'done', ...status });
        }
        const safe = Math.max(0, held.length - nonce.length);
        output.push(held.subarray(0, safe));
        held = held.subarray(safe);
      };
      this.#onControl = (line) => {
        const [code = '', directory = ''] = line.split(' ');
        status = { exitCode: Number(code), workingDirectory: Buffer.from(directory, 'base64').toString('utf8') };
        nonce = Buffer.from(randomBytes(24).toString('hex'));
        this.#stream.write(`${nonce.toString()}\n`);
      };
      this.#onEnd = () => {
        output.push(held);
        settle({ kind: 'ended' });
      };
      over.addEventListener('abort', abort, { once: true });
      if (over.aborted) return abort();
      if (this.#ended) return this.#onEnd();
      this.#stream.write(`${Buffer.from(command).toString('base64')}\n`);
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}

function sink(take: (chunk: Buffer) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(chunk);
      done();
    },
  });
}
