import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openRuns } from '../../../src/adapters/postgres/postgres-runs.ts';
import { startPostgres } from '../../../src/simulation/postgres-server.ts';
import { runsContract, task } from '../../contracts/runs.ts';

const log = { warn: () => {} };
const module = join(import.meta.dirname, '..', '..', '..', 'src', 'adapters', 'postgres', 'postgres-runs.ts');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the embedded database', () => {
  runsContract(() => openRuns({ database: { kind: 'embedded', folder: join(folder, 'contract') }, log }));

  it('loses no run that it acknowledged when its process is killed, and gives out again what was in work', async () => {
    const data = join(folder, 'killed');
    const script = `
      const { openRuns } = await import(${JSON.stringify(module)});
      const runs = await openRuns({ database: { kind: 'embedded', folder: ${JSON.stringify(data)} }, log: { warn() {} } });
      const task = ${JSON.stringify(task)};
      await runs.accept(task, ['first']);
      const claim = await runs.claim(new AbortController().signal);
      console.log('claimed ' + claim.run.id);
      for (let at = 0; ; at++) console.log('accepted ' + (await runs.accept(task, ['key ' + at])).run);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let printed = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        if (printed.split('\n').length > 60) child.kill('SIGKILL');
      });
      child.once('close', () => resolve());
    });
    const lines = printed.split('\n').slice(0, -1);
    const acknowledged = lines.filter((line) => line.startsWith('accepted ')).map((line) => line.slice(9));

    await using runs = await openRuns({ database: { kind: 'embedded', folder: data }, log });
    const found = await Promise.all(acknowledged.map((run) => runs.find(run)));
    const first = await runs.find(lines[0]?.slice(8) ?? '');
    const claims: string[] = [];
    for (
      let claim = await runs.claim(AbortSignal.timeout(5000));
      claim;
      claim = await runs.claim(AbortSignal.timeout(1000))
    ) {
      claims.push(claim.run.id);
      await claim.finish({ kind: 'failed', reason: 'test' });
      await claim[Symbol.asyncDispose]();
    }

    expect(acknowledged.length).toBeGreaterThan(40);
    expect(found.every((run) => run?.state === 'received')).toBe(true);
    expect(first?.state).toBe('working');
    expect(claims).toContain(first?.id);
    expect(new Set(claims).size).toBe(claims.length);
    expect(acknowledged.every((run) => claims.includes(run))).toBe(true);
  });

  it('admits one process, and says which one has it', async () => {
    const data = join(folder, 'locked');
    await using _runs = await openRuns({ database: { kind: 'embedded', folder: data }, log });
    const script = `const { openRuns } = await import(${JSON.stringify(module)}); await openRuns({ database: { kind: 'embedded', folder: ${JSON.stringify(data)} }, log: { warn() {} } });`;

    const second = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);

    await expect(second).rejects.toThrow(`in use by another devstral-bot (process ${process.pid})`);
  });
});

describe('a Postgres server', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    postgres = await startPostgres(process.env.PATH ?? '');
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  runsContract(() => openRuns({ database: { kind: 'server', url: postgres.url }, log }));
});
