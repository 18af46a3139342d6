import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';

import { OutsideError } from '../../core/errors.ts';
import type { Checkouts, CloneAccess } from '../../core/ports.ts';
import type { Repository } from '../../core/task.ts';
import { GitCheckout } from './git-checkout.ts';
import { type GitSettings, gitText, runGit } from './git-process.ts';

/** The largest repository that is taken on; above it a run ends with a clear refusal. */
interface CheckoutLimits {
  readonly repositoryBytes: number;
  readonly files: number;
  readonly fetchMs: number;
}

const defaultLimits: CheckoutLimits = { repositoryBytes: 2 * 1024 ** 3, files: 200_000, fetchMs: 15 * 60_000 };

export interface CheckoutSettings extends GitSettings {
  readonly dataFolder: string;
  readonly limits?: Partial<CheckoutLimits>;
}

/** Checkouts from bare mirrors in the data folder, one a repository. */
export function gitCheckouts(settings: CheckoutSettings): Checkouts {
  const limits = { ...defaultLimits, ...settings.limits };
  return {
    async open({ run, repository, access, branch, commit }, signal) {
      if (!/^[0-9a-f]{40}$/.test(commit)) throw never(`${JSON.stringify(commit)} is not a commit's name.`);
      await gitText({ args: ['check-ref-format', `refs/heads/${branch}`] }, settings, signal);
      const mirror = join(settings.dataFolder, 'mirrors', `${mirrorName(repository, access)}.git`);
      await mkdir(join(settings.dataFolder, 'mirrors'), { recursive: true });
      await gitText({ args: ['init', '--quiet', '--bare', mirror] }, settings, signal);
      const release = await lock(mirror, {
        stale: 60_000,
        update: 10_000,
        retries: { retries: 600, minTimeout: 500, maxTimeout: 1000 },
      });
      try {
        await fetchCommit(mirror, { access, branch, commit }, settings, limits, signal);
      } finally {
        await release();
      }
      return await cleanClone(settings, limits, mirror, { run, repository, branch, commit }, signal);
    },

    async removeLeftovers(isAlive) {
      const folder = join(settings.dataFolder, 'work');
      for (const name of await readdir(folder).catch(() => [])) {
        if (!(await isAlive(runOf(name)))) await rm(join(folder, name), { recursive: true, force: true });
      }
    },
  };
}

/** Which run a work folder belongs to, by its name. */
function runOf(name: string): string {
  return name.split('.')[0] ?? name;
}

function mirrorName(repository: Repository, access: CloneAccess): string {
  return createHash('sha256').update(`${repository.id} ${access.url}`).digest('hex').slice(0, 24);
}

/** Fetches the branch into the mirror, unless the commit is there already. */
async function fetchCommit(
  mirror: string,
  { access, branch, commit }: { access: CloneAccess; branch: string; commit: string },
  settings: CheckoutSettings,
  limits: CheckoutLimits,
  signal: AbortSignal,
): Promise<void> {
  const has = async () =>
    (await runGit({ args: ['--git-dir', mirror, 'cat-file', '-e', `${commit}^{commit}`] }, settings, signal))
      .exitCode === 0;
  if (await has()) return;
  const { protocols, authorization } = speaks(access);
  const over = AbortSignal.any([signal, AbortSignal.timeout(limits.fetchMs)]);
  // --upload-pack is fixed: a repository of this machine must not name its own.
  const args = [
    '--git-dir',
    mirror,
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--upload-pack=git-upload-pack',
  ];
  const refspec = `+refs/heads/${branch}:refs/heads/${branch}`;
  const done = await runGit(
    { args: [...args, '--', access.url, refspec], protocols, authorization },
    settings,
    over,
  ).catch((cause: unknown) => {
    signal.throwIfAborted();
    if (over.aborted) throw never(`Fetching took longer than ${limits.fetchMs / 60_000} minutes.`, cause);
    throw cause;
  });
  if (done.exitCode !== 0) throw fetchError(done.stderr, branch);
  await refuseTooLarge(mirror, settings, limits, signal);
  if (!(await has())) throw never(`Commit ${commit} is not on branch ${branch} any more.`);
}

