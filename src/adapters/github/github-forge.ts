import type { Logger } from 'pino';
import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';
import type { Clock, Forge } from '../../core/ports.ts';
import type { Repository } from '../../core/task.ts';
import { type Access, openAccess, type Permissions, sleep } from './access.ts';
import { identify } from './identify.ts';
import { mayWrite } from './may-write.ts';
import { openPullRequest } from './open-pull-request.ts';
import { publishCommit } from './publish-commit.ts';
import { putStatus } from './put-status.ts';
import { react } from './react.ts';

/** Who we are at GitHub, and where it is. `webUrl` is where people and git go. */
export interface GitHubForgeSettings {
  readonly appId: number;
  readonly privateKey: string;
  readonly baseUrl?: string;
  readonly webUrl?: string;
  readonly log: Logger;
  readonly requestTimeoutMs?: number;
  readonly sleep?: Clock['sleep'];
}

/**
 * GitHub, or a GitHub Enterprise Server. Each call works with a token for that one repository and need, which is
 * revoked after it. Addresses are made from names and ids; none is taken from a payload.
 */
export function gitHubForge(settings: GitHubForgeSettings): Forge {
  const app = { baseUrl: 'https://api.github.com', requestTimeoutMs: 15_000, sleep, ...settings };
  const webUrl = settings.webUrl ?? 'https://github.com';

  const within = async <T>(
    repository: Repository,
    permissions: Permissions,
    signal: AbortSignal,
    work: (access: Access) => Promise<T>,
  ): Promise<T> => {
    await using access = await openAccess(app, repository, permissions, signal);
    return await work(access);
  };

  return {
    mayWrite: (task, signal) =>
      within(task.repository, { metadata: 'read' }, signal, (access) => mayWrite(access, task)),
    identify: async (task, signal) =>
      task.request.kind === 'label'
        ? await within(task.repository, { issues: 'read' }, signal, (access) => identify(access, task))
        : null,
    base: (task, signal) => within(task.repository, { contents: 'read' }, signal, readBase),
    acknowledge: (task, signal) =>
      within(task.repository, { issues: 'write' }, signal, (access) => react(access, task, 'eyes')),
    refuse: (task, signal) =>
      within(task.repository, { issues: 'write' }, signal, (access) => react(access, task, 'confused')),
    putStatus: (request, signal) =>
      within(request.task.repository, { issues: 'write' }, signal, (access) => putStatus(access, app, request)),
    publishCommit: (request, signal) =>
      within(request.task.repository, { contents: 'write' }, signal, (access) => publishCommit(access, request)),
    openPullRequest: (request, signal) =>
      within(request.task.repository, { contents: 'read', pull_requests: 'write' }, signal, (access) =>
        openPullRequest(access, request),
      ),

    /** The token goes with the answer, reads one repository and runs out within the hour. */
    async cloneAccess(repository, signal) {
      const { token, at } = await openAccess(app, repository, { contents: 'read' }, signal);
      const credentials = Buffer.from(`x-access-token:${token}`).toString('base64');
      return { url: `${webUrl}/${at.owner}/${at.repo}.git`, authorization: `Basic ${credentials}` };
    },
  };
}

const Described = z.object({ default_branch: z.string().min(1), archived: z.boolean() });
const Branch = z.object({ commit: z.object({ sha: z.string() }) });

async function readBase(access: Access): Promise<{ branch: string; commit: string }> {
  const name = `${access.at.owner}/${access.at.repo}`;
  const { default_branch: branch, archived } = await access.ask(`the repository ${name}`, Described, (octokit) =>
    octokit.repos.get(access.at),
  );
  if (archived) throw new OutsideError(`${name} is archived, so nothing can be published in it.`, { retry: 'never' });
  const head = await access.find(`the branch ${branch}`, Branch, (octokit) =>
    octokit.repos.getBranch({ ...access.at, branch }),
  );
  if (!head) throw new OutsideError(`${name} has no commit on its default branch ${branch} yet.`, { retry: 'never' });
  return { branch, commit: head.commit.sha };
}
