import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';

import { localForge } from '../adapters/local/local-forge.ts';
import { environmentVariables, modelSettings, type WorkSettings, workSettings } from '../config.ts';
import type { Task } from '../core/task.ts';
import { chosenOf } from '../pipeline/candidate.ts';
import { removeLeftovers, workLoop } from '../pipeline/work-loop.ts';
import { openLog, openModel, openStore, openWorld } from '../wiring.ts';
import { localRepository } from './local-repository.ts';
import { showProgress } from './progress.ts';
import { type IssueText, readIssue } from './read-issue.ts';
import { resultLine, verdictLine } from './result-line.ts';
import { waitForEnd } from './wait-for-end.ts';

interface FixOptions {
  readonly repo: string;
  readonly issue: string;
  readonly out: string;
  readonly json?: true;
}

/** `devstral fix`: the same pipeline on a repository of this machine, without GitHub. */
export function fixCommand(): Command {
  return new Command('fix')
    .description('fix an issue in a local repository; ends in a branch, a patch file, the trajectory and a report')
    .requiredOption('--repo <path|url>', 'a git repository on this machine, or an http(s) URL to clone')
    .requiredOption(
      '--issue <file|text|url>',
      'the issue: a text file (first line is the title), the text itself, or a GitHub issue URL',
    )
    .option('--out <folder>', 'where the patch, the trajectory and the report go', 'devstral-out')
    .option('--json', 'end with one line of JSON')
    .action(fix);
}

async function fix(options: FixOptions): Promise<void> {
  const variables = environmentVariables();
  const configured = workSettings(variables);
  const out = resolve(options.out);
  const issue = await readIssue(options.issue);
  // A store of its own: PGlite admits one process, and a bot may be serving on this machine.
  const scratch = await mkdtemp(join(tmpdir(), 'devstral-fix-'));
  try {
    const work: WorkSettings = { ...configured, dataFolder: scratch, databaseUrl: null };
    const repository = await localRepository(options.repo, out, configured.searchPath);
    process.exitCode = await solve({
      work,
      repository,
      issue,
      out,
      json: options.json ?? false,
      model: modelSettings(variables),
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function solve(request: {
  work: WorkSettings;
  model: ReturnType<typeof modelSettings>;
  repository: string;
  issue: IssueText;
  out: string;
  json: boolean;
}): Promise<number> {
  const { work, repository, out } = request;
  const log = openLog('error');
  const stop = new AbortController();
  // Once: the agent ends and what it changed is kept. Twice: at once.
  const finish = new AbortController();
  const interrupt = () => {
    if (finish.signal.aborted) return stop.abort(new Error('Interrupted'));
    process.stderr.write('Stopping; what the agent changed is kept. Once more stops at once.\n');
    finish.abort('request');
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const progress = showProgress({
    json: request.json,
    terminal: process.stdout.isTTY === true,
    write: (line) => void process.stdout.write(`${line}\n`),
  });

  await using runs = await openStore(work, log);
  const model = await openModel(request.model, log, stop.signal);
  const forge = localForge({
    repository,
    outputFolder: out,
    scratchFolder: work.dataFolder,
    searchPath: work.searchPath,
  });
  const world = openWorld(work, {
    forge,
    model,
    log,
    watch: (_run, entry) => progress.watch(entry),
    stop: finish.signal,
  });
  const base = await forge.base(taskOf(repository, 'HEAD', request.issue), stop.signal);
  const { run: id } = await runs.accept(taskOf(repository, base.branch, request.issue), [`command-line:${Date.now()}`]);
  const loop = workLoop(runs, world, stop.signal);
  try {
    const run = await waitForEnd(runs, id, stop.signal);
    await progress.end();
    const journal = await runs.journal(id);
    const patch = chosenOf(journal)?.attempt.patch.diff ?? '';
    await mkdir(out, { recursive: true });
    const patchFile = join(out, 'patch.diff');
    await writeFile(patchFile, patch);
    const trajectoryFile = join(out, 'trajectory.jsonl');
    await writeFile(trajectoryFile, journal.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    if (request.json) {
      process.stdout.write(
        `${JSON.stringify({ ...resultLine(run, journal), patch: patchFile, trajectory: trajectoryFile })}\n`,
      );
    } else {
      if (run.outcome?.kind === 'pull-request')
        process.stdout.write(`Branch: ${run.outcome.branch}\nReport: ${run.outcome.url}\n`);
      process.stdout.write(`Patch: ${patchFile}\nTrajectory: ${trajectoryFile}\n${verdictLine(run, journal)}\n`);
    }
    if (run.outcome?.kind === 'failed') return 1;
    return chosenOf(journal)?.verdict?.kind === 'verified' ? 0 : 3;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    stop.abort(new Error('The run has ended'));
    await loop;
    await removeLeftovers(world, async () => false);
  }
}

function taskOf(repository: string, branch: string, issue: IssueText): Task {
  const me = { id: 1, login: 'you' };
  return {
    kind: 'issue',
    repository: {
      id: 1,
      owner: 'local',
      name: basename(repository) || 'repository',
      installation: 0,
      defaultBranch: branch,
    },
    issue: { number: issue.number, title: issue.title, body: issue.body, author: me.login, url: '' },
    askedBy: me,
    askedAt: new Date().toISOString(),
    request: { kind: 'command-line' },
  };
}
