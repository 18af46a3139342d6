import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Command } from 'commander';

import { environmentVariables, type WorkSettings, workSettings } from '../config.ts';
import { OutsideError, SettingsError } from '../core/errors.ts';
import { openGround } from '../wiring.ts';
import { localRepository } from './local-repository.ts';
import { countSteps, showCounts } from './replay/counts.ts';
import { findCommit } from './replay/find-commit.ts';
import { openSandbox } from './replay/open-sandbox.ts';
import { type NamedRecording, readRecording } from './replay/read-recording.ts';
import { type ReplayedStep, replaySteps } from './replay/replay-steps.ts';
import { showStep } from './replay/show-step.ts';
import { guessRoot } from './replay/work-tree.ts';

interface ReplayOptions {
  readonly repo: string;
  readonly commit?: string;
  readonly root?: string;
  readonly instance?: string;
  readonly json?: true;
}

/** `devstral replay`: what a recorded trajectory did, done again in a fresh sandbox, and where the results differ. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('do again what a recorded trajectory did, in a fresh sandbox, and show what came out differently')
    .argument('<trajectory>', 'a trajectory.jsonl of fix, or a trajectory of OpenHands or SWE-agent, or messages')
    .requiredOption('--repo <path|url>', 'a git repository on this machine, or an http(s) URL to clone')
    .option('--commit <commit>', 'the commit to start from (default: the one that is checked out)')
    .option('--root <path>', 'where the repository was when it was recorded (default: told by the recording)')
    .option('--instance <id>', 'which recording of the file (default: the first)')
    .option('--json', 'end with one line of JSON')
    .action(replay);
}

async function replay(trajectory: string, options: ReplayOptions): Promise<void> {
  const named = await readRecording(trajectory, options.instance);
  const root = rootOf(named, options.root);
  const configured = workSettings(environmentVariables());
  // A data folder of its own: what is left over is ours to remove, whatever else runs on this machine.
  const scratch = await mkdtemp(join(tmpdir(), 'devstral-replay-'));
  try {
    const work: WorkSettings = { ...configured, dataFolder: scratch, databaseUrl: null };
    const repository = await localRepository(options.repo, join(scratch, 'clone'), work.searchPath);
    const base = await findCommit(repository, options.commit, work.searchPath);
    const write = (line: string) => void (options.json || process.stdout.write(`${line}\n`));
    write(`Replaying ${named.format} ${named.name}, recorded in ${root}, at commit ${base.commit.slice(0, 12)}`);
    if (named.recording.commit && named.recording.commit !== base.commit)
      write(`It was recorded at another commit; to start from that: --commit ${named.recording.commit}`);
    const steps = await replayAt(work, { repository, ...base }, named, root, (step) => write(showStep(step)));
    const counts = countSteps(steps);
    write(showCounts(steps.length, counts));
    if (options.json) {
      const { format, name: instance } = named;
      process.stdout.write(`${JSON.stringify({ format, instance, root, commit: base.commit, counts, steps })}\n`);
    }
    process.exitCode = counts.differs > 0 ? 3 : 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function rootOf({ recording }: NamedRecording, given: string | undefined): string {
  if (given !== undefined && !/^\/+[^/]/.test(given))
    throw new SettingsError(`--root is ${given}; give the absolute path that the repository had, such as /testbed.`);
  const root = given ?? recording.root ?? guessRoot(recording.steps) ?? '/workspace';
  return root.replace(/(?<=.)\/+$/, '');
}

async function replayAt(
  work: WorkSettings,
  base: { repository: string; branch: string; commit: string },
  { recording }: NamedRecording,
  root: string,
  show: (step: ReplayedStep) => void,
): Promise<ReplayedStep[]> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new OutsideError('Interrupted; what it had made is removed.', { retry: 'never' }));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const ground = openGround(work);
  const name = basename(base.repository) || 'repository';
  try {
    await using sandbox = await openSandbox(ground, { run: randomUUID(), name, ...base }, stop.signal);
    const done: ReplayedStep[] = [];
    for await (const step of replaySteps({ steps: recording.steps, root, sandbox }, stop.signal)) {
      show(step);
      done.push(step);
    }
    return done;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await ground.sandboxes.removeLeftovers(async () => false);
    await ground.checkouts.removeLeftovers(async () => false);
  }
}
