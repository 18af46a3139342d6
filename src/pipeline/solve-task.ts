import { attemptTask } from '../agent/attempt-task.ts';
import type { Attempt } from '../core/attempt.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ChangedFile } from '../core/patch.ts';
import type { Checkout, Claim, Sandbox } from '../core/ports.ts';
import type { Environment, PolicyResult } from '../core/run.ts';
import { type Trajectory, trajectoryOf } from '../core/trajectory.ts';
import type { TestRun, Verdict } from '../core/verdict.ts';
import { judge } from '../verification/judge.ts';
import { authorise } from './authorise.ts';
import { type Candidate, candidatesOf } from './candidate.ts';
import { chooseAttempt } from './choose-attempt.ts';
import { failureAccount } from './failure-account.ts';
import { judgePatch } from './patch-policy.ts';
import { planEnvironment } from './plan-environment.ts';
import { publishOutcome } from './publish-outcome.ts';
import { readInstructions } from './read-instructions.ts';
import { type RepositorySettings, readSettings } from './read-settings.ts';
import { recall } from './recall.ts';
import { runSuite } from './run-suite.ts';
import { showStage } from './show-stage.ts';
import { type TryOnce, tryAttempts } from './try-attempts.ts';
import { record, type World } from './world.ts';

/** One worker's hold on one run, and what it works with. */
interface Work {
  readonly claim: Claim;
  readonly world: World;
  readonly signal: AbortSignal;
}

