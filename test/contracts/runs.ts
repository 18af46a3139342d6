import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';

import { LeaseLost } from '../../src/core/errors.ts';
import type { Claim, Runs } from '../../src/core/ports.ts';
import type { Task } from '../../src/core/task.ts';

export const task: Task = {
  kind: 'issue',
  repository: { id: 7, owner: 'octo', name: 'adder', installation: 1, defaultBranch: 'main' },
  issue: { number: 1, title: 'A title', body: 'A body', author: 'stranger', url: '' },
  askedBy: { id: 3, login: 'maintainer' },
  askedAt: '2026-01-02T03:04:05Z',
  request: { kind: 'comment', commentId: 9, instructions: '' },
};

const signal = () => AbortSignal.timeout(20_000);
let keys = 0;
const freshKey = () => `key:${process.pid}:${keys++}`;

/** What every store must hold to. `open` gives one that is used for all cases, one after the other. */
export function runsContract(open: () => Promise<Runs>): void {
  let runs: Runs;
  beforeAll(async () => {
    runs = await open();
  });
  afterAll(() => runs[Symbol.asyncDispose]());

  async function claimOf(run: string): Promise<Claim> {
    const claim = await runs.claim(signal());
    if (claim?.run.id !== run) throw new Error(`Claimed ${claim?.run.id}, not ${run}`);
    return claim;
  }
  async function accepted(): Promise<string> {
    return (await runs.accept(task, [freshKey()])).run;
  }
  const ended = { kind: 'failed', reason: 'because' } as const;

  it('makes one run of ten requests with one meaning', async () => {
    const key = freshKey();

    const answers = await Promise.all(Array.from({ length: 10 }, () => runs.accept(task, [key])));

    expect(answers.filter((answer) => answer.kind === 'accepted')).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.run)).size).toBe(1);
    await using claim = await claimOf(answers[0]?.run ?? '');
    await claim.finish(ended);
  });

  it('gives a run its task back as it was', async () => {
    const run = await accepted();

    const found = await runs.find(run);

    expect(found).toMatchObject({ id: run, task, state: 'received', outcome: null, fence: 0, endedAt: null });
    await using claim = await claimOf(run);
    await claim.finish(ended);
  });

  it('takes a higher fence for each claim, and refuses every write under an older one', async () => {
    const run = await accepted();
    await using first = await claimOf(run);
    await first.giveBack(0);
    await using second = await claimOf(run);
    let performed = 0;

    const refused = await Promise.allSettled([
      first.append({ kind: 'stage', stage: 'queued' }),
      first.addKey(freshKey()),
      first.write('anything', z.number(), async () => ++performed),
      first.finish(ended),
      first.giveBack(0),
    ]);

    expect([first.run.fence, second.run.fence]).toEqual([1, 2]);
    expect(refused.map((each) => each.status === 'rejected' && each.reason instanceof LeaseLost)).toEqual(
      Array(5).fill(true),
    );
    expect(first.lost.aborted).toBe(true);
    expect(performed).toBe(0);
    expect(await runs.journal(run)).toEqual([]);
    expect((await runs.find(run))?.state).toBe('working');
    await second.finish(ended);
  });

  it('keeps the journal in order, text that a database refuses included', async () => {
    const run = await accepted();
    await using claim = await claimOf(run);

    for (const reason of ['one', 'two \u0000 and \ud800', 'three']) await claim.append({ kind: 'interrupted', reason });
    await claim.finish(ended);

    expect(await runs.journal(run)).toEqual([
      { kind: 'interrupted', reason: 'one' },
      { kind: 'interrupted', reason: 'two \uFFFD and \uFFFD' },
      { kind: 'interrupted', reason: 'three' },
    ]);
  });

  it('performs a write once, and again only when nobody knows how it ended', async () => {
    const run = await accepted();
    await using first = await claimOf(run);
    let performed = 0;
    const perform = async () => ++performed;

    const results = [await first.write('done', z.number(), perform), await first.write('done', z.number(), perform)];
    await expect(first.write('lost', z.number(), () => Promise.reject(new Error('answer lost')))).rejects.toThrow(
      'answer lost',
    );
    await first.giveBack(0);
    await using second = await claimOf(run);
    results.push(await second.write('done', z.number(), perform), await second.write('lost', z.number(), perform));
    await second.finish(ended);

    expect(results).toEqual([1, 1, 1, 2]);
  });

  it('names the run that has a key already', async () => {
    const key = freshKey();
    const { run: other } = await runs.accept(task, [key]);
    await using otherClaim = await claimOf(other);
    const run = await accepted();
    await using claim = await claimOf(run);

    const answers = [await claim.addKey(key), await claim.addKey(freshKey()), await otherClaim.addKey(key)];

    expect(answers).toEqual([{ kind: 'taken', run: other }, { kind: 'ours' }, { kind: 'ours' }]);
    await claim.finish(ended);
    await otherClaim.finish(ended);
  });

  it('ends a run once and for all', async () => {
    const run = await accepted();
    await using claim = await claimOf(run);

    await claim.finish({ kind: 'abstained', reason: 'nothing to do' });

    expect(await runs.find(run)).toMatchObject({
      state: 'ended',
      outcome: { kind: 'abstained', reason: 'nothing to do' },
    });
    await expect(claim.append({ kind: 'stage', stage: 'queued' })).rejects.toBeInstanceOf(LeaseLost);
    expect(await runs.claim(AbortSignal.timeout(700))).toBeNull();
  });

  it('waits before a run that was given back with a delay', async () => {
    const run = await accepted();
    await using first = await claimOf(run);

    await first.giveBack(1500);
    const early = await runs.claim(AbortSignal.timeout(500));
    await using late = await claimOf(run);

    expect(early).toBeNull();
    await late.finish(ended);
  });
}
