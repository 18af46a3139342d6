import type Docker from 'dockerode';

import type { CommandResult, FileRead, TerminalResult, Watch } from '../../core/command.ts';
import { OutsideError } from '../../core/errors.ts';
import type { ChangedFile, Patch } from '../../core/patch.ts';
import type { Sandbox } from '../../core/ports.ts';
import { agentUser, keptTree, processEnvironment, workTree } from './container-template.ts';
import { type ExecRequest, runExec } from './exec.ts';
import { FileShell } from './file-shell.ts';
import type { Host } from './host.ts';
import { MemoryKills } from './memory-kills.ts';
import type { Observer } from './observer.ts';
import { quoted } from './quoted.ts';
import { Terminal } from './terminal.ts';

const filesMs = 60_000;
const request: Omit<ExecRequest, 'argv'> = {
  user: agentUser,
  environment: processEnvironment,
  workingDirectory: workTree,
};

/** One container for untrusted code: the model's terminal, a shell of our own for files, and processes apart from both. */
export class DockerSandbox implements Sandbox {
  readonly workTree = workTree;
  readonly #host: Host;
  readonly #container: Docker.Container;
  readonly #terminal: Terminal;
  readonly #files: FileShell;
  readonly #memoryKills: MemoryKills;
  #observer: Observer | null = null;
  #close: () => Promise<void> = async () => {};

  constructor(host: Host, container: Docker.Container) {
    this.#host = host;
    this.#container = container;
    // Files come and go as base64: room for the largest that is ever asked for.
    this.#files = new FileShell({ container, request, kill: () => this.#killAgent(), outputBytes: 64 * 1024 ** 2 });
    this.#memoryKills = new MemoryKills(this.#files);
    const { outputBytes } = host.limits;
    this.#terminal = new Terminal({ container, request, outputBytes, write: (...typed) => this.#append(...typed) });
  }

  observeWith(observer: Observer): void {
    this.#observer = observer;
  }

  closeWith(close: () => Promise<void>): void {
    this.#close = close;
  }

  /** Copies the environment's work tree into the volume. */
  async fill(signal: AbortSignal): Promise<void> {
    const copy = `[ ! -d ${keptTree} ] || cp -a ${keptTree}/. ${workTree}/`;
    const done = await this.execute(['/bin/bash', '-c', copy], { timeoutMs: 5 * 60_000 }, signal);
    if (done.kind === 'exited' && done.exitCode === 0) return;
    throw new OutsideError(
      `The work tree does not fit the sandbox (SANDBOX_WORK_TREE_MB): ${done.output.slice(-500)}`,
      { retry: 'never' },
    );
  }

  async run(command: string, watch: Watch, signal: AbortSignal): Promise<TerminalResult> {
    return await this.#withMemory(await this.#terminal.run(command, watch, signal), signal);
  }

  async type(text: string, watch: Watch, signal: AbortSignal): Promise<TerminalResult> {
    return await this.#withMemory(await this.#terminal.type(text, watch, signal), signal);
  }

  async killAll(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#killAgent();
  }

