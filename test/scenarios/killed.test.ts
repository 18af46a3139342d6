import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { workSettings } from '../../src/config.ts';
import { startPostgres } from '../../src/simulation/postgres-server.ts';
import { openStore } from '../../src/wiring.ts';
import { scripts } from '../support/adder.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type Outside, openOutside } from '../support/outside.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** A bot in a process of its own, as an operator runs it; gives the address it says it listens at. */
async function serve(
  environment: Readonly<Record<string, string>>,
): Promise<{ child: ChildProcess; url: string; log: () => string }> {
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  for (let waited = 0; waited < 60_000; waited += 50) {
    const url = printed.match(/"url":"(http:[^"]+)"/)?.[1];
    if (url) return { child, url, log: () => printed };
    if (child.exitCode !== null) break;
    await setTimeout(50);
  }
  throw new Error(`The bot did not start:\n${printed}`);
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
}

/** Labels, kills the worker when the patch is there and the pull request is about to be made, starts another, and looks. */
async function killedBeforePullRequest(outside: Outside, environment: Readonly<Record<string, string>>): Promise<void> {
  const { github, repo, issue, model } = outside;
  // The request for the pull request waits; the branch is there already.
  github.fail({ method: 'POST', path: /\/pulls$/, delayMs: 60_000, status: 502 });
  const first = await serve(environment);
  github.deliverTo(`${first.url}/api/github/webhooks`);
  await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
  const isPublished = () => github.writes().some(({ path }) => path.endsWith('/git/refs'));
  for (let waited = 0; !isPublished() && waited < 90_000; waited += 50) await setTimeout(50);
  expect(isPublished()).toBe(true);
  await kill(first.child, 'SIGKILL');
  const asked = model.requests.length;

  const second = await serve(environment);
  try {
    for (let waited = 0; !outside.statusComment()?.includes('Done') && waited < 90_000; waited += 50)
      await setTimeout(50);
  } finally {
    await kill(second.child, 'SIGTERM');
  }

  expect(outside.statusComment()).toContain('Done');
  expect(repo.pulls.size).toBe(1);
  expect([...repo.pulls.values()][0]?.draft).toBe(false);
  expect(model.requests).toHaveLength(asked);
  const id = outside.statusComment()?.match(/Run `(\w+)`/)?.[1] ?? '';
  await using store = await openStore(workSettings(environment), pino({ level: 'silent' }));
  await expectInvariants(outside, { store, ids: [id], log: [first.log(), second.log()] });
}

/** Kills the worker while a command of the agent runs, starts another, and counts what the model was asked. */
async function killedDuringCommand(outside: Outside, environment: Readonly<Record<string, string>>): Promise<void> {
  const { github, repo, issue, model } = outside;
  const answered = () => model.requests.length;
  const first = await serve(environment);
  github.deliverTo(`${first.url}/api/github/webhooks`);
  await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
  for (let waited = 0; answered() < slowStep && waited < 90_000; waited += 20) await setTimeout(20);
  expect(answered()).toBe(slowStep);
  await setTimeout(1500);
  await kill(first.child, 'SIGKILL');

  const second = await serve(environment);
  try {
    for (let waited = 0; !outside.statusComment()?.includes('Done') && waited < 120_000; waited += 50)
      await setTimeout(50);
  } finally {
    await kill(second.child, 'SIGTERM');
  }

  expect(outside.statusComment()).toContain('Done');
  expect([...repo.pulls.values()].map((pull) => pull.draft)).toEqual([false]);
  const id = outside.statusComment()?.match(/Run `(\w+)`/)?.[1] ?? '';
  await using store = await openStore(workSettings(environment), pino({ level: 'silent' }));
  const journal = await store.journal(id);
  const steps = journal.flatMap((entry) => (entry.kind === 'turn' ? [entry.step] : []));
  // Every answer that was paid for is on record once, and none was asked for again.
  expect(steps).toEqual(Array.from({ length: steps.length }, (_, at) => at + 1));
  expect(answered()).toBe(steps.length);
  const results = journal.flatMap((entry) => (entry.kind === 'observation' ? [entry.observation] : []));
  expect(new Set(results.map(({ callId }) => callId)).size).toBe(results.length);
  expect(results[slowStep - 1]?.notices?.[0]?.text).toMatch(/The sandbox had to be rebuilt after step/);
  expect(results.at(-3)?.text).toContain('from before the kill');
  await expectInvariants(outside, { store, ids: [id], log: [first.log(), second.log()] });
}

const [prying = {}, , fix = {}, , finish = {}] = scripts.right;
const bash = (command: string) => ({ calls: [{ name: 'execute_bash', arguments: { command } }] });
const slowScript = [
  prying,
  bash('echo from before the kill > /tmp/note; mkdir -p deep; cd deep'),
  fix,
  bash('sleep 4; echo slept'),
  bash('pwd; cat /tmp/note; git -C /workspace diff | grep "^+exports.add"'),
  finish,
];
const slowStep = 4;

describe('a worker that is killed between a tool call and its result', () => {
  it('is followed by one that goes on from there, and no turn is paid for twice', async () => {
    await using postgres = await startPostgres(process.env.PATH ?? '');
    await using outside = await openOutside({ script: slowScript });

    await killedDuringCommand(outside, { ...outside.environment, DATABASE_URL: postgres.url });
  });

  it('goes on from the checkpoint that was taken while the model was thinking', async () => {
    await using postgres = await startPostgres(process.env.PATH ?? '');
    await using outside = await openOutside({ script: slowScript.with(1, bash('echo x')), thinkMs: 700 });
    const environment = { ...outside.environment, DATABASE_URL: postgres.url };
    const { github, repo, issue, model } = outside;
    const first = await serve(environment);
    github.deliverTo(`${first.url}/api/github/webhooks`);
    await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    for (let waited = 0; model.requests.length < slowStep && waited < 90_000; waited += 20) await setTimeout(20);
    await setTimeout(2000);
    await kill(first.child, 'SIGKILL');

    const second = await serve(environment);
    for (let waited = 0; !outside.statusComment()?.includes('Done') && waited < 120_000; waited += 50)
      await setTimeout(50);
    await kill(second.child, 'SIGTERM');

    const id = outside.statusComment()?.match(/Run `(\w+)`/)?.[1] ?? '';
    await using store = await openStore(workSettings(environment), pino({ level: 'silent' }));
    const journal = await store.journal(id);
    const points = journal.flatMap((entry) => (entry.kind === 'checkpoint' ? [entry.step] : []));
    expect(points.slice(0, 3)).toEqual([1, 2, 3]);
    expect([...repo.pulls.values()].map((pull) => pull.draft)).toEqual([false]);
    expect(model.requests).toHaveLength(journal.filter((entry) => entry.kind === 'turn').length);
    await expectInvariants(outside, { store, ids: [id], log: [first.log(), second.log()] });
  });
});

describe('a worker that is killed after the patch and before the pull request', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    postgres = await startPostgres(process.env.PATH ?? '');
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  it('leaves one pull request after a restart, with the embedded database', async () => {
    await using outside = await openOutside({ script: scripts.right });

    await killedBeforePullRequest(outside, outside.environment);
  });

  it('leaves one pull request after another worker took over, with a Postgres server', async () => {
    await using outside = await openOutside({ script: scripts.right });

    await killedBeforePullRequest(outside, { ...outside.environment, DATABASE_URL: postgres.url });
  });
});