function speaks({ url, authorization }: CloneAccess) {
  if (url.startsWith('/')) return { protocols: 'file' as const, authorization: null };
  const { protocol, hostname, origin } = new URL(url);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback))
    throw never(`${protocol} is not a protocol to clone by; use https.`);
  const secret = authorization === null ? null : { origin, value: authorization };
  return { protocols: protocol === 'https:' ? ('https' as const) : ('http' as const), authorization: secret };
}

function fetchError(stderr: string, branch: string): OutsideError {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  if (/couldn't find remote ref/i.test(stderr)) return never(`Branch ${branch} is gone.`);
  if (/authentication failed|could not read username|40[13]|not found/i.test(stderr)) {
    return never(`The repository cannot be cloned with the app's rights (contents: read is needed): ${last}`);
  }
  return new OutsideError(`Fetching failed: ${last}`, { retry: 'soon' });
}

async function refuseTooLarge(
  mirror: string,
  settings: GitSettings,
  limits: CheckoutLimits,
  signal: AbortSignal,
): Promise<void> {
  const counted = await gitText({ args: ['--git-dir', mirror, 'count-objects', '-v'] }, settings, signal);
  const kilobytes = (name: string) => Number(counted.match(new RegExp(`^${name}: (\\d+)$`, 'm'))?.[1] ?? 0);
  const bytes = (kilobytes('size') + kilobytes('size-pack')) * 1024;
  if (bytes <= limits.repositoryBytes) return;
  await rm(mirror, { recursive: true, force: true });
  throw never(
    `The repository has ${Math.round(bytes / 1024 ** 2)} MB; at most ${Math.round(limits.repositoryBytes / 1024 ** 2)} MB are taken on.`,
  );
}

/** A clone with the base commit's history and nothing else: no remotes, no other branches, no newer objects. */
async function cleanClone(
  settings: CheckoutSettings,
  limits: CheckoutLimits,
  mirror: string,
  { run, repository, branch, commit }: { run: string; repository: Repository; branch: string; commit: string },
  signal: AbortSignal,
): Promise<GitCheckout> {
  const folder = join(settings.dataFolder, 'work', `${run}.${randomBytes(4).toString('hex')}`);
  await mkdir(folder, { recursive: true });
  const checkout = new GitCheckout({ settings, folder, repository, commit });
  try {
    const tree = join(folder, 'tree');
    await gitText({ args: ['init', '--quiet', `--initial-branch=${branch}`, tree] }, settings, signal);
    await gitText(
      {
        args: [
          '--git-dir',
          join(tree, '.git'),
          'fetch',
          '--quiet',
          '--no-tags',
          '--no-write-fetch-head',
          '--',
          mirror,
          `${commit}:refs/heads/devstral-base`,
        ],
        protocols: 'file',
        environment: allowAnyCommit,
      },
      settings,
      signal,
    );
    const paths = await checkout.paths(signal);
    if (paths.length > limits.files)
      throw never(`The repository has ${paths.length} files; at most ${limits.files} are taken on.`);
    const git = ['--git-dir', join(tree, '.git'), '--work-tree', tree];
    await gitText({ args: [...git, 'update-ref', `refs/heads/${branch}`, commit] }, settings, signal);
    await gitText({ args: [...git, 'update-ref', '-d', 'refs/heads/devstral-base'] }, settings, signal);
    await gitText({ args: [...git, 'reset', '--quiet', '--hard', commit] }, settings, signal);
    await rm(join(tree, '.git', 'hooks'), { recursive: true, force: true });
    return checkout;
  } catch (error) {
    await checkout[Symbol.asyncDispose]();
    throw error;
  }
}

// The mirror's branch may have moved on; the commit is asked for by name.
const allowAnyCommit = { GIT_CONFIG_PARAMETERS: "'uploadpack.allowAnySHA1InWant'='true'" };

function never(message: string, cause?: unknown): OutsideError {
  return new OutsideError(message, { retry: 'never', cause });
}
