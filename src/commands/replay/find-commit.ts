import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { SettingsError } from '../../core/errors.ts';

const execute = promisify(execFile);

/** What `--commit` names in a repository of this machine, and a branch that has it, since checkouts are made from branches. */
export async function findCommit(
  repository: string,
  wanted: string | undefined,
  searchPath: string,
): Promise<{ branch: string; commit: string }> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute('git', ['-c', 'core.hooksPath=/dev/null', '-C', repository, ...args], {
      env: { PATH: searchPath, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' },
    });
    return stdout.trim();
  };
  const commit = await git(
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${wanted ?? 'HEAD'}^{commit}`,
  ).catch((cause: unknown) => {
    throw new SettingsError(
      wanted === undefined
        ? `${repository} has no commit yet.`
        : `--commit is ${wanted}, which is no commit of ${repository}; fetch it there first.`,
      { cause },
    );
  });
  const branches = (await git('for-each-ref', '--format=%(refname:lstrip=2)', '--contains', commit, 'refs/heads'))
    .split('\n')
    .filter(Boolean);
  const current = await git('symbolic-ref', '--short', '--quiet', 'HEAD').catch(() => '');
  const branch = branches.includes(current) ? current : branches[0];
  if (branch === undefined)
    throw new SettingsError(
      `Commit ${commit} is on no branch of ${repository}; make one with: git -C ${repository} branch replay ${commit}`,
    );
  return { branch, commit };
}
