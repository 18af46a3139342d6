import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type AppSettings, environmentVariables, type ModelSettings, workSettings } from '../../config.ts';
import { OutsideError } from '../../core/errors.ts';
import type { JournalEntry, Run } from '../../core/run.ts';
import { type GitHubSimulation, startGitHub } from '../../simulation/github/github-server.ts';
import { startModel } from '../../simulation/model/model-server.ts';
import { openLog, startBot } from '../../wiring.ts';
import { waitForEnd } from '../wait-for-end.ts';
import { demoRepository } from './demo-repository.ts';
import { demoScript, type ScriptName } from './demo-script.ts';
import type { RealBug } from './real-bugs.ts';

/** A bot on this machine with a labelled issue before it. */
export interface Demo extends AsyncDisposable {
  /** The end of the run that the label started. */
  ended(): Promise<{ run: Run; journal: JournalEntry[] }>;
}

const longestMs = 20 * 60_000;

/** Fetches the package, starts what is simulated and the bot, files the issue and sets the label. */
export async function openDemo(
  bug: RealBug,
  script: ScriptName,
  { watch, say }: { watch: (entry: JournalEntry) => void; say: (line: string) => void },
): Promise<Demo> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'devstral-demo-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const repository = await demoRepository(bug, folder);
  const github = opened.use(await startGitHub({}));
  const model = opened.use(await startModel({ model: 'devstral', script: demoScript(script, repository) }));
  say(
    `Simulated here: GitHub (${github.url}) and the model, which follows the script "${script}". The rest is the product.`,
  );
  const work = {
    ...workSettings(environmentVariables()),
    dataFolder: join(folder, 'data'),
    databaseUrl: null,
    workers: 1,
  };
  const started = Promise.withResolvers<string>();
  const bot = opened.use(
    await startBot({ work, model: modelOf(model.url), app: appOf(github) }, openLog('error'), (run, entry) => {
      started.resolve(run);
      watch(entry);
    }),
  );
  github.deliverTo(`${bot.url}/api/github/webhooks`);
  await fileAndLabel(github, bug, repository.files, say);

  const keep = opened.move();
  return {
    async ended() {
      const deadline = AbortSignal.timeout(longestMs);
      const late = new OutsideError('No run began within 20 minutes.', { retry: 'never' });
      deadline.addEventListener('abort', () => started.reject(late));
      const id = await started.promise;
      const run = await waitForEnd(bot.runs, id, deadline);
      return { run, journal: await bot.runs.journal(id) };
    },
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}

/** Files the issue as a user without rights would, and labels it as a maintainer. */
async function fileAndLabel(
  github: GitHubSimulation,
  bug: RealBug,
  files: Map<string, Buffer>,
  say: (line: string) => void,
): Promise<void> {
  const repo = await github.addRepository({ owner: 'demo', name: bug.name, files });
  github.addUser({ login: 'reporter' });
  github.addUser({ login: 'maintainer' });
  github.setPermission(repo, 'maintainer', 'write');
  const issue = await github.openIssue({ repo, title: bug.title, body: bug.body, by: 'reporter' });
  say(`Issue: ${issue.url} — gets the label "devstral" now`);
  await github.label({ repo, issue: issue.number, label: 'devstral', by: 'maintainer' });
}

function modelOf(baseUrl: string): ModelSettings {
  return {
    baseUrl,
    name: 'devstral',
    apiKey: null,
    profile: 'vllm',
    dialect: null,
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
