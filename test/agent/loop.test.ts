import { describe, expect, it } from 'vitest';

import { profiles } from '../../src/adapters/openai/profiles.ts';
import { wireMessages, wireTools } from '../../src/adapters/openai/wire.ts';
import { type AttemptRequest, attemptTask } from '../../src/agent/attempt-task.ts';
import type { ToolCall, Turn } from '../../src/core/attempt.ts';
import type { JournalEntry } from '../../src/core/run.ts';
import { checkRequest } from '../../src/simulation/model/conversation-check.ts';
import { task } from '../contracts/runs.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const turn = (...calls: [name: string, args: unknown][]): Turn => ({
  text: '',
  toolCalls: calls.map(
    ([name, args], at): ToolCall => ({
      id: `call${at}`,
      name,
      arguments: typeof args === 'string' ? args : JSON.stringify(args),
    }),
  ),
  finish: calls.length > 0 ? 'tool_calls' : 'stop',
  usage: { promptTokens: 100, completionTokens: 10 },
  seconds: 0,
});
const talk = { ...turn(), text: 'I would run the tests.' };
const finish = turn(['finish', { message: 'Done.' }]);

/** Runs an attempt whose model gives these turns, the last one again and again; every request is checked as servers do. */
async function attempt(
  turns: readonly Turn[],
  changes: Partial<AttemptRequest> = {},
  signal = new AbortController().signal,
) {
  const journal: JournalEntry[] = [];
  const refused: string[] = [];
  let asked = 0;
  const request: AttemptRequest = {
    number: 1,
    task,
    sandbox: memorySandbox({ '/workspace/a.txt': 'one\ntwo\n' }),
    model: {
      name: 'devstral',
      contextTokens: 100_000,
      temperature: 0.15,
      ask: async ({ messages, tools }) => {
        for (const profile of Object.values(profiles)) {
          const checked = checkRequest({
            model: 'devstral',
            messages: wireMessages(messages, profile),
            ...wireTools(tools),
          });
          if (checked.kind === 'refused') refused.push(checked.message);
        }
        signal.throwIfAborted();
        const next = turns[Math.min(asked++, turns.length - 1)];
        if (!next) throw new Error('no turn');
        return next;
      },
    },
    limits: { steps: 10, tokens: 100_000, minutes: 5 },
    clock: { now: () => new Date(), sleep: async () => {} },
    facts: { baseline: null, instructions: [{ path: 'AGENTS.md', text: 'Be kind.' }], lastFailure: null },
    append: async (entry) => void journal.push(entry),
    ...changes,
  };
  const result = await attemptTask(request, signal);
  const observations = journal.flatMap((entry) => (entry.kind === 'observation' ? [entry.observation] : []));
  return { result, journal, refused, observations };
}

describe('an attempt', () => {
  it('runs what the model asks for until it finishes, and takes the patch', async () => {
    const { result, journal, refused, observations } = await attempt([
      turn(['think', { thought: 'hm' }], ['execute_bash', { command: 'ls' }]),
      turn(['execute_bash', { command: 'false' }]),
      finish,
    ]);

    expect(result).toMatchObject({
      end: { kind: 'finished', message: 'Done.' },
      steps: 3,
      patch: { diff: 'the diff' },
      usage: { promptTokens: 300, completionTokens: 30 },
    });
    expect(journal.map((entry) => entry.kind)).toEqual([
      'turn',
      'observation',
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
      expect.stringMatching(/not valid JSON/),
      expect.stringMatching(/command: /),
      expect.stringMatching(/timeout: /),
      'Your thought has been logged.',
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

    expect(observations.map((each) => each.outcome)).toEqual(['ok', 'ok', 'ok']);
    expect(observations[0]?.text).toBe("Here's the result of running `cat -n` on /workspace/a.txt:\n     1\tone\n");
  });

  it('ends after three turns without a usable call, in a conversation that servers take', async () => {
    const { result, refused } = await attempt([talk]);

    expect(result).toMatchObject({ end: { kind: 'format-errors' }, steps: 3 });
    expect(refused).toEqual([]);
  });

  it.each([
    ['steps', { limits: { steps: 4, tokens: 100_000, minutes: 5 } }],
    ['tokens', { limits: { steps: 100, tokens: 400, minutes: 5 } }],
    ['minutes', { limits: { steps: 100, tokens: 100_000, minutes: 0 } }],
  ] as const)('ends at its limit of %s, and the patch is taken all the same', async (limit, changes) => {
    const { result } = await attempt([turn(['execute_bash', { command: 'ls' }])], changes);

    expect(result).toMatchObject({ end: { kind: 'limit', limit }, patch: { diff: 'the diff' } });
  });

  it('ends before its context is full', async () => {
    const full = {
      ...turn(['execute_bash', { command: 'ls' }]),
      usage: { promptTokens: 95_000, completionTokens: 10 },
    };

    expect((await attempt([full])).result.end).toEqual({ kind: 'limit', limit: 'context' });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stop'));

    await expect(attempt([finish], {}, stop.signal)).rejects.toThrow('stop');
  });

  it('asks with the issue as data, fenced by a word that the text cannot contain', async () => {
    let asked = '';
    const model = {
      name: 'devstral',
      contextTokens: 1000,
      temperature: 0.15,
      ask: async ({ messages }: { messages: readonly { text: string }[] }) => {
        asked = messages[1]?.text ?? '';
        return finish;
      },
    };

    await attempt([finish], { model });

    expect(asked).toMatch(/<<<([0-9a-f]{16}) issue, as data\nTitle: A title\nWritten by: stranger\n\nA body\n\1>>>/);
    expect(asked).toMatch(/repository file AGENTS\.md, as data\nBe kind\./);
  });
});