/** What every attempt starts from. */
interface Bench extends Work {
  readonly checkout: Checkout;
  readonly settings: RepositorySettings;
  readonly environment: Environment;
  readonly baseline: TestRun;
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
  const bench: Bench = { ...work, checkout, settings, environment, baseline };
  const candidates = await tryAttempts(
    (attempt, stop, until) => tryOnce({ ...bench, signal: until }, attempt, stop),
    { settings: world.attempts, journal: () => claim.journal(), stop: world.stop },
    signal,
  );
  const chosen = chooseAttempt(candidates, world.attempts);
  const ended = withoutPatch(candidates, chosen, world);
  if (ended || !chosen || chosen.policy.kind !== 'accepted') return ended ?? abstained(candidates);
  await recordChoice(work, chosen);
  const { files } = chosen.policy;
  const verdict = chosen.verdict ?? (await verifyPatch(bench, chosen.attempt.number, files));
  return await publishOutcome({ claim, world, signal, authority, files, verdict });
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

/** One attempt, from a fresh sandbox to what the tests say about its patch; what is on record of it is not done again. */
async function tryOnce(
  bench: Bench,
  { number, limits, earlier }: Parameters<TryOnce>[0],
  stop: AbortSignal,
): Promise<Candidate> {
  const { claim, world } = bench;
  const attempt = await makeAttempt(bench, { number, limits, earlier }, stop);
  const policy = await applyPolicy(bench, attempt);
  const known = candidatesOf(await claim.journal()).find((each) => each.attempt.number === number)?.verdict ?? null;
  const isWanted = policy.kind === 'accepted' && !known && !world.attempts.paper && !stop.aborted;
  return { attempt, policy, verdict: isWanted ? await verifyPatch(bench, number, policy.files) : known };
}

async function makeAttempt(
  { claim, world, checkout, environment, baseline, signal }: Bench,
  { number, limits, earlier }: Parameters<TryOnce>[0],
  stop: AbortSignal,
): Promise<Attempt> {
  const journal = await claim.journal();
  const known = journal.find((entry) => entry.kind === 'attempt-ended' && entry.attempt.number === number);
  if (known?.kind === 'attempt-ended') return known.attempt;
  await showStage(claim, world, 'working', signal, number);
  if (!journal.some((entry) => entry.kind === 'attempt-started' && entry.attempt === number))
    await record(claim, world, { kind: 'attempt-started', attempt: number, model: world.model.name });
  const { id: run, task } = claim.run;
  await using sandbox = await world.sandboxes.open({ run, purpose: 'attempt', environment, checkout }, signal);
  const before = trajectoryOf(journal, number);
  await putCheckpoint(checkout, sandbox, before, signal);
  const lastFailed = earlier.findLast(({ attempt: { end } }) => end.kind !== 'stopped');
  const attempt = await attemptTask(
    {
      run,
      number,
      task,
      sandbox,
      model: world.model,
      limits,
      manner: world.attempts,
      clock: world.clock,
      facts: {
        baseline,
        instructions: await readInstructions(checkout, signal),
        lastFailure: lastFailed && !world.attempts.paper ? failureAccount(lastFailed) : null,
      },
      before,
      stop,
      append: (entry) => record(claim, world, entry),
    },
    signal,
  );
  await record(claim, world, { kind: 'attempt-ended', attempt });
  return attempt;
}

/** The work tree as an earlier worker of this attempt last saw it. */
async function putCheckpoint(
  checkout: Checkout,
  sandbox: Sandbox,
  { checkpoint }: Trajectory,
  signal: AbortSignal,
): Promise<void> {
  if (!checkpoint) return;
  const applied = await checkout.apply(checkpoint.patch, signal);
  if (applied.kind === 'applied') await sandbox.putFiles(applied.files, signal);
}

async function applyPolicy({ claim, world, checkout, signal }: Bench, attempt: Attempt): Promise<PolicyResult> {
  const known = (await claim.journal()).findLast(
    (entry) => entry.kind === 'policy' && entry.attempt === attempt.number,
  );
  if (known?.kind === 'policy') return known.result;
  const applied = await checkout.apply(attempt.patch, signal);
  const result: PolicyResult =
    applied.kind === 'applied'
      ? judgePatch(applied.files, await checkout.paths(signal))
      : { kind: 'refused', reasons: [`git refused the patch: ${applied.reason}`] };
  await record(claim, world, { kind: 'policy', attempt: attempt.number, result });
  return result;
}

async function verifyPatch(
  { claim, world, signal, ...suite }: Bench,
  attempt: number,
  files: readonly ChangedFile[],
): Promise<Verdict> {
  await showStage(claim, world, 'verifying', signal, attempt);
  const patched = await runSuite({ ...suite, claim, world, purpose: 'verification', files }, signal);
  const verdict = judge({ baseline: suite.baseline, patched, changedPaths: files.map((file) => file.path) });
  await record(claim, world, { kind: 'verdict', attempt, verdict });
  return verdict;
}

async function recordChoice({ claim, world }: Work, { attempt }: Candidate): Promise<void> {
  if (recall(await claim.journal(), 'chosen')?.attempt !== attempt.number)
    await record(claim, world, { kind: 'chosen', attempt: attempt.number });
}

/** The ends that are reached before there is a patch to publish. */
function withoutPatch(candidates: readonly Candidate[], chosen: Candidate | null, world: World): Outcome | null {
  const isStopped = candidates.some(({ attempt: { end } }) => end.kind === 'stopped' && end.by === 'request');
  if (world.stop.aborted || isStopped)
    return { kind: 'stopped', reason: 'It was asked to stop; what had been changed by then is kept.' };
  const failed = candidates.at(-1)?.attempt.end;
  return !chosen && failed?.kind === 'error' ? { kind: 'failed', reason: failed.reason } : null;
}

function abstained(candidates: readonly Candidate[]): Outcome {
  const last = candidates.findLast(({ policy }) => policy.kind === 'refused') ?? candidates.at(-1);
  if (last?.policy.kind === 'refused')
    return { kind: 'abstained', reason: `The patch may not be published. ${last.policy.reasons.join('; ')}` };
  const how = last?.attempt.end.kind === 'finished' ? 'finished without changing anything' : 'ended without a change';
  const which = candidates.length > 1 ? `All ${candidates.length} attempts` : 'The attempt';
  return { kind: 'abstained', reason: `${which} ${how}, so there is nothing to propose.` };
}
