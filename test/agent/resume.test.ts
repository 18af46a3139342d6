import { describe, expect, it } from 'vitest';

import type { Observation, Step } from '../../src/core/attempt.ts';
import type { Message } from '../../src/core/conversation.ts';
import { type Trajectory, trajectoryOf } from '../../src/core/trajectory.ts';
import { attempt, bash, finish, talk, turn } from '../support/attempt.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const limits = { steps: 40, tokens: 1e9, minutes: 5 };

/** A sandbox that notes what is done in it. */
function noting() {
  const sandbox = memorySandbox({ '/workspace/a.txt': 'one\n' });
  const commands: string[] = [];
  return {
    commands,
    sandbox: {
      ...sandbox,
      run: (...args: Parameters<typeof sandbox.run>) => {
        commands.push(args[0]);
        return sandbox.run(...args);
      },
    },
  };
}

const edit = turn([
  'str_replace_editor',
  { command: 'str_replace', path: '/workspace/a.txt', old_str: 'one', new_str: 'two' },
]);

/** What was on record when a worker was killed, after so many entries. */
async function killedAfter(entries: number): Promise<Trajectory> {
  const { journal } = await attempt(
    [bash('cd src'), edit, turn(['execute_bash', { command: 'make' }], ['think', { thought: 'x' }]), finish],
    { limits },
  );
  return trajectoryOf(journal.slice(0, entries), 1);
}

