import { attemptTask } from '../agent/attempt-task.ts';
import type { Attempt } from '../core/attempt.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Checkout, Claim } from '../core/ports.ts';
import type { Environment, PolicyResult } from '../core/run.ts';
import type { TestRun, Verdict } from '../core/verdict.ts';
import { judge } from '../verification/judge.ts';
import { authorise } from './authorise.ts';
import { judgePatch } from './patch-policy.ts';
import { planEnvironment } from './plan-environment.ts';
import { publishOutcome } from './publish-outcome.ts';
import { readInstructions } from './read-instructions.ts';
import { type RepositorySettings, readSettings } from './read-settings.ts';
import { recall } from './recall.ts';
import { runSuite } from './run-suite.ts';
import { showStage } from './show-stage.ts';
import { record, type World } from './world.ts';

/** One worker's hold on one run, and what it works with. */
interface Work {
  readonly claim: Claim;
  readonly world: World;
  readonly signal: AbortSignal;
}

/**
 * Task → Outcome, the whole story. Every step looks in the journal first: what an earlier worker of this run finished
 * is not done again.
 */
export async function solveTask(claim: Claim, world: World, signal: AbortSignal): Promise<Outcome> {
  const work: Work = { claim, world, signal };
  const concluded = recall(await claim.journal(), 'concluded');
  if (concluded) return concluded.outcome;

  const authority = await authorise(claim, world, signal);
  if (authority.kind === 'refused') return authority.outcome;
  await showStage(claim, world, 'preparing', signal);
  await using checkout = await openCheckout(work, authority.baseBranch, authority.baseCommit);
  const settings = await readSettings(checkout, signal);
  const environment = await prepareEnvironment(work, checkout, settings);
  const baseline = await runBaseline(work, checkout, environment, settings);
  const attempt = await makeAttempt(work, checkout, environment, baseline);
  const policy = await applyPolicy(work, checkout, attempt);
  if (policy.kind !== 'accepted') return abstained(attempt, policy);
  const verdict = await verifyPatch(work, checkout, environment, settings, baseline, policy.files);
  return await publishOutcome({ claim, world, signal, authority, files: policy.files, verdict });
}

async function openCheckout({ claim, world, signal }: Work, branch: string, commit: string): Promise<Checkout> {
  const { repository } = claim.run.task;
  const access = await world.forge.cloneAccess(repository, signal);
  return await world.checkouts.open({ run: claim.run.id, repository, access, branch, commit }, signal);
}

async function prepareEnvironment(work: Work, checkout: Checkout, settings: RepositorySettings): Promise<Environment> {
  const { claim, world, signal } = work;
  const manifest = await checkout.read('package.json', 1024 * 1024, signal);
  const plan = planEnvironment(await checkout.paths(signal), manifest && new TextDecoder().decode(manifest), settings);
  // Asked of the sandboxes even when journalled: the kept environment may be gone since.
  const environment = await world.sandboxes.prepare({ run: claim.run.id, checkout, plan }, signal);
  if (!recall(await claim.journal(), 'environment')) await record(claim, world, { kind: 'environment', environment });
  return environment;
}

async function runBaseline(
  work: Work,
  checkout: Checkout,
  environment: Environment,
  settings: RepositorySettings,
): Promise<TestRun> {
  const { claim, world, signal } = work;
  const known = recall(await claim.journal(), 'baseline');
  if (known) return known.run;
  await showStage(claim, world, 'baseline', signal);
  const run = await runSuite({ claim, world, checkout, environment, settings, purpose: 'baseline', files: [] }, signal);
  await record(claim, world, { kind: 'baseline', run });
  return run;
}

async function makeAttempt(
  { claim, world, signal }: Work,
  checkout: Checkout,
  environment: Environment,
  baseline: TestRun,
): Promise<Attempt> {
  const known = recall(await claim.journal(), 'attempt-ended');
  if (known) return known.attempt;
  await showStage(claim, world, 'working', signal);
  const number = (recall(await claim.journal(), 'attempt-started')?.attempt ?? 0) + 1;
  await record(claim, world, { kind: 'attempt-started', attempt: number, model: world.model.name });
  await using sandbox = await world.sandboxes.open(
    { run: claim.run.id, purpose: 'attempt', environment, checkout },
    signal,
  );
  const attempt = await attemptTask(
    {
      number,
      task: claim.run.task,
      sandbox,
      model: world.model,
      limits: world.limits,
      clock: world.clock,
      facts: { baseline, instructions: await readInstructions(checkout, signal), lastFailure: null },
      append: (entry) => record(claim, world, entry),
    },
    signal,
  );
  await record(claim, world, { kind: 'attempt-ended', attempt });
  return attempt;
}

async function applyPolicy(
  { claim, world, signal }: Work,
  checkout: Checkout,
  attempt: Attempt,
): Promise<PolicyResult> {
  const known = recall(await claim.journal(), 'policy');
  if (known) return known.result;
  const applied = await checkout.apply(attempt.patch, signal);
  const result: PolicyResult =
    applied.kind === 'applied'
      ? judgePatch(applied.files, await checkout.paths(signal))
      : { kind: 'refused', reasons: [`git refused the patch: ${applied.reason}`] };
  await record(claim, world, { kind: 'policy', attempt: attempt.number, result });
  return result;
}

async function verifyPatch(
  work: Work,
  checkout: Checkout,
  environment: Environment,
  settings: RepositorySettings,
  baseline: TestRun,
  files: Extract<PolicyResult, { kind: 'accepted' }>['files'],
): Promise<Verdict> {
  const { claim, world, signal } = work;
  const journal = await claim.journal();
  const known = recall(journal, 'verdict');
  if (known) return known.verdict;
  await showStage(claim, world, 'verifying', signal);
  const patched = await runSuite(
    { claim, world, checkout, environment, settings, purpose: 'verification', files },
    signal,
  );
  const verdict = judge({ baseline, patched, changedPaths: files.map((file) => file.path) });
  const attempt = recall(journal, 'attempt-ended')?.attempt.number ?? 1;
  await record(claim, world, { kind: 'verdict', attempt, verdict });
  return verdict;
}

function abstained(attempt: Attempt, policy: Exclude<PolicyResult, { kind: 'accepted' }>): Outcome {
  if (policy.kind === 'empty') {
    const how = attempt.end.kind === 'finished' ? 'finished without changing anything' : 'ended without a change';
    return { kind: 'abstained', reason: `The attempt ${how}, so there is nothing to propose.` };
  }
  return { kind: 'abstained', reason: `The patch may not be published. ${policy.reasons.join('; ')}` };
}
