import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { environmentVariables, workSettings } from '../../config.ts';
import type { Checkout, Sandbox } from '../../core/ports.ts';
import { openGround } from '../../wiring.ts';
import { compared, type Figure, plain } from './figure.ts';
import { median } from './median.ts';

const execute = promisify(execFile);
const tries = 7;
const commands = 200;

/**
 * From a claim to the first command, a command's round trip, and a checkout from a warm mirror. The rivals, in the same run:
 * `docker run` of the same image with the same limits, `docker exec`, and `git clone --local`.
 */
export async function benchSandbox(say: (line: string) => void): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'devstral-bench-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const ground = openGround({ ...workSettings(environmentVariables()), dataFolder: join(folder, 'data') });
  opened.defer(() => ground.sandboxes.removeLeftovers(async () => false));
  const signal = AbortSignal.timeout(10 * 60_000);

  say('Making a repository of 10,000 files …');
  const { url, commit } = await makeRepository(join(folder, 'repository'));
  const repository = { id: 1, owner: 'local', name: 'bench', installation: 0, defaultBranch: 'main' };
  const checkOut = (run: string): Promise<Checkout> =>
    ground.checkouts.open({ run, repository, access: { url, authorization: null }, branch: 'main', commit }, signal);
  await (await checkOut(randomUUID()))[Symbol.asyncDispose]();

  say('Checking it out from the warm mirror, and with git clone --local …');
  const checkoutMs = await timed(tries, async () => {
    const checkout = await checkOut(randomUUID());
    return async () => await checkout[Symbol.asyncDispose]();
  });
  const cloneMs = await timed(tries, async (at) => {
    const target = join(folder, `clone-${at}`);
    await execute('git', ['clone', '--quiet', '--local', url, target]);
    return () => rm(target, { recursive: true, force: true });
  });

  const run = randomUUID();
  const checkout = opened.use(await checkOut(run));
  const plan = { language: 'none', image: 'base', setUp: [] };
  const environment = await ground.sandboxes.prepare({ run, checkout, plan }, signal);
  const first = async (sandbox: Sandbox) => {
    await sandbox.run('true', { timeoutMs: 10_000 }, signal);
    return async () => await sandbox[Symbol.asyncDispose]();
  };
  say('Opening sandboxes, and containers with docker run …');
  const coldMs = await timed(tries, async () =>
    first(await ground.sandboxes.open({ run, purpose: 'baseline', environment, checkout }, signal)),
  );
  const runMs = await timed(tries, async () => {
    await execute('docker', ['run', '--rm', '--network', 'none', '--entrypoint', '/bin/true', environment.image]);
    return async () => {};
  });

  say(`Running ${commands} commands, and with docker exec …`);
  await using sandbox = await ground.sandboxes.open({ run, purpose: 'baseline', environment, checkout }, signal);
  const commandMs = await timed(commands, async (at) => {
    await sandbox.run(`echo ${at}`, { timeoutMs: 10_000 }, signal);
    return async () => {};
  });
  const execMs = await execTime(environment.image);
  return [
    compared('claim to first command, cold, beside docker run', coldMs, 'ms', runMs, 1.3),
    compared('a command, beside docker exec', commandMs, 'ms', execMs, 0.1),
    compared('checkout of a warm mirror, beside git clone --local', checkoutMs, 'ms', cloneMs, 1.5),
    plain('files in it', 10_000, ''),
  ];
}

/** The median of how long it takes; what it gives takes away again what it made, out of the time. */
async function timed(times: number, work: (at: number) => Promise<() => Promise<void>>): Promise<number> {
  const took: number[] = [];
  for (let at = 0; at < times; at++) {
    const started = performance.now();
    const undo = await work(at);
    took.push(performance.now() - started);
    await undo();
  }
  return median(took);
}

async function execTime(image: string): Promise<number> {
  const options = ['--detach', '--rm', '--init', '--network', 'none', '--entrypoint', '/bin/sleep'];
  const { stdout } = await execute('docker', ['run', ...options, image, 'infinity']);
  const container = stdout.trim();
  try {
    return await timed(50, async (at) => {
      await execute('docker', ['exec', container, 'bash', '-c', `echo ${at}`]);
      return async () => {};
    });
  } finally {
    await execute('docker', ['rm', '--force', container]);
  }
}

async function makeRepository(url: string): Promise<{ url: string; commit: string }> {
  for (let folder = 0; folder < 100; folder++) {
    await mkdir(join(url, `folder-${folder}`), { recursive: true });
    await Promise.all(
      Array.from({ length: 100 }, (_, file) =>
        writeFile(join(url, `folder-${folder}`, `file-${file}.txt`), `${folder} ${file}\n`.repeat(20)),
      ),
    );
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', '-C', url, ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-qm', 'First');
  return { url, commit: git('rev-parse', 'HEAD') };
}
