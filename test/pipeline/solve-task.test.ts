import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import type { Turn } from '../../src/core/attempt.ts';
import type { Message } from '../../src/core/conversation.ts';
import { OutsideError } from '../../src/core/errors.ts';
import type { Model } from '../../src/core/ports.ts';
import type { AttemptSettings, JournalEntry } from '../../src/core/run.ts';
import { solveTask } from '../../src/pipeline/solve-task.ts';
import { bash, finish, turn } from '../support/attempt.ts';
import { memoryClaim, memoryWorld } from '../support/memory-world.ts';

const replace = (old_str: string, new_str: string) =>
  turn(['str_replace_editor', { command: 'str_replace', path: '/workspace/index.js', old_str, new_str }]);
const wrong = [bash('ls'), replace('a - b', 'a - b - 0'), bash('ls -l'), finish, finish];
const right = [bash('ls'), replace('a - b', 'a + b'), finish, finish];
const nothing = [bash('ls'), finish, finish];

/** The word that fences the issue off tells the attempts of a run apart. */
const wordOf = (attempt: number) => createHash('sha256').update(`testrun ${attempt}`).digest('hex').slice(0, 16);

/** A model that knows only the conversation, and follows another script on each attempt. */
function modelOf(scripts: readonly (readonly Turn[])[]) {
  let asked = 0;
  const model: Model = {
    name: 'devstral',
    contextTokens: 100_000,
    answerTokens: 4_000,
    temperature: 0,
    ask: async ({ messages }: { messages: readonly Message[] }) => {
      asked++;
      const word = /<<<([0-9a-f]{16})/.exec(messages[1]?.text ?? '')?.[1] ?? '';
      const script = scripts.find((_, at) => wordOf(at + 1) === word) ?? scripts.at(-1) ?? [];
      return script[messages.filter(({ role }) => role === 'assistant').length] ?? finish;
    },
  };
  return { model, asked: () => asked };
}

async function solve(
  scripts: readonly (readonly Turn[])[],
  settings: Partial<AttemptSettings> = {},
  entries: JournalEntry[] = [],
  outbox = new Map<string, unknown>(),
) {
  const { model, asked } = modelOf(scripts);
  const { world, writes } = memoryWorld(model, settings);
  const outcome = await solveTask(memoryClaim(entries, outbox), world, AbortSignal.timeout(10_000));
  return { outcome, writes, journal: entries, asked: asked(), outbox };
}

const summary = (journal: readonly JournalEntry[]) => ({
  turns: journal.flatMap((entry) => (entry.kind === 'turn' ? [`${entry.attempt}.${entry.step}`] : [])),
  ends: journal.flatMap((entry) => (entry.kind === 'attempt-ended' ? [entry.attempt.end.kind] : [])),
  verdicts: journal.flatMap((entry) => (entry.kind === 'verdict' ? [`${entry.attempt} ${entry.verdict.kind}`] : [])),
  chosen: journal.findLast((entry) => entry.kind === 'chosen')?.attempt,
});

describe('solving a task', () => {
  it.each<[string, readonly (readonly Turn[])[], Partial<AttemptSettings>, object]>([
    ['the first is verified', [right], {}, { verdicts: ['1 verified'], chosen: 1 }],
    ['the second is verified', [wrong, right], {}, { verdicts: ['1 no-regressions', '2 verified'], chosen: 2 }],
    [
      'none is verified',
      [wrong, nothing, wrong],
      {},
      { verdicts: ['1 no-regressions', '3 no-regressions'], chosen: 1 },
    ],
    ['nothing is changed', [nothing], {}, { verdicts: [], chosen: undefined }],
    ['only one may be made', [wrong, right], { most: 1 }, { verdicts: ['1 no-regressions'], chosen: 1 }],
    [
      'the run has no steps left for another',
      [wrong, right],
      { run: { steps: 6, tokens: 1e9, minutes: 15 } },
      { verdicts: ['1 no-regressions'], chosen: 1 },
    ],
    [
      'in the paper’s manner',
      [nothing, wrong, right],
      { paper: true },
      { ends: ['finished', 'finished'], verdicts: ['2 no-regressions'], chosen: 2 },
    ],
  ])('makes as many attempts as it needs: %s', async (_name, scripts, settings, expected) => {
    const { journal } = await solve(scripts, settings);

    expect(summary(journal)).toMatchObject(expected);
  });

  it('spends no more than the run may, side by side or not', async () => {
    for (const parallel of [1, 3]) {
      const endless = [Array.from({ length: 50 }, (_, at) => bash(`ls ${at}`))];
      const run = { steps: 33, tokens: 1e9, minutes: 15 };

      const { journal } = await solve(endless, { parallel, run });

      expect(summary(journal).turns.length).toBeLessThanOrEqual(33);
    }
  });

  it('ends as failed, with the reason, when the server refuses each conversation for good', async () => {
    const { model } = modelOf([right]);
    const refusing = { ...model, ask: () => Promise.reject(new OutsideError('400 no such thing', { retry: 'never' })) };
    const { world } = memoryWorld(refusing);

    const outcome = await solveTask(memoryClaim([], new Map()), world, AbortSignal.timeout(10_000));

    expect(outcome).toEqual({ kind: 'failed', reason: '400 no such thing' });
  });

  it.each([
    ['one after another', {}],
    ['in the paper’s manner', { paper: true }],
  ])('comes to the same end wherever a worker is killed, and asks nothing twice: %s', async (_name, settings) => {
    const scripts = [wrong, nothing, right];
    const whole = await solve(scripts, settings);

    for (let entries = 0; entries <= whole.journal.length; entries++) {
      const kept = whole.journal.slice(0, entries);

      const again = await solve(scripts, settings, [...kept]);

      const where = `after ${entries} entries, the last being ${kept.at(-1)?.kind}`;
      expect(again.outcome, where).toEqual(whole.outcome);
      expect(summary(again.journal), where).toEqual(summary(whole.journal));
      expect(again.asked, where).toBe(whole.asked - kept.filter((entry) => entry.kind === 'turn').length);
    }
  });
});
