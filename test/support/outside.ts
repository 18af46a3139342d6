import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git } from '../../src/simulation/github/git-store.ts';
import {
  type GitHubSimulation,
  type RepositoryHandle,
  startGitHub,
} from '../../src/simulation/github/github-server.ts';
import { type ModelSimulation, startModel } from '../../src/simulation/model/model-server.ts';
import type { Script } from '../../src/simulation/model/script.ts';
import type { ServerKind } from '../../src/simulation/model/server-manners.ts';
import { adderFiles, adderIssue } from './adder.ts';
import { violationsOf } from './github-oracle.ts';
import { hostManifest } from './host-manifest.ts';

/** What is around a bot: a GitHub with one repository, one issue and the people who matter, and a model. */
export interface Outside extends AsyncDisposable {
  readonly github: GitHubSimulation;
  readonly model: ModelSimulation;
  readonly repo: RepositoryHandle;
  readonly issue: number;
  readonly dataFolder: string;
  readonly apiKey: string;
  /** What a bot's process is started with, to be the bot of this GitHub and model. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where exchanges broke GitHub's own description. */
  readonly violations: readonly string[];
  readonly before: ReadonlyMap<string, string>;
  readonly refsBefore: string;
  /** The newest comment of the app on the issue. */
  statusComment(): string | undefined;
}

/** What is different from the usual. */
export interface OutsideOptions {
  readonly script: Script;
  readonly files?: ReadonlyMap<string, string>;
  /** Whose manners the model's server has; the bot is told so. */
  readonly server?: ServerKind;
  readonly contextTokens?: number;
  /** How long the model thinks about each answer. */
  readonly thinkMs?: number;
  /** Settings of the bot's process. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts it. The stranger wrote the issue; the maintainer may write; the other bot may too and must not count. */
export async function openOutside(options: OutsideOptions): Promise<Outside> {
  await using opened = new AsyncDisposableStack();
  const before = await hostManifest();
  const folder = await mkdtemp(join(tmpdir(), 'scenario-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const apiKey = 'model-key-canary-7f3a9b1c5d';
  const violations: string[] = [];
  const github = opened.use(await startGitHub({ check: (exchange) => violations.push(...violationsOf(exchange)) }));
  const model = opened.use(await startModel({ ...options, model: 'devstral', apiKey }));

  const repo = await github.addRepository({ owner: 'octo', name: 'adder', files: options.files ?? adderFiles });
  for (const login of ['maintainer', 'stranger']) github.addUser({ login });
  github.addUser({ login: 'other[bot]', type: 'Bot' });
  github.setPermission(repo, 'maintainer', 'write');
  github.setPermission(repo, 'other[bot]', 'write');
  const { number: issue } = await github.openIssue({ repo, ...adderIssue, by: 'stranger' });

  const dataFolder = join(folder, 'data');
  const environment = {
    APP_ID: String(github.appId),
    PRIVATE_KEY: github.privateKey,
    WEBHOOK_SECRET: github.webhookSecret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_WEB_URL: github.url,
    MODEL_BASE_URL: model.url,
    MODEL_NAME: 'devstral',
    MODEL_API_KEY: apiKey,
    DEVSTRAL_DATA: dataFolder,
    LIMIT_STEPS: '20',
    LIMIT_TOKENS: '500000',
    LIMIT_MINUTES: '5',
    LIMIT_RUN_STEPS: '50',
    MODEL_PROFILE: options.server ?? 'vllm',
    PORT: '0',
    PATH: process.env.PATH ?? '',
    ...options.settings,
    ...(process.env.DOCKER_HOST && { DOCKER_HOST: process.env.DOCKER_HOST }),
  };
  const refsBefore = await git(repo.folder, ['for-each-ref']);
  const keep = opened.move();
  return {
    github,
    model,
    repo,
    issue,
    dataFolder,
    apiKey,
    environment,
    violations,
    before,
    refsBefore,
    statusComment: () => repo.issues.get(issue)?.comments.findLast((comment) => comment.byApp)?.body,
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}