describe('an attempt that another worker takes over', () => {
  it('asks for nothing that was answered, and runs only the calls without a result', async () => {
    const before = await killedAfter(6); // turn, result, turn, result, turn, first of two results
    const { commands, sandbox } = noting();

    const { result, journal, asked } = await attempt([finish], { before, limits, sandbox });

    expect(before.steps.map((step) => step.observations.length)).toEqual([1, 1, 1]);
    expect(commands).toEqual(['cd src', 'make']);
    expect(String(sandbox.files.get('/workspace/a.txt'))).toBe('two\n');
    expect(result).toMatchObject({ end: { kind: 'finished' }, steps: 5 });
    expect(journal.map((entry) => entry.kind)).toEqual(['observation', 'turn', 'observation', 'turn', 'observation']);
    expect(asked).toHaveLength(2);
    expect(asked[0]?.at(-1)?.text).toMatch(
      /^Your thought has been logged\.\n\n\[The sandbox had to be rebuilt after step 3\./,
    );
  });

  it('runs again only what came after the checkpoint, in the directory of that time', async () => {
    const whole = await killedAfter(6);
    const before = { ...whole, checkpoint: { step: 2, patch: { baseCommit: 'base', diff: 'so far' } } };
    const { commands, sandbox } = noting();

    await attempt([finish], { before, limits, sandbox });

    expect(commands).toEqual(["cd '/workspace'", 'make']);
    expect(String(sandbox.files.get('/workspace/a.txt'))).toBe('one\n');
  });

  it('does not run again what was left running, and says so', async () => {
    const observation: Observation = {
      callId: 's00001c00',
      tool: 'execute_bash',
      title: 'execute_bash: server',
      text: 'up\n[The command has no new output]\n[Command finished with exit code -1]',
      outcome: 'failed',
      seconds: 30,
    };
    const step: Step = {
      number: 1,
      turn: {
        ...bash('server'),
        toolCalls: [{ id: 's00001c00', name: 'execute_bash', arguments: '{"command":"server"}' }],
      },
      observations: [observation],
    };
    const { commands, sandbox } = noting();

    const { observations } = await attempt([bash('ls'), finish], {
      before: { steps: [step], condensations: [], checkpoint: null },
      limits,
      sandbox,
    });

    expect(commands).toEqual(['ls']);
    expect(observations[0]?.notices?.[0]?.text).toMatch(/done again as far as possible/);
  });

  it('ends as it had ended, when only that was not on record', async () => {
    const { journal } = await attempt([finish], { limits });
    const before = trajectoryOf(journal, 1);

    const { result, asked } = await attempt([finish], { before, limits });

    expect(result).toMatchObject({ end: { kind: 'finished', message: 'Done.' }, steps: 2 });
    expect(asked).toEqual([]);
  });

  it('counts what the earlier worker used', async () => {
    const before = await killedAfter(6);

    const { result } = await attempt((asked) => bash(`ls ${asked}`), { before, limits: { ...limits, steps: 5 } });

    expect(result).toMatchObject({ end: { kind: 'limit', limit: 'steps' }, steps: 5 });
  });
});

describe('a worker that is killed after any entry of the journal', () => {
  const turnsOf = (messages: readonly Message[]) => messages.filter(({ role }) => role === 'assistant').length;
  const steps = [
    bash('cd src'),
    edit,
    talk('I think that I should look further.'),
    turn(['execute_bash', { command: 'make' }], ['think', { thought: 'x' }], ['execute_bash', '{"broken']),
    turn(['task_tracker', { command: 'plan', task_list: [{ id: '1', title: 't', status: 'todo' }] }]),
    bash('false a'),
    bash('false a'),
    bash('false a'),
    turn(['task_tracker', { command: 'view' }]),
    bash('ls b'),
    finish,
    bash('ls c'),
    finish,
  ];
  // A model that knows only the conversation, as a real one does.
  const answers = (_asked: number, messages: readonly Message[]) => steps[turnsOf(messages)] ?? finish;

  it('is followed by one that comes to the same end, with the same steps, and asks for nothing twice', async () => {
    const whole = await attempt(answers, { limits });
    expect(whole.result).toMatchObject({ end: { kind: 'finished' }, steps: steps.length });

    for (let entries = 0; entries <= whole.journal.length; entries++) {
      const kept = whole.journal.slice(0, entries);
      const before = trajectoryOf(kept, 1);

      const { result, journal, asked, refused } = await attempt(answers, { before, limits });

      const where = `after ${entries} entries, the last being ${kept.at(-1)?.kind}`;
      expect(refused, where).toEqual([]);
      expect([result.end, result.steps], where).toEqual([whole.result.end, whole.result.steps]);
      expect(asked, where).toHaveLength(steps.length - before.steps.length);
      const all = trajectoryOf([...kept, ...journal], 1).steps;
      expect(
        all.map(({ turn: { toolCalls } }) => toolCalls),
        where,
      ).toEqual(trajectoryOf(whole.journal, 1).steps.map(({ turn: { toolCalls } }) => toolCalls));
      // Each call has one result, the same as without the kill.
      const textsOf = (trajectory: typeof all) =>
        trajectory.map(({ observations }) => observations.map(({ text }) => text));
      expect(textsOf(all), where).toEqual(textsOf([...trajectoryOf(whole.journal, 1).steps]));
      const noticed = (trajectory: typeof all) =>
        trajectory.flatMap(({ observations }) =>
          observations.flatMap(({ notices = [] }) => notices.map(({ kind }) => kind)),
        );
      expect(
        noticed(all).filter((kind) => kind !== 'restarted'),
        where,
      ).toEqual(noticed([...trajectoryOf(whole.journal, 1).steps]));
    }
  });
});

describe('a checkpoint', () => {
  const slow = (turns: readonly ReturnType<typeof bash>[]) => async (asked: number) => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    return turns[Math.min(asked, turns.length) - 1] ?? finish;
  };

  it('is taken while the model thinks, after steps that may have changed files', async () => {
    let diff = 'a';
    const sandbox = { ...memorySandbox(), peekPatch: async () => ({ baseCommit: 'base', diff }) };
    const turns = [bash('touch a'), turn(['think', { thought: 'x' }]), bash('ls'), bash('touch b'), finish];
    const answers = slow(turns);

    const { journal } = await attempt(
      (asked) => {
        if (asked === 5) diff = 'b';
        return answers(asked);
      },
      { limits, sandbox },
    );

    const points = journal.flatMap((entry) => (entry.kind === 'checkpoint' ? [[entry.step, entry.patch?.diff]] : []));
    expect(points).toEqual([
      [1, 'a'],
      [3, undefined],
      [4, 'b'],
    ]);
    expect(trajectoryOf(journal, 1).checkpoint).toMatchObject({ step: 4, patch: { diff: 'b' } });
  });

  it('is taken every so many steps from a model that answers at once', async () => {
    const { journal } = await attempt((asked) => (asked < 40 ? bash(`ls ${asked}`) : finish), {
      limits: { ...limits, steps: 50 },
    });

    expect(journal.filter((entry) => entry.kind === 'checkpoint').length).toBeGreaterThan(0);
    expect(journal.filter((entry) => entry.kind === 'checkpoint').length).toBeLessThan(5);
  });

  it('is taken when the work is interrupted', async () => {
    const journal: unknown[] = [];
    const failing = attempt(
      (asked) => {
        if (asked === 2) throw new Error('gone');
        return bash('touch a');
      },
      { limits, append: async (entry) => void journal.push(entry) },
    );

    await expect(failing).rejects.toThrow('gone');
    expect(journal.at(-1)).toMatchObject({ kind: 'checkpoint', step: 1, patch: { diff: 'the diff' } });
  });
});
