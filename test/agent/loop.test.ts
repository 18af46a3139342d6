import { describe, expect, it } from 'vitest';

import { OutsideError } from '../../src/core/errors.ts';
import type { Model } from '../../src/core/ports.ts';
import { attempt, bash, finish, talk, turn } from '../support/attempt.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

describe('an attempt', () => {
  it('runs what the model asks for until it finishes, and takes the patch', async () => {
    const { result, journal, refused, observations } = await attempt([
      turn(['think', { thought: 'hm' }], ['execute_bash', { command: 'ls' }]),
      bash('false'),
      finish,
    ]);

    expect(result).toMatchObject({
      end: { kind: 'finished', message: 'Done.' },
      steps: 4,
      patch: { diff: 'the diff' },
      usage: { promptTokens: 400, completionTokens: 40 },
    });
    expect(journal.map((entry) => entry.kind)).toEqual([
      'turn',
      'observation',
      'observation',
      'turn',
      'observation',
      'turn',
      'observation',
      'turn',
      'observation',
    ]);
    expect(observations[1]?.text).toBe(
      'ran ls\n[The command completed with exit code 0.]\n[Current working directory: /workspace]\n[Command finished with exit code 0]',
    );
    expect(observations[2]?.outcome).toBe('failed');
    expect(refused).toEqual([]);
  });

  it('tells the model what was wrong with a call, and goes on', async () => {
    const { result, observations, refused } = await attempt([
      turn(['execute_code', { code: 'x' }]),
      turn(['execute_bash', '{"command": ']),
      turn(
        ['execute_bash', { cmd: 'ls' }],
        ['execute_bash', { command: 'ls', timeout: 'soon' }],
        ['think', { thought: 'a call that fits' }],
      ),
      finish,
    ]);

    expect(observations.map((each) => each.text)).toEqual([
      expect.stringMatching(
        /There is no tool "execute_code"\. The tools are: execute_bash, think, finish, str_replace_editor/,
      ),
      expect.stringMatching(/not a JSON object/),
      expect.stringMatching(/command: /),
      expect.stringMatching(/timeout: /),
      'Your thought has been logged.',
      expect.stringMatching(/^This is what you have changed:\n\nthe diff\n\nBefore you hand it over/),
      'Done.',
    ]);
    expect(result.end.kind).toBe('finished');
    expect(refused).toEqual([]);
  });

  it('understands numbers, lists and booleans that were written as text', async () => {
    const { observations } = await attempt([
      turn(
        ['str_replace_editor', { command: 'view', path: '/workspace/a.txt', view_range: '[1, 1]' }],
        ['execute_bash', { command: 'ls', timeout: '30', is_input: false }],
      ),
      finish,
    ]);

    expect(observations.map((each) => each.outcome)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(observations[0]?.text).toBe("Here's the result of running `cat -n` on /workspace/a.txt:\n     1\tone\n");
  });

  it('ends after three turns without a usable call, in a conversation that servers take', async () => {
    const { result, refused, asked } = await attempt((asked) => talk(`Thought ${asked}.`));

    expect(result).toMatchObject({ end: { kind: 'format-errors' }, steps: 3 });
    expect(asked[2]?.at(-1)?.text).toMatch(/again a message without a tool call/);
    expect(refused).toEqual([]);
  });

  it('gives calls names of its own, nine letters and digits, and never keeps arguments that are no JSON', async () => {
    const { journal } = await attempt([
      turn(['execute_bash', '{"command": "ls'], ['think', '[1]'], ['think', 'null']),
      finish,
    ]);

    const calls = journal.flatMap((entry) => (entry.kind === 'turn' ? entry.turn.toolCalls : []));
    expect(calls.map(({ id, arguments: text, problem }) => [id, text, problem !== undefined])).toEqual([
      ['s00001c00', '{}', true],
      ['s00001c01', '{}', true],
      ['s00001c02', '{}', true],
      ['s00002c00', '{"message":"Done."}', false],
      ['s00003c00', '{"message":"Done."}', false],
    ]);
  });

  describe('when it says that it is done', () => {
    it('is shown what it changed and a checklist first; the second time counts', async () => {
      const { result, observations } = await attempt([bash('ls'), finish, bash('npm test'), finish]);

      expect(result).toMatchObject({ end: { kind: 'finished', message: 'Done.' }, steps: 4 });
      expect(observations.map(({ text }) => text)).toEqual([
        expect.stringMatching(/^ran ls/),
        expect.stringMatching(/the diff[\s\S]*1\. Run what showed the problem once more/),
        expect.stringMatching(/^ran npm test/),
        'Done.',
      ]);
    });

    it('is told when nothing was changed', async () => {
      const sandbox = { ...memorySandbox(), peekPatch: async () => ({ baseCommit: 'base', diff: '' }) };

      const { observations } = await attempt([finish], { sandbox });

      expect(observations[0]?.text).toMatch(/^Nothing has been changed in the repository/);
    });

    it('counts at once where no step is left for an answer, and in the paper’s manner', async () => {
      const limits = { steps: 2, tokens: 100_000, minutes: 5 };

      expect((await attempt([bash('ls'), finish], { limits })).result).toMatchObject({
        end: { kind: 'finished' },
        steps: 2,
      });
      expect((await attempt([finish], { manner: { paper: true, extraTools: true } })).result).toMatchObject({
        end: { kind: 'finished' },
        steps: 1,
      });
    });
  });

  it.each([
    ['steps', { limits: { steps: 4, tokens: 100_000, minutes: 5 } }],
    ['tokens', { limits: { steps: 100, tokens: 400, minutes: 5 } }],
    ['minutes', { limits: { steps: 100, tokens: 100_000, minutes: 0 } }],
  ] as const)('ends at its limit of %s, and the patch is taken all the same', async (limit, changes) => {
    const { result } = await attempt((asked) => bash(`ls ${asked}`), changes);

    expect(result).toMatchObject({ end: { kind: 'limit', limit }, patch: { diff: 'the diff' } });
  });

  it.each([
    ['steps', 8, { steps: 10, tokens: 1e9, minutes: 5 }, /\[Come to an end: 2 steps are left\./],
    ['tokens', 8, { steps: 100, tokens: 1100, minutes: 5 }, /\[Come to an end: most of the tokens/],
  ] as const)('is told once when most of its %s are used', async (_name, at, limits, text) => {
    const { observations, asked } = await attempt((asked) => bash(`ls ${asked}`), { limits });

    const told = observations.flatMap(({ notices }, index) => (notices ? [index + 1] : []));
    expect(told).toEqual([at]);
    expect(asked.at(-1)?.filter((message) => text.test(message.text))).toHaveLength(1);
  });

  it('ends when its time is over, whatever the model does', async () => {
    const limits = { steps: 10, tokens: 1e9, minutes: 0.002 };

    const { result } = await attempt(
      () => new Promise((resolve) => void globalThis.setTimeout(() => resolve(finish), 60_000).unref()),
      {
        limits,
        model: {
          ask: (_, signal) =>
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        },
      },
    );

    expect(result.end).toEqual({ kind: 'limit', limit: 'minutes' });
  });

  it('comes to an end when somebody asks for it, with what it changed', async () => {
    const stop = new AbortController();

    const { result } = await attempt(
      (asked) => {
        if (asked === 3) stop.abort('request');
        return bash(`ls ${asked}`);
      },
      { stop: stop.signal },
    );

    expect(result).toMatchObject({ end: { kind: 'stopped', by: 'request' }, patch: { diff: 'the diff' } });
  });

  it('ends with what it changed when the server refuses the conversation for good', async () => {
    const { result } = await attempt((asked) => {
      if (asked === 2) throw new OutsideError('400 no such thing', { retry: 'never' });
      return bash('ls');
    });

    expect(result).toMatchObject({ end: { kind: 'error', reason: '400 no such thing' }, patch: { diff: 'the diff' } });
  });

  it('asks with some chance in it on a second try, where there was none', async () => {
    const temperatures: (number | undefined)[] = [];
    const ask: Model['ask'] = async ({ temperature }) => {
      temperatures.push(temperature);
      return finish;
    };

    await attempt([], { number: 1, model: { ask, temperature: 0 } });
    await attempt([], { number: 2, model: { ask, temperature: 0 } });
    await attempt([], { number: 2, model: { ask, temperature: 0.15 } });

    expect(temperatures).toEqual([0, 0, 0.1, 0.1, 0.15, 0.15]);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stop'));

    await expect(attempt([finish], {}, stop.signal)).rejects.toThrow('stop');
  });

  it('leaves out the tools that the paper did without', async () => {
    const names: string[][] = [];
    const ask: Model['ask'] = async ({ tools }) => {
      names.push(tools.map(({ name }) => name));
      return finish;
    };

    await attempt([], { model: { ask }, manner: { paper: true, extraTools: true } });
    await attempt([], { model: { ask } });

    expect(names.slice(0, 2)).toEqual([
      ['execute_bash', 'think', 'finish', 'str_replace_editor'],
      ['execute_bash', 'think', 'finish', 'str_replace_editor', 'task_tracker', 'search'],
    ]);
  });

  it('asks with the issue as data, fenced by a word that the text cannot contain', async () => {
    const { asked } = await attempt([finish]);

    expect(asked[0]?.[1]?.text).toMatch(
      /<<<([0-9a-f]{16}) issue, as data\nTitle: A title\nWritten by: stranger\n\nA body\n\1>>>/,
    );
    expect(asked[0]?.[1]?.text).toMatch(/repository file AGENTS\.md, as data\nBe kind\./);
  });
});
