import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { ChangedFile } from '../core/patch.ts';
import type { Claim } from '../core/ports.ts';
import type { Verdict } from '../core/verdict.ts';
import { renderCommitMessage } from '../reports/commit-message.ts';
import { renderPullRequest } from '../reports/pull-request.ts';
import { reportOf } from '../reports/report.ts';
import type { Authority } from './authorise.ts';
import { showStage } from './show-stage.ts';
import type { World } from './world.ts';

interface Publication {
  readonly claim: Claim;
  readonly world: World;
  readonly signal: AbortSignal;
  readonly authority: Extract<Authority, { kind: 'granted' }>;
  readonly files: readonly ChangedFile[];
  readonly verdict: Verdict;
}

/** Verdict → pull request: ready when verified, a draft otherwise. Each write goes through the outbox and is found before it is made. */
export async function publishOutcome(publication: Publication): Promise<Outcome> {
  const { claim, world, signal, authority, files, verdict } = publication;
  const { task, id } = claim.run;
  await showStage(claim, world, 'publishing', signal);
  if (!(await world.forge.mayWrite(task, signal))) {
    return {
      kind: 'stopped',
      reason: `@${task.askedBy.login} may not write to this repository any more; nothing was published.`,
    };
  }

  const report = reportOf(claim.run, await claim.journal(), world.clock.now());
  const branch = `devstral/${task.issue.number > 0 ? `issue-${task.issue.number}` : 'fix'}-${id}`;
  const { commit } = await claim.write('commit', z.object({ commit: z.string() }), () =>
    world.forge.publishCommit(
      { task, branch, baseCommit: authority.baseCommit, message: renderCommitMessage(report), files },
      signal,
    ),
  );
  const draft = verdict.kind !== 'verified';
  const pullRequest = await claim.write('pull-request', z.object({ number: z.number().int(), url: z.string() }), () =>
    world.forge.openPullRequest(
      { task, branch, base: authority.baseBranch, draft, ...renderPullRequest(report) },
      signal,
    ),
  );
  return { kind: 'pull-request', ...pullRequest, draft, branch, commit };
}
