import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';

import { type AppSettings, environmentVariables, type ModelSettings, workSettings } from '../config.ts';
import { OutsideError, SettingsError } from '../core/errors.ts';
import { type GitHubSimulation, startGitHub } from '../simulation/github/github-server.ts';
import { startModel } from '../simulation/model/model-server.ts';
import { openLog, startBot } from '../wiring.ts';
import { demoRepository } from './demo/demo-repository.ts';
import { demoScript, type ScriptName } from './demo/demo-script.ts';
import { findRealBug, type RealBug, realBugs } from './demo/real-bugs.ts';
import { showProgress } from './progress.ts';
import { resultLine, verdictLine } from './result-line.ts';
import { waitForEnd } from './wait-for-end.ts';

interface DemoOptions {
  readonly json?: true;
  readonly keep?: true;
  readonly package: string;
  readonly script: ScriptName;
}

/** `devstral demo`: a label becomes a pull request on this machine, with a real bug of a published package. */
export function demoCommand(): Command {
  const known = realBugs.map((bug) => `${bug.name}@${bug.version}`);
  return new Command('demo')
    .description('the whole way once on this machine: simulated GitHub and model, everything else is the product')
    .option('--json', 'print nothing but one line of JSON at the end')
    .option('--keep', 'leave the pages up until Ctrl-C')
    .addOption(new Option('--package <name@version>', `the bug: ${known.join(', ')}`).default(known[0] ?? ''))
    .addOption(
      new Option('--script <name>', 'what the scripted model does').choices(['right', 'wrong']).default('right'),
    )
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const bug = findRealBug(options.package);
  if (!bug) {
    const known = realBugs.map((each) => `${each.name}@${each.version}`).join(', ');
    throw new SettingsError(`--package is ${options.package}; the demo knows ${known}.`);
  }
  const say = (line: string) => void (options.json || process.stdout.write(`${line}\n`));
  const folder = await mkdtemp(join(tmpdir(), 'devstral-demo-'));
  try {
    await play(bug, options, folder, say);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function play(bug: RealBug, options: DemoOptions, folder: string, say: (line: string) => void): Promise<void> {
  say(`Real bug: ${bug.name}@${bug.version}, fixed in ${bug.fixedVersion}. Fetching both.`);
  const repository = await demoRepository(bug, folder);
  await using github = await startGitHub({});
  await using server = await startModel({ model: 'devstral', script: demoScript(options.script, repository) });
  say(
    `Simulated here: GitHub (${github.url}) and the model, which follows the script "${options.script}". The rest is the product.`,
  );

  const progress = showProgress({ json: options.json ?? false, terminal: process.stdout.isTTY === true, write: say });
  const started = Promise.withResolvers<string>();
  const settings = {
    work: { ...workSettings(environmentVariables()), dataFolder: join(folder, 'data'), databaseUrl: null, workers: 1 },
    model: modelOf(server.url),
    app: appOf(github),
  };
  await using bot = await startBot(settings, openLog('error'), (run, entry) => {
    started.resolve(run);
    progress.watch(entry);
  });
  github.deliverTo(`${bot.url}/api/github/webhooks`);
  const page = await fileAndLabel(github, bug, repository.files);
  say(`Issue: ${page} — labelled "devstral"`);

  const deadline = AbortSignal.timeout(20 * 60_000);
  deadline.addEventListener('abort', () =>
    started.reject(new OutsideError('No run began within 20 minutes.', { retry: 'never' })),
  );
  const id = await started.promise;
  const run = await waitForEnd(bot.runs, id, deadline);
  await progress.end();
  const journal = await bot.runs.journal(id);
  if (options.json) process.stdout.write(`${JSON.stringify(resultLine(run, journal))}\n`);
  if (run.outcome?.kind === 'pull-request')
    say(`Pull request: ${run.outcome.url}${run.outcome.draft ? ' (draft)' : ''}`);
  else process.exitCode = 1;
  say(verdictLine(run, journal));
  if (options.keep) {
    process.stderr.write('The pages stay up until Ctrl-C.\n');
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  }
}

/** Files the issue as a user without rights would, and labels it as a maintainer. Gives the issue's page. */
async function fileAndLabel(github: GitHubSimulation, bug: RealBug, files: Map<string, Buffer>): Promise<string> {
  const repo = await github.addRepository({ owner: 'demo', name: bug.name, files });
  github.addUser({ login: 'reporter' });
  github.addUser({ login: 'maintainer' });
  github.setPermission(repo, 'maintainer', 'write');
  const issue = await github.openIssue({ repo, title: bug.title, body: bug.body, by: 'reporter' });
  await github.label({ repo, issue: issue.number, label: 'devstral', by: 'maintainer' });
  return issue.url;
}

function modelOf(baseUrl: string): ModelSettings {
  return {
    baseUrl,
    name: 'devstral',
    apiKey: null,
    profile: 'vllm',
    temperature: 0.15,
    contextTokens: 131_072,
    maxTokens: 8_192,
    timeoutMs: 60_000,
  };
}

function appOf(github: GitHubSimulation): AppSettings {
  const { appId, privateKey, webhookSecret, apiUrl, url: webUrl } = github;
  return { appId, privateKey, webhookSecret, apiUrl, webUrl, host: '127.0.0.1', port: 0 };
}
