import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { scripts } from '../support/adder.ts';
import { openScenario, type Scenario } from '../support/scenario.ts';

/** Nothing was worked on: no comment, no branch, no pull request, no question to the model. */
function expectNoWork({ github, repo, model }: Scenario): void {
  const beyondReactions = github.writes().filter(({ path }) => !path.endsWith('/reactions'));
  expect(beyondReactions).toEqual([]);
  expect(repo.pulls.size).toBe(0);
  expect(model.requests).toEqual([]);
}

describe('somebody without the right to ask', () => {
  it('gets one 😕 for a label, and nothing happens', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    await github.label({ repo, issue, label: 'devstral', by: 'stranger' });
    await github.redeliver(github.deliveries[0] as never, 'another-id');
    const [run] = await scenario.ended();

    expect(run?.outcome).toMatchObject({ kind: 'refused', why: 'no-right' });
    expect(repo.issues.get(issue)?.reactions.map((reaction) => reaction.content)).toEqual(['confused']);
    expectNoWork(scenario);
    await scenario.expectInvariants();
  });

  it('gets one 😕 for a comment, and nothing happens', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    await github.comment({ repo, issue, by: 'stranger', body: '/devstral fix' });
    await scenario.ended();

    expect(repo.issues.get(issue)?.comments[0]?.reactions.map((reaction) => reaction.content)).toEqual(['confused']);
    expectNoWork(scenario);
    await scenario.expectInvariants();
  });

  it('who is a bot gets nothing at all, whatever it may write', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    await github.comment({ repo, issue, by: 'other[bot]', body: '/devstral fix' });
    await github.label({ repo, issue, label: 'devstral', by: 'other[bot]' });
    await setTimeout(1000);

    expect(github.deliveries.map((delivery) => delivery.status)).toEqual([202, 202]);
    expect(scenario.runs.size).toBe(0);
    expect(github.writes()).toEqual([]);
    expectNoWork(scenario);
    await scenario.expectInvariants();
  });

  it('is nobody when a maintainer only quotes, shows or edits in the command', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    for (const body of [
      '> /devstral fix',
      '```\n/devstral fix\n```',
      '    /devstral fix',
      '<!--\n/devstral fix\n-->',
      'Try `/devstral fix`',
      'a label',
      'see /devstral fix',
    ]) {
      await github.comment({ repo, issue, by: 'maintainer', body });
    }
    const id = repo.issues.get(issue)?.comments[5]?.id ?? 0;
    await github.editComment({ repo, issue, id, body: '/devstral fix' });
    await setTimeout(1000);

    expect(github.deliveries.every((delivery) => delivery.status === 202)).toBe(true);
    expect(scenario.runs.size).toBe(0);
    expect(github.writes()).toEqual([]);
    expectNoWork(scenario);
    await scenario.expectInvariants();
  });
});
