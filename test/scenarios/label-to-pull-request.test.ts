import { describe, expect, it } from 'vitest';

import { git } from '../../src/simulation/github/git-store.ts';
import { scripts } from '../support/adder.ts';
import { openScenario } from '../support/scenario.ts';

describe('an issue that somebody asks to be fixed', () => {
  it('becomes a verified pull request when it is labelled', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue } = scenario;

    const { status } = await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    const [run] = await scenario.ended();

    expect(status).toBe(202);
    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    const [pull] = [...repo.pulls.values()];
    expect(pull).toMatchObject({
      title: 'Fix: add() subtracts (#1)',
      draft: false,
      base: 'main',
      head: `devstral/issue-1-${run?.id}`,
    });
    expect(pull?.body).toMatch(
      /^Fixes #1\n\n✅ \*\*Verified\*\* — 1 fixed, by the repository's own tests · 1 still passing · 0 newly failing/,
    );
    expect(await git(repo.folder, ['show', `${pull?.head}:index.js`])).toContain('a + b');
    expect(await git(repo.folder, ['log', '-1', '--format=%an', `${pull?.head}`])).toBe('devstral-bot[bot]');
    expect(repo.issues.get(issue)?.reactions.map((reaction) => reaction.content)).toEqual(['eyes']);
    await scenario.expectInvariants();
  });

  it('becomes a pull request when a comment asks, and its instructions reach the model', async () => {
    await using scenario = await openScenario({ script: scripts.right });
    const { github, repo, issue, model } = scenario;

    await github.comment({
      repo,
      issue,
      by: 'maintainer',
      body: 'I can reproduce it.\n\n/devstral fix keep it to one line',
    });
    const [run] = await scenario.ended();

    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    expect(JSON.stringify(model.requests[0])).toContain('keep it to one line');
    await scenario.expectInvariants();
  });

  it('becomes a draft that says so when the patch fixes nothing', async () => {
    await using scenario = await openScenario({ script: scripts.wrong });
    const { github, repo, issue } = scenario;

    await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    await scenario.ended();

    const [pull] = [...repo.pulls.values()];
    expect(pull?.draft).toBe(true);
    expect(pull?.body).toContain('Not verified: no failing test was fixed');
    await scenario.expectInvariants();
  });

  it('becomes a draft that names the test that the patch breaks', async () => {
    await using scenario = await openScenario({ script: scripts.breaking });
    const { github, repo, issue } = scenario;

    await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    await scenario.ended();

    const [pull] = [...repo.pulls.values()];
    expect(pull?.draft).toBe(true);
    expect(pull?.body).toMatch(
      /❌ \*\*Regresses\*\*[\s\S]*\*\*Newly failing\*\*\n\n- `test\/adder\.test\.js › doubles a number`/,
    );
    await scenario.expectInvariants();
  });

  it('ends in a comment and no pull request when nothing was changed', async () => {
    await using scenario = await openScenario({ script: scripts.nothing });
    const { github, repo, issue } = scenario;

    await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
    const [run] = await scenario.ended();

    expect(run?.outcome?.kind).toBe('abstained');
    expect(repo.pulls.size).toBe(0);
    expect(repo.issues.get(issue)?.comments.at(-1)?.body).toContain('finished without changing anything');
    await scenario.expectInvariants();
  });
});
