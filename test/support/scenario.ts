import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Docker from 'dockerode';
import pino from 'pino';
import { expect } from 'vitest';

import { workSettings } from '../../src/config.ts';
import type { JournalEntry, Run } from '../../src/core/run.ts';
import { git } from '../../src/simulation/github/git-store.ts';
import {
  type GitHubSimulation,
  type RepositoryHandle,
  startGitHub,
} from '../../src/simulation/github/github-server.ts';
import { type ModelSimulation, startModel } from '../../src/simulation/model/model-server.ts';
import type { Script } from '../../src/simulation/model/script.ts';
import { type Bot, startBot } from '../../src/wiring.ts';
import { adderFiles, adderIssue } from './adder.ts';
import { secretsIn } from './canaries.ts';
import { violationsOf } from './github-oracle.ts';
import { hostManifest } from './host-manifest.ts';

const apiKey = 'model-key-canary-7f3a9b1c5d';

/** A bot with a simulated GitHub and model around it, one repository, one issue, and the people who matter. */
export interface Scenario extends AsyncDisposable {
  readonly github: GitHubSimulation;
  readonly model: ModelSimulation;
  readonly bot: Bot;
  readonly repo: RepositoryHandle;
  readonly issue: number;
  readonly runs: ReadonlySet<string>;
  readonly dataFolder: string;
  readonly log: readonly string[];
  /** What a second process needs to be the same bot. */
  readonly environment: Readonly<Record<string, string>>;
  /** Waits until this many runs have ended, and gives them. */
  ended(count?: number): Promise<Run[]>;
  journal(run: string): Promise<JournalEntry[]>;
  /** I1–I9 of DESIGN §4, over everything that happened. */
  expectInvariants(): Promise<void>;
}

