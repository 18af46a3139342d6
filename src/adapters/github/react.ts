import { z } from 'zod';

import type { Task } from '../../core/task.ts';
import type { Access } from './access.ts';

/** A reaction on what was asked with. GitHub keeps one of each kind a person; what was deleted meanwhile gets none. */
export async function react(access: Access, task: Task, content: 'eyes' | 'confused'): Promise<void> {
  const { request, issue } = task;
  const Reaction = z.object({ id: z.number() });
  if (request.kind === 'comment') {
    await access.find(`a reaction on comment ${request.commentId}`, Reaction, (octokit) =>
      octokit.reactions.createForIssueComment({ ...access.at, comment_id: request.commentId, content }),
    );
  }
  if (request.kind === 'label') {
    await access.find(`a reaction on issue ${issue.number}`, Reaction, (octokit) =>
      octokit.reactions.createForIssue({ ...access.at, issue_number: issue.number, content }),
    );
  }
}
