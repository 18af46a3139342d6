import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';

import { OutsideError } from '../../core/errors.ts';

/** What one git process is started with. */
export interface GitRequest {
  readonly args: readonly string[];
  /** The value of an Authorization header for this origin; it lives in this process's environment only. */
  readonly authorization?: { readonly origin: string; readonly value: string } | null;
  /** Protocols this process may speak; none for work on what is here already. */
  readonly protocols?: 'none' | 'https' | 'http' | 'file';
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly maxBytes?: number;
}

export interface GitSettings {
  readonly searchPath: string;
  readonly caFile: string | null;
}

/** What a git process came to. */
export interface GitResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

// No configuration but ours: hooks, monitors and drivers are programs that a repository could name.
const config: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.autocrlf', 'false'],
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['core.symlinks', 'true'],
  ['safe.bareRepository', 'explicit'],
  ['safe.directory', '*'],
  ['submodule.recurse', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  ['transfer.bundleURI', 'false'],
  ['protocol.version', '2'],
  ['http.followRedirects', 'false'],
  ['http.lowSpeedLimit', '1000'],
  ['http.lowSpeedTime', '60'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
];

/** The environment of a git process: nothing is inherited, and what is secret is in here and nowhere else. */
export function gitEnvironment(request: GitRequest, settings: GitSettings): Record<string, string> {
  const protocols = request.protocols ?? 'none';
  const header = request.authorization
    ? [[`http.${request.authorization.origin}/.extraHeader`, `Authorization: ${request.authorization.value}`] as const]
    : [];
  const all = [...config, ...header];
  return {
    PATH: settings.searchPath,
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_ALLOW_PROTOCOL: protocols === 'none' ? 'none-allowed' : protocols === 'http' ? 'http:https' : protocols,
    ...(settings.caFile && { GIT_SSL_CAINFO: settings.caFile }),
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
    ),
    ...request.environment,
  };
}

/** Runs git by argv, never through a shell, and gives what it printed. */
export async function runGit(request: GitRequest, settings: GitSettings, signal: AbortSignal): Promise<GitResult> {
  signal.throwIfAborted();
  const child = spawn('git', [...request.args], {
    env: gitEnvironment(request, settings),
    stdio: 'pipe',
    signal,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => {}); // a git that ends before it has read everything says so by its exit code
  child.stdin.end(request.input ?? '');
  const out: Buffer[] = [];
  let bytes = 0;
  let stderr = '';
  const maxBytes = request.maxBytes ?? 64 * 1024 ** 2;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) child.kill('SIGKILL');
    else out.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-8192);
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new OutsideError('git could not be started; install git and see that it is on PATH.', {
      retry: 'never',
      cause,
    });
  });
  signal.throwIfAborted();
  if (bytes > maxBytes)
    throw new OutsideError(`git ${request.args[0]} printed more than ${maxBytes} bytes.`, { retry: 'never' });
  return { exitCode, stdout: Buffer.concat(out), stderr };
}

/** Runs git and gives its output as text; a failure is an error that will not go away by itself. */
export async function gitText(request: GitRequest, settings: GitSettings, signal: AbortSignal): Promise<string> {
  const done = await runGit(request, settings, signal);
  if (done.exitCode === 0) return done.stdout.toString('utf8');
  const command = request.args.find((word) => !word.startsWith('-')) ?? '';
  throw new OutsideError(`git ${command} failed: ${done.stderr.trim().split('\n').at(-1)}`, { retry: 'never' });
}

/** A program's output as a stream that fails when the program does. */
export function streamOf(
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
  signal: AbortSignal,
): Readable {
  const child = spawn(command, [...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2048);
  });
  // Taken at once: Node throws away what a child printed if it exits before anybody reads.
  const output = new PassThrough();
  child.stdout.pipe(output, { end: false });
  const fail = (cause: unknown) =>
    output.destroy(new OutsideError(`${command} failed: ${stderr.trim()}`, { retry: 'never', cause }));
  child.once('error', fail);
  child.once('close', (code) => (code === 0 ? output.end() : fail(code)));
  return output;
}
