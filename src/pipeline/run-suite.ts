import type { ChangedFile } from '../core/patch.ts';
import type { Checkout, Claim } from '../core/ports.ts';
import type { Environment } from '../core/run.ts';
import type { TestRun } from '../core/verdict.ts';
import { findTestCommand } from '../verification/find-test-command.ts';
import { runTests } from '../verification/run-tests.ts';
import type { RepositorySettings } from './read-settings.ts';
import type { World } from './world.ts';

interface Suite {
  readonly claim: Claim;
  readonly world: World;
  readonly checkout: Checkout;
  readonly environment: Environment;
  readonly settings: RepositorySettings;
  readonly purpose: 'baseline' | 'verification';
  /** What the patch leaves, laid over the environment's tree; none for the baseline. */
  readonly files: readonly ChangedFile[];
}

/** Runs the repository's tests once, in a fresh sandbox that nothing else has used. The command is always the base commit's. */
export async function runSuite(suite: Suite, signal: AbortSignal): Promise<TestRun> {
  const { world, checkout, environment, purpose } = suite;
  const read = async (path: string) => {
    const bytes = await checkout.read(path, 1024 * 1024, signal);
    return bytes && new TextDecoder().decode(bytes);
  };
  const settings = suite.settings.test === undefined ? {} : { test: suite.settings.test };
  const command = await findTestCommand({ paths: await checkout.paths(signal), read, settings });
  if (!command) return nothingToRun;

  await using sandbox = await world.sandboxes.open({ run: suite.claim.run.id, purpose, environment, checkout }, signal);
  await sandbox.putFiles(suite.files, signal);
  return await runTests({ sandbox, command, timeoutMs: world.testsMs, clock: world.clock }, signal);
}

const nothingToRun: TestRun = {
  class: 'could-not-run',
  reason: 'No test command was found in the repository. Name one in .github/devstral.yml (test: …).',
  command: null,
  ran: '',
  exitCode: null,
  tests: [],
  logTail: '',
  seconds: 0,
};
