import { z } from 'zod';

import { Human, Installation, Issue, issueOf, PayloadRepository, repositoryOf } from './payload.ts';
import type { Trigger } from './trigger.ts';

const Labelled = z.object({
  action: z.literal('labeled'),
  // GitHub holds `devstral` and `Devstral` for the same label.
  label: z.object({ name: z.string().regex(/^devstral$/i) }),
  issue: Issue,
  repository: PayloadRepository,
  sender: Human,
  installation: Installation,
});

/** Somebody put the label `devstral` on an issue. The label event itself asks; a label that is merely there does not. */
export const label: Trigger = {
  name: 'label',
  recognise({ event, payload }) {
    if (event !== 'issues') return null;
    const labelled = Labelled.safeParse(payload);
    if (!labelled.success) return null;
    const { issue, repository, sender, installation, label: put } = labelled.data;
    return {
      task: {
        kind: 'issue',
        repository: repositoryOf(repository, installation),
        issue: issueOf(issue),
        askedBy: { id: sender.id, login: sender.login },
        askedAt: issue.updated_at,
        request: { kind: 'label', label: put.name, issueUpdatedAt: issue.updated_at },
      },
      // The event has no id of its own; the run gets the id of the timeline's entry when it is worked on.
      keys: [`label:${repository.id}:${issue.number}:${put.name}:${sender.id}:${issue.updated_at}`],
    };
  },
};