/** Opens one. `databaseUrl`: a Postgres server instead of the embedded database. */
export async function openScenario(options: {
  script: Script;
  databaseUrl?: string;
  files?: ReadonlyMap<string, string>;
  startBot?: boolean;
}): Promise<Scenario> {
  await using opened = new AsyncDisposableStack();
  const before = await hostManifest();
  const folder = await mkdtemp(join(tmpdir(), 'scenario-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const violations: string[] = [];
  const github = opened.use(await startGitHub({ check: (exchange) => violations.push(...violationsOf(exchange)) }));
  const model = opened.use(await startModel({ model: 'devstral', script: options.script, apiKey }));
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(line) });
  const runs = new Set<string>();

  const repo = await github.addRepository({ owner: 'octo', name: 'adder', files: options.files ?? adderFiles });
  for (const login of ['maintainer', 'stranger']) github.addUser({ login });
  github.addUser({ login: 'other[bot]', type: 'Bot' });
  github.setPermission(repo, 'maintainer', 'write');
  github.setPermission(repo, 'other[bot]', 'write');
  const { number: issue } = await github.openIssue({ repo, ...adderIssue, by: 'stranger' });
  const refsBefore = await git(repo.folder, ['for-each-ref']);

  const dataFolder = join(folder, 'data');
  const { DOCKER_HOST, PATH } = process.env;
  const work = {
    ...workSettings({
      DEVSTRAL_DATA: dataFolder,
      ...(options.databaseUrl && { DATABASE_URL: options.databaseUrl }),
      ...(DOCKER_HOST && { DOCKER_HOST }),
      ...(PATH && { PATH }),
    }),
    limits: { steps: 20, tokens: 500_000, minutes: 5 },
  };
  const app = {
    appId: github.appId,
    privateKey: github.privateKey,
    webhookSecret: github.webhookSecret,
    apiUrl: github.apiUrl,
    webUrl: github.url,
    host: '127.0.0.1',
    port: 0,
  };
  const modelAt = {
    baseUrl: model.url,
    name: 'devstral',
    apiKey,
    profile: 'vllm',
    temperature: 0.15,
    contextTokens: 100_000,
    maxTokens: 4_000,
    timeoutMs: 30_000,
  } as const;
  const bot = opened.use(await startBot({ work, app, model: modelAt }, logger, (run) => void runs.add(run)));
  github.deliverTo(`${bot.url}/api/github/webhooks`);

  const environment = {
    APP_ID: String(app.appId),
    PRIVATE_KEY: app.privateKey,
    WEBHOOK_SECRET: app.webhookSecret,
    GITHUB_API_URL: app.apiUrl,
    GITHUB_WEB_URL: app.webUrl,
    MODEL_BASE_URL: model.url,
    MODEL_NAME: 'devstral',
    MODEL_API_KEY: apiKey,
    DEVSTRAL_DATA: dataFolder,
    PORT: '0',
  };
  const all = async () => (await Promise.all([...runs].map((run) => bot.runs.find(run)))).filter((run) => run !== null);
  const scenario = {
    github,
    model,
    bot,
    repo,
    issue,
    runs,
    dataFolder,
    log,
    environment,
    journal: (run: string) => bot.runs.journal(run),
    async ended(count = 1) {
      const deadline = Date.now() + 90_000;
      for (;;) {
        const done = (await all()).filter((run) => run.state === 'ended');
        if (done.length >= count) return done;
        if (Date.now() > deadline)
          throw new Error(`Only ${done.length} of ${count} runs ended. Log:\n${log.slice(-20).join('')}`);
        await setTimeout(50);
      }
    },
    expectInvariants: async () => {
      expect(violations, 'GitHub’s description').toEqual([]);
      expect(model.violations, 'the model server’s rules').toEqual([]);
      await expectInvariants(scenario, await all(), { before, refsBefore });
    },
  };
  const keep = opened.move();
  return { ...scenario, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}

// I2: what a run may write, and nothing else.
const mayWrite = [
  /^POST \/repos\/octo\/adder\/issues\/(comments\/)?\d+\/reactions$/,
  /^POST \/repos\/octo\/adder\/issues\/\d+\/comments$/,
  /^PATCH \/repos\/octo\/adder\/issues\/comments\/\d+$/,
  /^POST \/repos\/octo\/adder\/git\/(trees|blobs|commits|refs)$/,
  /^POST \/repos\/octo\/adder\/pulls$/,
];

async function expectInvariants(
  { github, model, bot, repo, runs, dataFolder, log }: Omit<Scenario, 'expectInvariants' | keyof AsyncDisposable>,
  ended: readonly Run[],
  { before, refsBefore }: { before: Map<string, string>; refsBefore: string },
): Promise<void> {
  const writes = github.writes().map(({ method, path }) => `${method} ${path}`);
  const comments = [...repo.issues.values()].flatMap((issue) => issue.comments).filter((comment) => comment.byApp);

  // I1: each run has exactly one end, and it can be seen.
  for (const run of ended) expect([run.state, run.outcome !== null], `I1 ${run.id}`).toEqual(['ended', true]);
  const visible = ended.filter((run) => run.outcome?.kind !== 'refused');
  for (const run of visible)
    expect(comments.filter((comment) => comment.body.includes(run.id)).at(0)?.body, `I1 ${run.id}`).toMatch(
      /Done|No pull request|This failed|Stopped/,
    );

  // I2: one status comment, branch and pull request a run; only listed writes; none after the end.
  expect(comments).toHaveLength(visible.length);
  expect(repo.pulls.size).toBeLessThanOrEqual(visible.length);
  expect(writes.filter((write) => !mayWrite.some((pattern) => pattern.test(write)))).toEqual([]);
  await setTimeout(300);
  expect(github.writes()).toHaveLength(writes.length);

  // I3: no secret in prompts, journal, log, comments, pull requests or git's objects.
  const secrets = new Map([
    ['webhook secret', github.webhookSecret],
    ['model key', apiKey],
    ['private key', github.privateKey.split('\n').slice(1, -2).join('')],
  ]);
  for (const [at, token] of github.state.tokens.entries()) secrets.set(`token ${at}`, token.token);
  const journals = await Promise.all([...runs].map((run) => bot.runs.journal(run)));
  const objects = await git(repo.folder, ['log', '--all', '-p', '--format=%an %ae %B']);
  const sinks = { prompts: model.requests, journals, log, comments, pulls: [...repo.pulls.values()], objects };
  for (const [sink, content] of Object.entries(sinks))
    expect(secretsIn(JSON.stringify(content), secrets), `I3 ${sink}`).toEqual([]);

  // I4: the sandbox saw no interface but its own loopback (every script prints what it sees).
  const seen = journals
    .flat()
    .filter((entry) => entry.kind === 'observation')
    .map((entry) => entry.observation.text)
    .join('\n');
  const interfaces = [...seen.matchAll(/^\s*(\w+):\s+\d+\s+\d+\s+\d+/gm)].map((match) => match[1]);
  expect(new Set(interfaces)).toEqual(new Set(seen === '' ? [] : ['lo']));

  // I5: nothing of a run is left.
  const docker = new Docker();
  for (const run of runs) {
    const filters = { label: [`devstral.run=${run}`] };
    expect(await docker.listContainers({ all: true, filters }), `I5 ${run}`).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? [], `I5 ${run}`).toEqual([]);
  }
  expect(await readdir(join(dataFolder, 'work')).catch(() => []), 'I5').toEqual([]);

  // I6: only new branches of ours; ordinary modes, no protected path.
  const refs = (await git(repo.folder, ['for-each-ref'])).split('\n');
  expect(refs.filter((ref) => !ref.includes('refs/heads/devstral/'))).toEqual(refsBefore.split('\n'));
  for (const ref of refs.filter((each) => each.includes('refs/heads/devstral/'))) {
    const changed = await git(repo.folder, ['diff-tree', '-r', '--raw', 'refs/heads/main', ref.split(' ')[0] ?? '']);
    for (const line of changed.split('\n'))
      expect(line).toMatch(/^:\d{6} (100644|100755|000000) \S+ \S+ [AMD]\t(?!\.git)/);
  }

  // I7: within the limits of a run.
  for (const journal of journals)
    expect(journal.filter((entry) => entry.kind === 'turn').length).toBeLessThanOrEqual(20);
  expect(model.tokens()).toBeLessThanOrEqual(500_000);

  // I8: the host is as it was.
  expect([...(await hostManifest())].filter(([path, about]) => before.get(path) !== about)).toEqual([]);

  // I9: numbers about tests come from stored results, not from the model's words.
  for (const pull of repo.pulls.values()) {
    const facts = pull.body.replace(/```text[\s\S]*?```/g, '');
    expect(facts).not.toContain('987654');
    const verdict = journals.flat().findLast((entry) => entry.kind === 'verdict')?.verdict;
    expect(facts).toContain(verdict?.headline);
  }
}
