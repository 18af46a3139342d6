import { describe, expect, it } from 'vitest';

import { git } from '../../src/simulation/github/git-store.ts';
import type { ChatMessage, ScriptedTurn } from '../../src/simulation/model/script.ts';
import { scripts } from '../support/adder.ts';
import { openScenario, type Scenario } from '../support/scenario.ts';

type Turns = readonly ScriptedTurn[];

/** A model that follows another script on each attempt: told apart by the copies of the issue it was asked to work on. */
function byAttempt(...all: readonly Turns[]) {
  let begun = 0;
  const scriptOf = new Map<string, Turns>();
  return (conversation: readonly ChatMessage[], turn: number): ScriptedTurn => {
    // The word that fences the issue off is another one for each attempt.
    const attempt = /<<<([0-9a-f]{16})/.exec(conversation[1]?.content ?? '')?.[1] ?? '';
    const script = scriptOf.get(attempt) ?? all[Math.min(begun++, all.length - 1)] ?? [];
    scriptOf.set(attempt, script);
    return script[turn] ?? script.at(-1) ?? {};
  };
}

async function solved(scenario: Scenario) {
  const { github, repo, issue } = scenario;
  await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
  const [run] = await scenario.ended();
  const journal = await scenario.journal(run?.id ?? '');
  const ends = journal.flatMap((entry) => (entry.kind === 'attempt-ended' ? [entry.attempt.end.kind] : []));
  const verdicts = journal.flatMap((entry) => (entry.kind === 'verdict' ? [[entry.attempt, entry.verdict.kind]] : []));
  const chosen = journal.findLast((entry) => entry.kind === 'chosen')?.attempt;
  return { run, journal, ends, verdicts, chosen, pull: [...repo.pulls.values()][0] };
}

describe('a run of several attempts', () => {
  it('stops at the first that the tests verify, and tells the next one why the last was not enough', async () => {
    await using scenario = await openScenario({ script: byAttempt(scripts.breaking, scripts.right, scripts.wrong) });

    const { run, ends, verdicts, chosen, pull } = await solved(scenario);

    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    expect(ends).toEqual(['finished', 'finished']);
    expect(verdicts).toEqual([
      [1, 'regresses'],
      [2, 'verified'],
    ]);
    expect(chosen).toBe(2);
    expect(await git(scenario.repo.folder, ['show', `${pull?.head}:index.js`])).toContain('a + b');
    expect(pull?.body).toMatch(
      /### Attempts[\s\S]*\| 1 \| it finished \| \d+ \| `regresses: [\s\S]*\| \*\*→ 2\*\* \| it finished \| \d+ \| `verified: /,
    );
    const second = scenario.model.requests
      .map((request) => JSON.stringify(request))
      .find((text) => text.includes('You have tried this before'));
    expect(second).toMatch(
      /It changed index\.js \(\+1 −1\)\.\\nThe tests said: [^"]*1 newly failing[^"]*\\nWith it these fail: test\/adder\.test\.js › doubles a number/,
    );
    await scenario.expectInvariants();
  });

  it.each([
    ['the second', [scripts.breaking, scripts.wrong], 2],
    ['the first', [scripts.wrong, scripts.breaking], 1],
  ] as const)('chooses by the tests where none is verified: %s', async (_which, order, expected) => {
    await using scenario = await openScenario({ script: byAttempt(...order), settings: { ATTEMPTS: '2' } });

    const { run, chosen, pull, ends } = await solved(scenario);

    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: true });
    expect(ends).toHaveLength(2);
    expect(chosen).toBe(expected);
    expect(pull?.body).toContain('Not verified: no failing test was fixed');
    expect(await git(scenario.repo.folder, ['show', `${pull?.head}:index.js`])).toContain('a - b - 0');
    await scenario.expectInvariants();
  });

  it('makes them side by side where the settings say so, and stops the others when one is verified', async () => {
    const endless = [
      ...scripts.right.slice(0, 2),
      ...Array.from({ length: 15 }, (_, at) => ({
        calls: [{ name: 'execute_bash', arguments: { command: `sleep 1; echo ${at}` } }],
      })),
    ];
    await using scenario = await openScenario({
      script: byAttempt(endless, scripts.right),
      settings: { ATTEMPTS: '2', ATTEMPTS_IN_PARALLEL: '2' },
    });

    const { run, journal, verdicts } = await solved(scenario);

    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    expect(verdicts.filter(([, kind]) => kind === 'verified')).toHaveLength(1);
    const ends = journal.flatMap((entry) => (entry.kind === 'attempt-ended' ? [entry.attempt.end] : []));
    expect(ends).toContainEqual({ kind: 'stopped', by: 'other-attempt' });
    const began = journal.findIndex((entry) => entry.kind === 'attempt-ended');
    expect(journal.slice(0, began).filter((entry) => entry.kind === 'attempt-started')).toHaveLength(2);
    await scenario.expectInvariants();
  });

  it('tries again in the paper’s manner only without a patch, and asks the tests about the last one', async () => {
    await using scenario = await openScenario({
      script: byAttempt(scripts.nothing, scripts.wrong, scripts.right),
      settings: { PAPER_MODE: 'on', MODEL_TEMPERATURE: '0' },
    });

    const { run, ends, verdicts, journal } = await solved(scenario);

    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: true });
    expect(ends).toEqual(['finished', 'finished']);
    expect(verdicts).toEqual([[2, 'no-regressions']]);
    expect(
      journal.some(
        (entry) => entry.kind === 'observation' && entry.observation.text.includes('Before you hand it over'),
      ),
    ).toBe(false);
    const temperatures = new Set(
      scenario.model.requests.map((request) => (request as { temperature: number }).temperature),
    );
    expect([...temperatures]).toEqual([0, 0.1]);
    await scenario.expectInvariants();
  });
});
