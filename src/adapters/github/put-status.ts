import { createHmac, hkdfSync } from 'node:crypto';
import { z } from 'zod';

import type { Task } from '../../core/task.ts';
import type { Access } from './access.ts';

const Comment = z.object({
  id: z.number().int(),
  body: z.string().nullish(),
  performed_via_github_app: z.object({ id: z.number() }).nullish(),
});

/** Makes or edits the run's one comment on the issue. Ours is what our app wrote and what carries the run's mark. */
export async function putStatus(
  access: Access,
  app: { appId: number; privateKey: string },
  { task, run, known, body }: { task: Task; run: string; known: number | null; body: string },
): Promise<number> {
  const mark = markOf(app.privateKey, task, run);
  const marked = `${mark}\n${body}`;
  const { number } = task.issue;

  const search = async () => {
    const comments = await access.list(`the comments of issue ${number}`, Comment, (octokit, page) =>
      octokit.issues.listComments({ ...access.at, issue_number: number, since: task.askedAt, ...page }),
    );
    return (
      comments.find((each) => each.performed_via_github_app?.id === app.appId && each.body?.startsWith(mark)) ?? null
    );
  };
  const remembered =
    known === null
      ? null
      : await access.find(`comment ${known}`, Comment, (octokit) =>
          octokit.issues.getComment({ ...access.at, comment_id: known }),
        );

  const comment =
    remembered ??
    (await access.findOrCreate(search, {
      doing: `a comment on issue ${number}`,
      answer: Comment,
      call: (octokit) => octokit.issues.createComment({ ...access.at, issue_number: number, body: marked }),
    }));
  if (comment.body !== marked) {
    await access.ask(`an edit of comment ${comment.id}`, Comment, (octokit) =>
      octokit.issues.updateComment({ ...access.at, comment_id: comment.id, body: marked }),
    );
  }
  return comment.id;
}

/** Invisible on the page. Nobody without the app's key can write one, and it is good for one run on one issue. */
function markOf(privateKey: string, { repository, issue }: Task, run: string): string {
  const key = Buffer.from(hkdfSync('sha256', privateKey.trim(), '', 'devstral-bot status comment', 32));
  const seal = createHmac('sha256', key).update(`${repository.id} ${issue.number} ${run}`).digest('hex').slice(0, 32);
  return `<!-- devstral:run:${run} ${seal} -->`;
}
