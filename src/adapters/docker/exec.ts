import { type Duplex, type Readable, Writable } from 'node:stream';
import type Docker from 'dockerode';

import type { CommandResult } from '../../core/command.ts';
import { CappedOutput } from './capped-output.ts';
import { withEngine } from './engine.ts';

/** One process started in a container, by argv. */
export interface ExecRequest {
  readonly argv: readonly string[];
  readonly user: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
}

/** A started exec: its raw connection, and its exit code by the engine's word once it has ended. */
export interface StartedExec {
  readonly stream: Duplex;
  readonly exitCode: () => Promise<number | null>;
}

/** Starts a process in a container and gives its connection. */
export async function startExec(
  container: Docker.Container,
  request: ExecRequest,
  stdin: boolean,
): Promise<StartedExec> {
  return await withEngine('run a command', async () => {
    const exec = await container.exec({
      Cmd: [...request.argv],
      User: request.user,
      Env: Object.entries(request.environment ?? {}).map(([key, value]) => `${key}=${value}`),
      WorkingDir: request.workingDirectory ?? '/',
      AttachStdin: stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
    });
    const stream = await exec.start({ hijack: true, stdin, Detach: false, Tty: false });
    return { stream, exitCode: async () => (await withEngine('inspect a command', () => exec.inspect())).ExitCode };
  });
}

/** Runs a process to its end, output capped while it streams; over time, `kill` is called and it counts as timed out. */
export async function runExec(
  container: Docker.Container,
  request: ExecRequest,
  limits: { timeoutMs: number; outputBytes: number; input?: Readable },
  kill: () => Promise<void>,
  signal: AbortSignal,
): Promise<CommandResult> {
  signal.throwIfAborted();
  const started = performance.now();
  const { stream, exitCode } = await startExec(container, request, limits.input !== undefined);
  const output = new CappedOutput(limits.outputBytes);
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      output.push(chunk);
      done();
    },
  });
  container.modem.demuxStream(stream, sink, sink);
  limits.input?.pipe(stream);

  const over = AbortSignal.any([signal, AbortSignal.timeout(limits.timeoutMs)]);
  const ended = await streamEnd(stream, over);
  if (!ended) {
    await kill();
    stream.destroy();
    signal.throwIfAborted();
  }
  const result = { ...output.result(), seconds: (performance.now() - started) / 1000 };
  if (!ended) return { kind: 'timed-out', ...result };
  return {
    kind: 'exited',
    exitCode: (await exitCode()) ?? -1,
    workingDirectory: request.workingDirectory ?? '/',
    ...result,
  };
}

function streamEnd(stream: Duplex, over: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stream.once('end', () => resolve(true));
    stream.once('close', () => resolve(true));
    stream.once('error', reject);
    over.addEventListener('abort', () => resolve(false), { once: true });
    if (over.aborted) resolve(false);
  });
}
