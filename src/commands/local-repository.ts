import { execFile } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { SettingsError } from '../core/errors.ts';

const execute = promisify(execFile);

/** What `--repo` names: a path is used where it lies; a URL is cloned into `out` first, and what is made ends up there. */
export async function localRepository(given: string, out: string, searchPath: string): Promise<string> {
  if (/^https?:\/\//.test(given)) {
    const target = join(out, basename(new URL(given).pathname, '.git') || 'repository');
    await mkdir(out, { recursive: true });
    try {
      await execute('git', ['-c', 'core.hooksPath=/dev/null', 'clone', '--quiet', '--', given, target], {
        env: { PATH: searchPath, GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'http:https', GIT_LFS_SKIP_SMUDGE: '1' },
      });
    } catch (cause) {
      throw new SettingsError(
        `${given} could not be cloned into ${target}: ${String(cause).split('\n').slice(-2, -1)}`,
        { cause },
      );
    }
    return target;
  }
  const path = resolve(given);
  const found = await stat(join(path, '.git')).catch(() => null);
  if (!found) throw new SettingsError(`--repo names ${path}, which is not the top folder of a git repository.`);
  return path;
}
