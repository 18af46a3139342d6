import { createHmac, randomUUID } from 'node:crypto';

import { commentShape, installationShape, issueShape, labelShape, repositoryShape, userShape } from './shapes.ts';
import { appUser, type Comment, type Issue, type Repository, type State, type User } from './state.ts';

/** A webhook as it was sent, and what was answered (0: nobody answered). */
export interface SentDelivery {
  readonly id: string;
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly status: number;
}

export function labeledPayload(state: State, repository: Repository, issue: Issue, label: string, by: User) {
  return {
    action: 'labeled',
    issue: payloadIssue(state, repository, issue),
    label: labelShape(state, repository, label),
    ...about(state, repository, by),
  };
}

export function commentedPayload(
  state: State,
  repository: Repository,
  issue: Issue,
  comment: Comment,
  action: 'created' | 'edited',
) {
  return {
    action,
    issue: payloadIssue(state, repository, issue),
    comment: commentShape(state, repository, issue, comment),
    ...(action === 'edited' && { changes: { body: { from: comment.body } } }),
    ...about(state, repository, comment.byApp ? appUser(state) : comment.user),
  };
}

/** Payloads have a few fields more than the API, and spell one differently. */
function payloadIssue(state: State, repository: Repository, issue: Issue) {
  return { ...issueShape(state, repository, issue), active_lock_reason: null, draft: undefined };
}

function about(state: State, repository: Repository, by: User) {
  return {
    // Payloads name an owner's own properties and leave two counts out.
    repository: {
      ...repositoryShape(state, repository),
      custom_properties: {},
      network_count: undefined,
      subscribers_count: undefined,
    },
    sender: userShape(state, by),
    installation: installationShape(state),
  };
}

/** Sends a webhook, signed over its body, and gives what came of it. */
export async function deliver(
  url: string,
  secret: string,
  event: string,
  payload: Readonly<Record<string, unknown>>,
  id: string = randomUUID(),
): Promise<SentDelivery> {
  const body = JSON.stringify(payload);
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const status = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/simulation',
      'x-github-event': event,
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${signature}`,
    },
    signal: AbortSignal.timeout(10_000), // GitHub's own patience
  }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    },
    () => 0,
  );
  return { id, event, payload, status };
}