  async execute(
    argv: readonly string[],
    options: { timeoutMs: number; environment?: Readonly<Record<string, string>>; workingDirectory?: string },
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const { timeoutMs, environment = {}, workingDirectory = workTree } = options;
    const asked = { argv, user: agentUser, environment: { ...processEnvironment, ...environment }, workingDirectory };
    const result = await runExec(
      this.#container,
      asked,
      { timeoutMs, outputBytes: this.#host.limits.outputBytes },
      () => this.#killAgent(),
      signal,
    );
    return await this.#withMemory(result, signal);
  }

  async readFile(path: string, { maxBytes }: { maxBytes: number }, signal: AbortSignal): Promise<FileRead> {
    const file = quoted(path);
    const script = [
      `if [ -d ${file} ]; then echo directory`,
      `elif [ ! -e ${file} ]; then echo missing`,
      `elif [ ! -f ${file} ]; then echo 'unreadable not a regular file'`,
      `elif [ ! -r ${file} ]; then echo 'unreadable permission denied'`,
      `else devstral_size=$(stat -Lc %s -- ${file}) && if [ "$devstral_size" -gt ${maxBytes} ]; then echo "too-large $devstral_size"`,
      `else echo file && base64 -w 0 -- ${file}; fi; fi`,
    ].join('\n');
    const read = await this.#files.run(script, { timeoutMs: filesMs }, signal);
    const [first = '', ...rest] = read.output.split('\n');
    const [kind, ...words] = first.split(' ');
    const failed = read.exitCode !== 0;
    if (!failed && kind === 'file') return { kind, content: Buffer.from(rest.join('\n'), 'base64') };
    if (!failed && (kind === 'directory' || kind === 'missing')) return { kind };
    if (!failed && kind === 'too-large') return { kind, bytes: Number(words[0]) };
    return { kind: 'unreadable', reason: (failed ? read.output : words.join(' ')).trim() || 'it could not be read' };
  }

  async writeFile(path: string, content: Uint8Array, signal: AbortSignal): Promise<void> {
    const file = quoted(path);
    // As one argument of a builtin: no limit on its length, and nothing of it in a process list.
    const script = `mkdir -p -- "$(dirname -- ${file})" && printf %s '${Buffer.from(content).toString('base64')}' | base64 -d > ${file}`;
    const done = await this.#files.run(script, { timeoutMs: filesMs }, signal);
    if (done.exitCode === 0) return;
    throw new OutsideError(`${path} could not be written: ${done.output.trim() || 'it took too long'}`, {
      retry: 'never',
    });
  }

  async putFiles(files: readonly ChangedFile[], signal: AbortSignal): Promise<void> {
    for (const file of files) {
      if (file.path.startsWith('/') || file.path.split('/').includes('..')) {
        throw new OutsideError(`${JSON.stringify(file.path)} leads out of the work tree.`, { retry: 'never' });
      }
      const path = `${workTree}/${file.path}`;
      // Removed first: a link of that name must be replaced, not written through.
      await this.execute(['/bin/rm', '-rf', '--', path], { timeoutMs: filesMs }, signal);
      if (file.contentBase64 === null) continue;
      await this.writeFile(path, Buffer.from(file.contentBase64, 'base64'), signal);
      await this.execute(
        ['/bin/chmod', file.mode === '100755' ? '0755' : '0644', '--', path],
        { timeoutMs: filesMs },
        signal,
      );
    }
  }

  async takePatch(signal: AbortSignal): Promise<Patch> {
    if (!this.#observer) throw new Error('Only a sandbox opened for an attempt has a patch to take');
    await this.#killAgent();
    return await this.#observer.takePatch(signal);
  }

  async peekPatch(signal: AbortSignal): Promise<Patch> {
    if (!this.#observer) throw new Error('Only a sandbox opened for an attempt has a patch to look at');
    return await this.#observer.takePatch(signal);
  }

  /** What went well was not killed: only what failed is looked into. */
  async #withMemory<T extends CommandResult | TerminalResult>(result: T, signal: AbortSignal): Promise<T> {
    const isFine = result.kind === 'exited' ? result.exitCode === 0 : result.kind !== 'shell-ended';
    if (isFine || !(await this.#memoryKills.anyNew(signal))) return result;
    return { ...result, outOfMemory: true };
  }

  async #append(path: string, text: string, signal: AbortSignal): Promise<void> {
    await this.#files.run(`printf %s ${quoted(text)} >> ${quoted(path)}`, { timeoutMs: filesMs }, signal);
  }

  /** Kills every process of the agent's user, from a process of its own; PID 1 belongs to another user and lives on. */
  async #killAgent(): Promise<void> {
    this.#terminal.close();
    this.#files.close();
    const argv = ['/bin/bash', '-c', 'kill -KILL -1'];
    // It kills itself too, so that its exit code says nothing.
    await runExec(
      this.#container,
      { argv, user: agentUser },
      { timeoutMs: 10_000, outputBytes: 1024 },
      async () => {},
      new AbortController().signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#terminal.close();
    this.#files.close();
    const close = this.#close;
    this.#close = async () => {};
    await close();
  }
}
