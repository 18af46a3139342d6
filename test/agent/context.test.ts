import { describe, expect, it } from 'vitest';

import type { Turn } from '../../src/core/attempt.ts';
import type { Message } from '../../src/core/conversation.ts';
import { ContextOverflow } from '../../src/core/errors.ts';
import { attempt, bash, finish, talk } from '../support/attempt.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const limits = { steps: 100, tokens: 1e9, minutes: 5 };
const size = (messages: readonly Message[]) => messages.reduce((sum, { text }) => sum + text.length, 0);
const tokensOf = (messages: readonly Message[]) => Math.ceil(size(messages) / 4);

/** Commands that print this much. */
const printing = (characters: number) => ({
  ...memorySandbox(),
  run: async (command: string) => ({
    kind: 'exited' as const,
    exitCode: 0,
    workingDirectory: '/workspace',
    output: `${command} ${'x'.repeat(characters)}`,
    omittedBytes: 0,
    seconds: 0,
  }),
});

/** A server with so much context: it counts, and says when it is too much. Summaries it gives when it is asked without tools. */
const server =
  (contextTokens: number, last: number, counted = true) =>
  (asked: number, messages: readonly Message[]): Turn => {
    const promptTokens = tokensOf(messages);
    if (promptTokens > contextTokens) throw new ContextOverflow(`maximum context length is ${contextTokens} tokens`);
    const usage = { promptTokens: counted ? promptTokens : 0, completionTokens: 10 };
    const isSummary = messages.at(-1)?.text.includes('TASK_TRACKING');
    const turn = isSummary ? talk('COMPLETED: looked around') : asked < last ? bash(`ls ${asked}`) : finish;
    return { ...turn, usage };
  };

describe('a conversation that grows too long', () => {
  it('is shortened first and then summed up, and never reaches the limit', async () => {
    const { result, journal, asked, refused } = await attempt(server(20_000, 60), {
      limits,
      sandbox: printing(5_000),
      model: { contextTokens: 20_000, answerTokens: 1_000 },
    });

    const kinds = journal.flatMap((entry) => (entry.kind === 'condensed' ? [entry.condensation.kind] : []));
    expect(result).toMatchObject({ end: { kind: 'finished' } });
    expect(kinds[0]).toBe('shortened');
    expect(kinds).toContain('summarised');
    expect(Math.max(...asked.map(tokensOf))).toBeLessThan(20_000);
    expect(asked.at(-1)?.[1]?.text).toMatch(/your own summary of the first \d+ steps[\s\S]*COMPLETED: looked around/);
    expect(refused).toEqual([]);
  });

  it('keeps the task, and the newest results whole', async () => {
    const { asked, journal } = await attempt(server(20_000, 20), {
      limits,
      sandbox: printing(5_000),
      model: { contextTokens: 20_000, answerTokens: 1_000 },
    });

    const first = journal.findIndex((entry) => entry.kind === 'condensed');
    const turns = journal.slice(0, first).filter((entry) => entry.kind === 'turn').length;
    const after = asked[turns] ?? [];
    expect(after[1]?.text).toContain('Title: A title');
    expect(after.at(-1)?.text.length).toBeGreaterThan(5_000);
    expect(after[3]?.text).toMatch(/characters of this old result are left out/);
  });

  it('is made shorter when the server says so, though nobody counted', async () => {
    const { result, refused } = await attempt(server(9_000, 30, false), {
      limits,
      sandbox: printing(3_000),
      model: { contextTokens: 100_000, answerTokens: 1_000 },
    });

    expect(result.end.kind).toBe('finished');
    expect(refused).toEqual([]);
  });

  it('ends the attempt when two in a row did not help', async () => {
    const { result, journal } = await attempt(
      (asked) => {
        if (asked > 12) throw new ContextOverflow('maximum context length is 1 token');
        return bash(`ls ${asked}`);
      },
      { limits, sandbox: printing(5_000) },
    );

    expect(result).toMatchObject({ end: { kind: 'limit', limit: 'context' }, patch: { diff: 'the diff' } });
    expect(journal.filter((entry) => entry.kind === 'condensed').length).toBeLessThanOrEqual(2);
  });

  it('ends the attempt at once in the paper’s manner', async () => {
    const { result, journal } = await attempt(server(9_000, 99), {
      limits,
      sandbox: printing(3_000),
      model: { contextTokens: 9_000, answerTokens: 500 },
      manner: { paper: true, extraTools: false },
    });

    expect(result.end).toEqual({ kind: 'limit', limit: 'context' });
    expect(journal.some((entry) => entry.kind === 'condensed')).toBe(false);
  });

  it('counts what a summary cost', async () => {
    const { result, journal } = await attempt(server(20_000, 60), {
      limits,
      sandbox: printing(5_000),
      model: { contextTokens: 20_000, answerTokens: 1_000 },
    });

    const turns = journal.reduce((sum, entry) => sum + (entry.kind === 'turn' ? entry.turn.usage.promptTokens : 0), 0);
    expect(result.usage.promptTokens).toBeGreaterThan(turns);
  });

  it('makes a turn that was cut off by its length say so, and does nothing of it', async () => {
    const { asked, refused } = await attempt([{ ...talk('I will now'), finish: 'length' }, bash('ls'), finish]);

    expect(asked[1]?.at(-1)).toMatchObject({
      role: 'user',
      text: expect.stringMatching(/cut off because it was too long/),
    });
    expect(refused).toEqual([]);
  });
});
