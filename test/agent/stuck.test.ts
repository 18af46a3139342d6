import { describe, expect, it } from 'vitest';

import type { Turn } from '../../src/core/attempt.ts';
import { attempt, bash, finish, talk, turn } from '../support/attempt.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const limits = { steps: 40, tokens: 1e9, minutes: 5 };
const editor = (command: string) => turn(['str_replace_editor', { command, path: '/workspace/none' }]);

/** The rule and the step of the advice, and how the attempt ended. */
async function stuck(answers: (asked: number) => Turn, paper = false) {
  const { result, observations, refused } = await attempt(answers, { limits, manner: { paper, extraTools: true } });
  const advised = observations.flatMap(({ notices = [] }, at) =>
    notices.filter(({ kind }) => kind === 'stuck').map(({ rule }) => [rule, at + 1]),
  );
  expect(refused).toEqual([]);
  return { end: result.end, steps: result.steps, advised, patch: result.patch.diff };
}

describe('an attempt that goes round in circles', () => {
  it.each<[string, (asked: number) => Turn, number, number]>([
    ['same-result', () => bash('ls'), 4, 5],
    ['same-error', () => editor('view'), 3, 4],
    ['alternation', (asked) => bash(asked % 2 ? 'ls a' : 'ls b'), 6, 7],
    ['mostly-failing', (asked) => bash(asked % 6 === 3 ? `ls ${asked}` : `false ${asked}`), 6, 12],
  ])('is advised once and then ended, by the rule of %s', async (rule, answers, advice, end) => {
    const seen = await stuck(answers);

    expect(seen).toEqual({ end: { kind: 'stuck', rule }, steps: end, advised: [[rule, advice]], patch: 'the diff' });
  });

  it('is ended when it says the same again and again', async () => {
    expect(await stuck(() => talk('I am done.'))).toMatchObject({
      end: { kind: 'stuck', rule: 'same-message' },
      steps: 3,
    });
  });

  it('is ended without advice in the paper’s manner', async () => {
    expect(await stuck(() => bash('ls'), true)).toMatchObject({
      end: { kind: 'stuck', rule: 'same-result' },
      steps: 4,
      advised: [],
    });
  });

  it('goes on when the advice helps', async () => {
    const seen = await stuck((asked) => (asked <= 4 ? bash('ls') : asked < 8 ? bash(`ls ${asked}`) : finish));

    expect(seen).toMatchObject({ end: { kind: 'finished' }, advised: [['same-result', 4]] });
  });

  it('is not stuck when the same command gives other results, or waits for a slow one', async () => {
    let runs = 0;
    const sandboxed = await attempt((asked) => (asked < 9 ? bash('npm test') : finish), {
      limits,
      sandbox: {
        ...memorySandbox(),
        run: async () => ({
          kind: 'exited',
          exitCode: 0,
          workingDirectory: '/workspace',
          output: `${++runs} failing`,
          omittedBytes: 0,
          seconds: 0,
        }),
      },
    });
    const waiting = await attempt((asked) => (asked < 9 ? bash('') : finish), {
      limits,
      sandbox: {
        ...memorySandbox(),
        type: async () => ({
          kind: 'running',
          why: 'quiet',
          command: 'npm test',
          output: '',
          omittedBytes: 0,
          seconds: 30,
        }),
      },
    });

    expect([sandboxed.result.end.kind, waiting.result.end.kind]).toEqual(['finished', 'finished']);
  });

  it('counts durations, times and addresses as the same result', async () => {
    const { result } = await attempt(() => bash('npm test'), {
      limits,
      sandbox: {
        ...memorySandbox(),
        run: async () => ({
          kind: 'exited',
          exitCode: 1,
          workingDirectory: '/workspace',
          output: `1 failing (${Math.round(performance.now())}ms) at ${new Date().toISOString()} 0x${Math.round(performance.now() * 1000).toString(16)}`,
          omittedBytes: 0,
          seconds: 0,
        }),
      },
    });

    expect(result.end).toEqual({ kind: 'stuck', rule: 'same-error' });
  });
});
