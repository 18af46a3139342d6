import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Runs git on a bare repository, without anybody's configuration; gives its output, or throws with what it said. */
export function git(
  folder: string,
  args: readonly string[],
  options: { input?: string | Buffer; env?: Record<string, string> } = {},
): Promise<string> {
  return gitBytes(folder, args, options).then((bytes) => bytes.toString('utf8').trimEnd());
}

/** As `git`, with the output as it is. */
export function gitBytes(
  folder: string,
  args: readonly string[],
  { input, env = {} }: { input?: string | Buffer; env?: Record<string, string> } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      ['--git-dir', folder, ...args],
      { encoding: 'buffer', maxBuffer: 256 * 1024 ** 2, env: { ...identity, ...env } },
      (error, stdout, stderr) =>
        error ? reject(new Error(`git ${args[0]}: ${stderr.toString('utf8')}`)) : resolve(stdout),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

const identity = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Somebody',
  GIT_AUTHOR_EMAIL: 'somebody@localhost',
  GIT_COMMITTER_NAME: 'Somebody',
  GIT_COMMITTER_EMAIL: 'somebody@localhost',
};

/** Makes a bare repository with one commit of these files. */
export async function createRepository(
  folder: string,
  branch: string,
  files: ReadonlyMap<string, string | Buffer>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await git(folder, ['init', '--quiet', '--bare', `--initial-branch=${branch}`]);
  await git(folder, ['config', 'http.receivepack', 'false']);
  await git(folder, ['config', 'uploadpack.allowFilter', 'true']);
  if (files.size > 0) await commitFiles(folder, branch, 'First commit', files);
}

/** Adds a commit with these files to a branch and gives its name. */
async function commitFiles(
  folder: string,
  branch: string,
  message: string,
  files: ReadonlyMap<string, string | Buffer>,
): Promise<string> {
  const scratch = await mkdtemp(join(dirname(folder), 'scratch-'));
  try {
    const env = { GIT_INDEX_FILE: join(scratch, 'index') };
    const parent = await git(folder, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`]).catch(() => '');
    if (parent) await git(folder, ['read-tree', parent], { env });
    for (const [path, content] of files) {
      const file = join(scratch, 'content');
      await writeFile(file, content);
      const blob = await git(folder, ['hash-object', '-w', '--no-filters', '--', file]);
      await git(folder, ['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], { env });
    }
    const tree = await git(folder, ['write-tree'], { env });
    const commit = await git(folder, ['commit-tree', tree, ...(parent ? ['-p', parent] : []), '-m', message]);
    await git(folder, ['update-ref', `refs/heads/${branch}`, commit]);
    return commit;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A commit as its parts; null when there is none of that name. */
export async function readCommit(
  folder: string,
  sha: string,
): Promise<{
  sha: string;
  tree: string;
  parents: string[];
  message: string;
  author: string;
  email: string;
  date: string;
} | null> {
  const text = await git(folder, [
    'show',
    '-s',
    '--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%B',
    `${sha}^{commit}`,
  ]).catch(() => null);
  if (text === null) return null;
  const [name = '', tree = '', parents = '', author = '', email = '', date = '', message = ''] = text.split('\0');
  return { sha: name, tree, parents: parents.split(' ').filter(Boolean), message, author, email, date };
}

/** What a ref points at; null when it is not there. */
export async function readRef(folder: string, ref: string): Promise<string | null> {
  return await git(folder, ['rev-parse', '--verify', '--quiet', ref]).catch(() => null);
}
