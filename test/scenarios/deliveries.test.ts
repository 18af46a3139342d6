import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { scripts } from '../support/adder.ts';
import { openScenario } from '../support/scenario.ts';

describe('what GitHub sends', () => {
  it('is one run when the same delivery comes ten times and its body under ten other ids', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    const first = await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    const again = await Promise.all(
      [...Array(10).keys()].flatMap(() => [github.redeliver(first), github.redeliver(first, randomUUID())]),
    );
    await scenario.ended();

    expect(again.map((delivery) => delivery.status)).toEqual(Array(20).fill(202));
    expect(scenario.runs.size).toBe(1);
    expect(repo.pulls.size).toBe(1);
    await scenario.expectInvariants();
  });

  it('is kept while the API is down, and worked on when it is back', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    github.fail({ status: 502, times: 1000 });
    const { status } = await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    while (![...scenario.log].some((line) => line.includes('Run interrupted')))
      await new Promise((resolve) => setTimeout(resolve, 50));
    github.stopFailing();
    const [run] = await scenario.ended();

    expect(status).toBe(202);
    expect(run?.outcome?.kind).toBe('pull-request');
    expect((await scenario.journal(run?.id ?? '')).some((entry) => entry.kind === 'interrupted')).toBe(true);
    await scenario.expectInvariants();
  });

  it('is answered once even when the answers to our own writes get lost', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    github.fail({ method: 'POST', path: /\/issues\/\d+\/comments$/, dropAnswer: true });
    github.fail({ method: 'POST', path: /\/git\/refs$/, dropAnswer: true });
    github.fail({ method: 'POST', path: /\/pulls$/, dropAnswer: true });
    await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    const [run] = await scenario.ended();

    expect(run?.outcome?.kind).toBe('pull-request');
    expect(repo.pulls.size).toBe(1);
    await scenario.expectInvariants();
  });
});
