import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import type { ChangedFile, Patch } from '../../core/patch.ts';
import type { Checkout } from '../../core/ports.ts';
import type { Repository } from '../../core/task.ts';
import { type GitSettings, gitEnvironment, gitText, runGit, streamOf } from './git-process.ts';

interface Parts {
  readonly settings: GitSettings;
  readonly folder: string;
  readonly repository: Repository;
  readonly commit: string;
}

/** The agent's user and group inside the sandbox. */
const ownership = ['--owner=agent:10001', '--group=agent:10001', '--numeric-owner', '--sort=name'];

/** A clean clone in a work folder of ours; no sandbox can write to it. */
export class GitCheckout implements Checkout {
  readonly repository: Repository;
  readonly commit: string;
  readonly #settings: GitSettings;
  readonly #folder: string;
  readonly #gitDirectory: string;

  constructor({ settings, folder, repository, commit }: Parts) {
    this.repository = repository;
    this.commit = commit;
    this.#settings = settings;
    this.#folder = folder;
    this.#gitDirectory = join(folder, 'tree', '.git');
  }

  #git(args: readonly string[], signal: AbortSignal, environment: Record<string, string> = {}): Promise<string> {
    return gitText({ args: ['--git-dir', this.#gitDirectory, ...args], environment }, this.#settings, signal);
  }

  async paths(signal: AbortSignal): Promise<string[]> {
    return (await this.#git(['ls-tree', '-r', '-z', '--name-only', '--full-tree', this.commit], signal))
      .split('\0')
      .filter(Boolean);
  }

  async read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const entry = await this.#git(
      ['ls-tree', '-z', '--long', '--full-tree', this.commit, '--', `:(literal)${path}`],
      signal,
    );
    const [, mode = '', blob = '', size = ''] = entry.match(/^(\d{6}) blob ([0-9a-f]+) +(\d+)\t/) ?? [];
    if (!mode.startsWith('100') || Number(size) > maxBytes) return null;
    const args = ['--git-dir', this.#gitDirectory, 'cat-file', 'blob', blob];
    return (await runGit({ args }, this.#settings, signal)).stdout;
  }

  workTreeTar(signal: AbortSignal): Readable {
    return this.#tar(['-C', join(this.#folder, 'tree'), '.'], signal);
  }

  gitDirectoryTar(signal: AbortSignal): Readable {
    return this.#tar(['-C', this.#gitDirectory, '--exclude=./index', '--exclude=./logs', '.'], signal);
  }

  #tar(what: readonly string[], signal: AbortSignal): Readable {
    return streamOf(
      'tar',
      ['-c', '-f', '-', ...ownership, ...what],
      gitEnvironment({ args: [] }, this.#settings),
      signal,
    );
  }

  /** Applied to an index alone: nothing of the patch is ever laid out as files on the host. */
  async apply(
    patch: Patch,
    signal: AbortSignal,
  ): Promise<{ kind: 'applied'; files: ChangedFile[] } | { kind: 'rejected'; reason: string }> {
    if (patch.baseCommit !== this.commit)
      return { kind: 'rejected', reason: `it was made against ${patch.baseCommit}` };
    if (patch.diff.trim() === '') return { kind: 'applied', files: [] };
    const scratch = join(this.#folder, `patch-${randomBytes(4).toString('hex')}`);
    await mkdir(scratch);
    try {
      const index = { GIT_INDEX_FILE: join(scratch, 'index') };
      await this.#git(['read-tree', this.commit], signal, index);
      const args = ['--git-dir', this.#gitDirectory, 'apply', '--cached', '--binary', '--whitespace=nowarn', '-'];
      const applied = await runGit({ args, environment: index, input: patch.diff }, this.#settings, signal);
      if (applied.exitCode !== 0)
        return { kind: 'rejected', reason: applied.stderr.trim().split('\n')[0] ?? 'git apply failed' };
      return { kind: 'applied', files: await this.#changes(index, signal) };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #changes(index: Record<string, string>, signal: AbortSignal): Promise<ChangedFile[]> {
    const diff = ['diff-index', '--cached', '--no-renames', '-z'];
    const raw = (await this.#git([...diff, '--raw', '--no-abbrev', this.commit], signal, index)).split('\0');
    const counts = new Map(
      (await this.#git([...diff, '--numstat', this.commit], signal, index))
        .split('\0')
        .filter(Boolean)
        .map((line) => {
          const [added = '', removed = '', path = ''] = line.split('\t');
          return [path, { added: Number(added) || 0, removed: Number(removed) || 0 }] as const;
        }),
    );
    const files: ChangedFile[] = [];
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const [oldMode = '', newMode = '', , blob = '', status = ''] = (raw[at] ?? '').replace(/^:/, '').split(' ');
      const path = raw[at + 1] ?? '';
      const { added, removed } = counts.get(path) ?? { added: 0, removed: 0 };
      const mode = status === 'D' ? oldMode : newMode;
      files.push({
        path,
        mode,
        added,
        removed,
        contentBase64: status === 'D' ? null : await this.#blob(blob, mode, signal),
      });
    }
    return files;
  }

  async #blob(blob: string, mode: string, signal: AbortSignal): Promise<string> {
    if (mode === '160000') return ''; // a link to another repository's commit: there is no content, and it is refused
    const args = ['--git-dir', this.#gitDirectory, 'cat-file', 'blob', blob];
    return (await runGit({ args }, this.#settings, signal)).stdout.toString('base64');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
