import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { OutsideError } from '../../core/errors.ts';
import type { ChangedFile } from '../../core/patch.ts';
import type { Forge } from '../../core/ports.ts';

const run = promisify(execFile);

/**
 * A forge without a server: the person's own repository on this machine. The result is a branch in it and a report in
 * `outputFolder`; their work tree, index and current branch stay as they are.
 */
export function localForge(settings: {
  repository: string;
  outputFolder: string;
  scratchFolder: string;
  searchPath: string;
}): Forge {
  const { repository, outputFolder, scratchFolder, searchPath } = settings;
  // No hooks: they belong to the person's own work, not to ours.
  const git = async (args: readonly string[], environment: Record<string, string> = {}) => {
    try {
      const { stdout } = await run('git', ['-c', 'core.hooksPath=/dev/null', '-C', repository, ...args], {
        env: { PATH: searchPath, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', ...environment },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim();
    } catch (cause) {
      const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause);
      throw new OutsideError(`git ${args[0]} failed in ${repository}: ${said}`, { retry: 'never', cause });
    }
  };

  return {
    mayWrite: async () => true,
    identify: async () => null,
    cloneAccess: async () => ({ url: repository, authorization: null }),
    acknowledge: async () => {},
    refuse: async () => {},
    putStatus: async () => 0,

    async base() {
      const branch = await git(['symbolic-ref', '--short', 'HEAD']);
      return { branch, commit: await git(['rev-parse', '--verify', 'HEAD^{commit}']) };
    },

    async publishCommit({ branch, baseCommit, message, files }) {
      const scratch = await mkdtemp(join(scratchFolder, 'index-'));
      try {
        const index = { GIT_INDEX_FILE: join(scratch, 'index') };
        await git(['read-tree', baseCommit], index);
        for (const file of files) await stage(git, index, scratch, file);
        const tree = await git(['write-tree'], index);
        const commit = await git(['commit-tree', tree, '-p', baseCommit, '-m', message], author);
        await git(['update-ref', `refs/heads/${branch}`, commit, '0'.repeat(40)]);
        return { commit };
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },

    async openPullRequest({ title, body }) {
      await mkdir(outputFolder, { recursive: true });
      const path = join(outputFolder, 'report.md');
      await writeFile(path, `# ${title}\n\n${body}\n`);
      return { number: 0, url: path };
    },
  };
}

const author = {
  GIT_AUTHOR_NAME: 'devstral-bot',
  GIT_AUTHOR_EMAIL: 'devstral-bot@localhost',
  GIT_COMMITTER_NAME: 'devstral-bot',
  GIT_COMMITTER_EMAIL: 'devstral-bot@localhost',
};

async function stage(
  git: (args: readonly string[], environment?: Record<string, string>) => Promise<string>,
  index: Record<string, string>,
  scratch: string,
  file: ChangedFile,
): Promise<void> {
  if (file.contentBase64 === null) {
    await git(['update-index', '--force-remove', '--', file.path], index);
    return;
  }
  const content = join(scratch, 'content');
  await writeFile(content, Buffer.from(file.contentBase64, 'base64'));
  const blob = await git(['hash-object', '-w', '--no-filters', '--', content]);
  await git(['update-index', '--add', '--cacheinfo', `${file.mode},${blob},${file.path}`], index);
}
