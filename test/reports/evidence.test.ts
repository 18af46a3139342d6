import { describe, expect, it } from 'vitest';

import { Environment } from '../../src/core/run.ts';
import { commandsAsRun } from '../../src/reports/evidence.ts';

const stored = {
  image: 'sha256:1',
  baseImage: 'devstral-sandbox/node:latest',
  language: 'JavaScript',
  setUp: ['npm ci'],
  logTail: '',
  cached: false,
  seconds: 3,
};
const asRun = (environment: Environment) =>
  commandsAsRun({ verdict: null, baseline: null, baseCommit: null, environment });

describe('what was run', () => {
  it('lists each host that set-up was kept from once, and what asked for it', () => {
    const blocked = [
      { host: 'evil.example', why: 'not on the list of hosts', command: 'npm ci' },
      { host: 'evil.example', why: 'not on the list of hosts', command: 'npm rebuild' },
      { host: '10.0.0.1:8080', why: 'not on the list of hosts', command: 'make | tee' },
    ];

    const rows = asRun(Environment.parse({ ...stored, blocked })).split('\n');

    expect(rows.filter((row) => row.startsWith('| blocked'))).toEqual([
      expect.stringMatching(/evil.{0,8}example.*npm ci/),
      expect.stringMatching(/10.{0,8}0.{0,8}0.{0,8}1:8080.*make \\\| tee/),
    ]);
  });

  it('says nothing of hosts for a run from before there was a proxy', () => {
    expect(asRun(Environment.parse(stored))).not.toContain('blocked');
  });
});
