import { z } from 'zod';

import type { Task } from '../../core/task.ts';
import type { Access } from './access.ts';

const PullRequest = z.object({
  number: z.number().int(),
  html_url: z.string(),
  state: z.string(),
  head: z.object({ ref: z.string(), repo: z.object({ id: z.number() }).nullable() }),
});

/** The pull request of this branch: the one there is, closed or not, else a new one. A fork's branch of that name is not ours. */
export async function openPullRequest(
  access: Access,
  request: { task: Task; branch: string; base: string; title: string; body: string; draft: boolean },
): Promise<{ number: number; url: string }> {
  const { task, branch, base, title, body, draft } = request;
  const find = async () => {
    const found = await access.list(`the pull requests of ${branch}`, PullRequest, (octokit, page) =>
      octokit.pulls.list({ ...access.at, head: `${access.at.owner}:${branch}`, state: 'all', ...page }),
    );
    const ours = found.filter(({ head }) => head.ref === branch && head.repo?.id === task.repository.id);
    return ours.find(({ state }) => state === 'open') ?? ours[0] ?? null;
  };
  const { number, html_url: url } = await access.findOrCreate(find, {
    doing: `a pull request from ${branch} to ${base}`,
    answer: PullRequest,
    call: (octokit) => octokit.pulls.create({ ...access.at, head: branch, base, title, body, draft }),
  });
  return { number, url };
}
