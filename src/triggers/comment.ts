import { z } from 'zod';

import { findCommand } from './find-command.ts';
import { Human, Installation, Issue, issueOf, PayloadRepository, repositoryOf, Text } from './payload.ts';
import type { Trigger } from './trigger.ts';

const Commented = z.object({
  action: z.literal('created'),
  comment: z.object({
    id: z.number().int(),
    body: Text,
    created_at: z.iso.datetime({ offset: true }),
    user: Human,
    // An app writing in a person's name is an app: the bot's own comments must never start it again.
    performed_via_github_app: z.null().optional(),
  }),
  issue: Issue,
  repository: PayloadRepository,
  sender: Human,
  installation: Installation,
});

/** Somebody wrote `/devstral fix [instructions]` in a new comment on an issue. */
export const comment: Trigger = {
  name: 'comment',
  recognise({ event, payload }) {
    if (event !== 'issue_comment') return null;
    const commented = Commented.safeParse(payload);
    if (!commented.success) return null;
    const { comment: written, issue, repository, sender, installation } = commented.data;
    if (written.user.id !== sender.id) return null;
    const command = findCommand(written.body);
    if (!command) return null;
    return {
      task: {
        kind: 'issue',
        repository: repositoryOf(repository, installation),
        issue: issueOf(issue),
        askedBy: { id: sender.id, login: sender.login },
        askedAt: written.created_at,
        request: { kind: 'comment', commentId: written.id, instructions: command.instructions },
      },
      keys: [`comment:${repository.id}:${written.id}`],
    };
  },
};
