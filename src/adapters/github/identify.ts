import { z } from 'zod';

import type { Task } from '../../core/task.ts';
import type { Access } from './access.ts';

// The timeline has many kinds of entries; of the others not even these fields are certain.
const Entry = z.object({
  event: z.string().optional().catch(undefined),
  id: z.number().optional().catch(undefined),
  created_at: z.string().optional().catch(undefined),
  actor: z.object({ id: z.number() }).nullish().catch(null),
  label: z.object({ name: z.string() }).optional().catch(undefined),
});

// An entry is written in the second of the delivery; further off it is another time that the label was put there.
const nearMs = 60_000;

/** The label event in the issue's timeline that this task came from: the entry's id is the one thing a replay cannot change. */
export async function identify(access: Access, task: Task): Promise<string | null> {
  const { request, issue, askedBy, repository } = task;
  if (request.kind !== 'label') return null;
  const entries = await access.list(`the timeline of issue ${issue.number}`, Entry, (octokit, page) =>
    octokit.issues.listEventsForTimeline({ ...access.at, issue_number: issue.number, ...page }),
  );
  const [nearest] = entries
    .filter(
      ({ event, label, actor }) => event === 'labeled' && label?.name === request.label && actor?.id === askedBy.id,
    )
    .map(({ id, created_at }) => ({
      id,
      offMs: Math.abs(Date.parse(created_at ?? '') - Date.parse(request.issueUpdatedAt)),
    }))
    .filter(({ id, offMs }) => id !== undefined && offMs <= nearMs)
    .toSorted((one, other) => one.offMs - other.offMs || Number(other.id) - Number(one.id));
  return nearest ? `labeled:${repository.id}:${nearest.id}` : null;
}
