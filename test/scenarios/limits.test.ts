import { describe, expect, it } from 'vitest';

import type { ChatMessage, ScriptedTurn } from '../../src/simulation/model/script.ts';
import type { ServerKind } from '../../src/simulation/model/server-manners.ts';
import { scripts } from '../support/adder.ts';
import { openScenario, type Scenario } from '../support/scenario.ts';

const bash = (command: string): ScriptedTurn => ({ calls: [{ name: 'execute_bash', arguments: { command } }] });
const view = (path: string): ScriptedTurn => ({
  calls: [{ name: 'str_replace_editor', arguments: { command: 'view', path } }],
});
const [prying = {}, , fix = {}] = scripts.right;
const finish = scripts.right.at(-1) ?? {};

/** Looks around, mends the bug, and then goes on in some other way. */
const afterFix =
  (goOn: (turn: number) => ScriptedTurn) =>
  (_conversation: readonly ChatMessage[], turn: number): ScriptedTurn =>
    turn === 0 ? prying : turn === 1 ? fix : goOn(turn);

async function solved(scenario: Scenario) {
  const { github, repo, issue } = scenario;
  await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
  const [run] = await scenario.ended();
  const journal = await scenario.journal(run?.id ?? '');
  const end = journal.findLast((entry) => entry.kind === 'attempt-ended')?.attempt.end;
  return { run, journal, end, pull: [...repo.pulls.values()][0] };
}

describe('an attempt that reaches its limit', () => {
  it.each([
    ['steps', { LIMIT_STEPS: '6' }, {}],
    ['tokens', { LIMIT_TOKENS: '20000' }, {}],
    ['minutes', { LIMIT_MINUTES: '0.05' }, { thinkMs: 400 }],
  ] as const)('of %s keeps what it changed, and the tests decide what that is worth', async (limit, settings, more) => {
    await using scenario = await openScenario({
      script: afterFix((turn) => bash(`echo ${turn}`)),
      settings: { ATTEMPTS: '1', ...settings },
      ...more,
    });

    const { run, end, pull } = await solved(scenario);

    expect(end).toEqual({ kind: 'limit', limit });
    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    expect(pull?.body).toContain(`The agent did not hand this in: it reached its limit of ${limit}.`);
    await scenario.expectInvariants();
  });

  it.each<[string, (turn: number) => ScriptedTurn]>([
    ['same-result', () => bash('ls')],
    ['same-error', () => view('/workspace/none')],
    ['same-message', () => ({ text: 'I am done.' })],
    ['alternation', (turn) => bash(turn % 2 ? 'ls' : 'pwd')],
    ['mostly-failing', (turn) => bash(`cat none-${turn}`)],
  ])('by going round in circles (%s) keeps what it changed', async (rule, goOn) => {
    await using scenario = await openScenario({ script: afterFix(goOn), settings: { ATTEMPTS: '1' } });

    const { run, end, pull } = await solved(scenario);

    expect(end).toEqual({ kind: 'stuck', rule });
    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    expect(pull?.body).toContain(`it went round in circles (${rule})`);
    await scenario.expectInvariants();
  });
});

describe('a conversation that outgrows the model', () => {
  /** Much to read, then the fix; a summary where one is asked for. */
  const reading = (conversation: readonly ChatMessage[]): ScriptedTurn => {
    if (conversation.at(-1)?.content.includes('TASK_TRACKING'))
      return { text: 'COMPLETED: read much\nPENDING: change a - b' };
    const seen = conversation.map(({ content }) => content).join('\n');
    const read = [...seen.matchAll(/^chapter (\d+)$/gm)].map((match) => Number(match[1]));
    const steps = Math.max(0, ...read, Number(/summary of the first (\d+) steps/.exec(seen)?.[1] ?? 0));
    if (!seen.includes('Receive')) return prying;
    if (steps < 9) return bash(`echo chapter ${steps + 1}; seq -f 'line %g of a long story' 1 400`);
    if (!seen.includes('has been edited')) return fix;
    return finish;
  };

  it.each<[ServerKind, string]>([
    ['openai', 'which says so only when it is too late'],
    ['vllm', 'which says at start how much it takes'],
    ['llamacpp', 'which says at start how much it takes'],
  ])('is condensed and goes on, with %s, %s', async (server) => {
    await using scenario = await openScenario({
      script: reading,
      server,
      contextTokens: 16_000,
      settings: { ATTEMPTS: '1', MODEL_MAX_TOKENS: '1000' },
    });

    const { run, journal } = await solved(scenario);

    expect(journal.some((entry) => entry.kind === 'condensed')).toBe(true);
    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    await scenario.expectInvariants();
  });
});

describe('every server', () => {
  it.each<[ServerKind, string]>([
    ['llamacpp', 'native'],
    ['ollama', 'native'],
    ['mistral', 'native'],
    ['openai', 'native'],
    ['vllm', 'xml'],
  ])('gives a verified pull request: %s, %s', async (server, dialect) => {
    await using scenario = await openScenario({
      script: scripts.right,
      server,
      settings: { MODEL_DIALECT: dialect },
    });

    const { run } = await solved(scenario);

    expect(run?.outcome).toMatchObject({ kind: 'pull-request', draft: false });
    await scenario.expectInvariants();
  });
});
