import { z } from 'zod';

// The signature covers the body alone: on a replay the header may call it any event. So the body says itself what it is.

const thing = z.looseObject({});
const absent = z.undefined().optional();
/** Other events name the installation by its id only. */
const ownInstallation = z.looseObject({ app_id: z.number() });
const action = z.string();
const fork = { comment: absent, review: absent, thread: absent };

/** What the body of each event has, and what would make it another event. One body fits at most one of them. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  issues: z.object({
    action,
    issue: thing,
    repository: thing,
    ...fork,
    pull_request: absent,
    discussion: absent,
    sub_issue: absent,
    parent_issue: absent,
    blocked_issue: absent,
    blocking_issue: absent,
  }),
  issue_comment: z.object({ action, issue: thing, comment: thing, repository: thing, pull_request: absent }),
  pull_request: z.object({ action, pull_request: thing, repository: thing, ...fork }),
  pull_request_review: z.object({ action, pull_request: thing, review: thing, repository: thing }),
  pull_request_review_comment: z.object({ action, pull_request: thing, comment: thing, review: absent }),
  check_run: z.object({ action, check_run: thing, deployment_status: absent }),
  check_suite: z.object({ action, check_suite: thing, check_run: absent }),
  workflow_run: z.object({
    action,
    workflow_run: thing,
    workflow: thing.nullable(),
    deployment: absent,
    since: absent,
  }),
  workflow_job: z.object({ action, workflow_job: thing }),
  status: z.object({
    sha: z.string(),
    state: z.string(),
    context: z.string(),
    branches: z.array(thing),
    action: absent,
  }),
  push: z.object({ ref: z.string(), before: z.string(), after: z.string(), commits: z.array(thing), action: absent }),
  installation: z.object({ action, installation: ownInstallation, repository: absent, repositories_added: absent }),
  installation_repositories: z.object({ action, installation: ownInstallation, repositories_added: z.array(thing) }),
};

/** Whether a body is what its header calls it. Of events not listed here it is only known that the body is none of these. */
export function eventAgrees(event: string, payload: unknown): boolean {
  const named = Object.hasOwn(shapes, event) ? shapes[event] : undefined;
  if (named) return named.safeParse(payload).success;
  return !Object.values(shapes).some((shape) => shape.safeParse(payload).success);
}
