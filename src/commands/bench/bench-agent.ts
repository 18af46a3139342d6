import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

import { environmentVariables } from '../../config.ts';
import { startPostgres } from '../../simulation/postgres-server.ts';
import { bounded, compared, type Figure, plain } from './figure.ts';
import { median } from './median.ts';

const execute = promisify(execFile);
const sizes = [10, 100, 500] as const;
const part = (name: string) => join(import.meta.dirname, 'agent', `${name}.ts`);
const Measured = z.object({ stepMs: z.array(z.number()), peakMb: z.number() });

/**
 * What a step costs beside the model: runs of so many `echo` steps through the real loop, journal, sandbox and model client.
 * The rivals, in the same run: one `docker exec bash -lc` a step, as mini-swe-agent does, and the bare HTTP calls, which
 * are taken off our own time.
 */
export async function benchAgent(say: (line: string) => void): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'devstral-bench-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const url = await startModelProcess(opened);

  const flags = await startFlags();
  const postgres = opened.use(await startPostgres(environmentVariables().PATH ?? ''));
  const measure = async (steps: number, environment: Record<string, string>): Promise<MeasuredRun> => {
    say(`Running ${steps} steps${environment.DATABASE_URL ? '' : ' with the embedded database'} …`);
    const { stdout } = await execute(process.execPath, [...flags, part('worker-process'), url, String(steps), folder], {
      maxBuffer: 16 * 1024 ** 2,
      env: { ...environmentVariables(), ...environment },
    });
    const { stepMs, peakMb } = Measured.parse(JSON.parse(stdout));
    const httpMs = await bareCalls(url, join(folder, `request-${steps}.json`), steps);
    // The first steps open the shell and warm the code up: the median leaves them out.
    return { ownMs: median(stepMs.map((ms, at) => ms - (httpMs[at] ?? 0))), peakMb, httpMs: median(httpMs) };
  };
  const runs = new Map<number, MeasuredRun>();
  for (const steps of sizes) runs.set(steps, await measure(steps, { DATABASE_URL: postgres.url }));
  const embedded = await measure(101, {});
  say('Running 100 commands with docker exec …');
  const execMs = await bareCommands(100);

  const of = (steps: number) => runs.get(steps) ?? { ownMs: Number.NaN, peakMb: Number.NaN, httpMs: Number.NaN };
  return [
    bounded('own time a step, median of 100', of(100).ownMs, 'ms', 5),
    compared('beside docker exec bash -lc', of(100).ownMs, 'ms', execMs, 0.2),
    compared('own time a step, of 500 beside of 10', of(500).ownMs, 'ms', of(10).ownMs, 1.5),
    ...sizes.map((steps) => plain(`own time a step, of ${steps}`, of(steps).ownMs, 'ms')),
    ...sizes.map((steps) => plain(`the bare HTTP call, of ${steps}`, of(steps).httpMs, 'ms')),
    ...sizes.map((steps) => bounded(`peak memory of the worker, ${steps} steps`, of(steps).peakMb, 'MB', 200)),
    // PGlite is a whole Postgres in the worker's own process: its memory is its own.
    bounded('own time a step with the embedded database', embedded.ownMs, 'ms', 5),
    plain('peak memory with the embedded database', embedded.peakMb, 'MB'),
  ];
}

interface MeasuredRun {
  readonly ownMs: number;
  readonly peakMb: number;
  readonly httpMs: number;
}

/** The memory flags that `npm start` gives the bot's process: what is measured is what runs. */
async function startFlags(): Promise<string[]> {
  const Manifest = z.object({ scripts: z.object({ start: z.string() }) });
  const file = await readFile(join(import.meta.dirname, '..', '..', '..', 'package.json'), 'utf8');
  const { start } = Manifest.parse(JSON.parse(file)).scripts;
  return start.split(' ').filter((word) => /^--(max|heap)-/.test(word));
}

async function startModelProcess(opened: AsyncDisposableStack): Promise<string> {
  const child = spawn(process.execPath, [part('model-process')], { stdio: ['pipe', 'pipe', 'inherit'] });
  opened.defer(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return chunk.toString().trim();
}

const Body = z.looseObject({ messages: z.array(z.unknown()) });

/** The same requests that the worker made, one after another, and nothing else. */
async function bareCalls(url: string, file: string, steps: number): Promise<number[]> {
  const body = Body.parse(JSON.parse(await readFile(file, 'utf8')));
  const took: number[] = [];
  for (let step = 1; step <= steps; step++) {
    // Two messages open the conversation, two more come with each step.
    const request = { ...body, messages: body.messages.slice(0, 2 + 2 * step) };
    const started = performance.now();
    const answer = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    await answer.json();
    took.push(performance.now() - started);
  }
  return took;
}

async function bareCommands(count: number): Promise<number> {
  const { stdout } = await execute('docker', [
    ...['run', '--detach', '--rm', '--init', '--network', 'none', '--entrypoint', '/bin/sleep'],
    ...['devstral-sandbox/base:latest', 'infinity'],
  ]);
  const container = stdout.trim();
  try {
    const took: number[] = [];
    for (let step = 0; step < count; step++) {
      const started = performance.now();
      await execute('docker', ['exec', '--workdir', '/workspace', container, 'bash', '-lc', `echo step ${step}`]);
      took.push(performance.now() - started);
    }
    return median(took);
  } finally {
    await execute('docker', ['rm', '--force', container]);
  }
}
