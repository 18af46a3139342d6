import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openAiModel } from '../../../src/adapters/openai/openai-model.ts';
import type { Turn } from '../../../src/core/attempt.ts';
import { OutsideError } from '../../../src/core/errors.ts';
import { type ModelFault, type ModelSimulation, startModel } from '../../../src/simulation/model/model-server.ts';
import { modelSettingsFor } from '../../support/model-settings.ts';

const whole = '{"command":"ls"}';
const call = (given: unknown, id = 'a') => ({
  id,
  type: 'function',
  function: { name: 'execute_bash', arguments: given },
});
const body = (value: unknown): ModelFault => ({
  kind: 'body',
  body: typeof value === 'string' ? value : JSON.stringify(value),
});
const answer = (finish_reason: unknown, message: unknown, more: object = {}) =>
  body({ choices: [{ finish_reason, message }], ...more });
const calling = (given: unknown) => ({ role: 'assistant', content: '', tool_calls: [call(given)] });

// THREATS §4, M1–M9: what servers do instead of giving a whole turn. Each is asked again until there is one.
const askedAgain: readonly (readonly [string, ModelFault])[] = [
  ['M1: 429 with Retry-After', { kind: 'status', status: 429, retryAfter: '0' }],
  ['M1: 429 with a date', { kind: 'status', status: 429, retryAfter: 'Thu, 01 Jan 1970 00:00:00 GMT' }],
  ['M1: 429 without', { kind: 'status', status: 429 }],
  ['M1: 500', { kind: 'status', status: 500 }],
  ['M1: 502', { kind: 'status', status: 502 }],
  ['M1: 503', { kind: 'status', status: 503 }],
  ['M1: 504', { kind: 'status', status: 504 }],
  ['M1: 529', { kind: 'status', status: 529 }],
  ['M2: a closed connection', { kind: 'drop' }],
  ['M3: silence', { kind: 'hang' }],
  ['M3: a byte now and then', { kind: 'trickle' }],
  ['M4: half an answer', { kind: 'cut' }],
  [
    'M4: half an answer that ends properly',
    body('{"choices":[{"finish_reason":"tool_calls","message":{"content":"","tool_calls":[{"id":"a","fun'),
  ],
  ['M4: no finish_reason, though the call looks whole', answer(undefined, calling(whole))],
  ['M4: finish_reason null, though the call looks whole', answer(null, calling(whole))],
  ['M4: finish_reason error, though the call looks whole', answer('error', calling(whole))],
  ['M4: finish_reason of another kind', answer('content_filter', calling(whole))],
  ['M4: an empty message', answer('stop', { content: '' })],
  ['M4: nothing at all in the message', answer('stop', { content: null, tool_calls: null })],
  ['M4: no message', body({ choices: [{ finish_reason: 'stop' }] })],
  ['M7: a page of HTML', { kind: 'body', body: '<html>Bad gateway</html>', contentType: 'text/html' }],
  ['M7: nothing', body('')],
  ['M7: an error object with status 200', body({ error: { message: 'overloaded' } })],
  ['M7: no choices', body({ choices: [] })],
  ['M7: JSON that is no answer', body([1, 2])],
  ['M7: null', body('null')],
  ['M7: another model', answer('tool_calls', calling(whole), { model: 'gpt-2' })],
  ['M7: an answer without end', { kind: 'flood', bytes: 40 * 1024 ** 2 }],
  ['M2: a redirect', { kind: 'redirect', to: 'http://127.0.0.1:1/v1/chat/completions' }],
];

// What is an answer, but no call that may be run.
const answered: readonly (readonly [string, ModelFault])[] = [
  ['M4: arguments cut in the middle', answer('tool_calls', calling('{"command":"rm -rf '))],
  ['M4: arguments cut where they look whole', answer('length', calling('{"command":"rm -rf ."}'))],
  [
    'M4: a file that would be emptied by a cut',
    answer('length', calling('{"command":"create","path":"/workspace/a","file_text":""}')),
  ],
  ['M5: arguments that are no JSON', answer('tool_calls', calling('command: ls'))],
  ['M5: NaN', answer('tool_calls', calling('{"command":"ls","timeout":NaN}'))],
  ['M5: two objects', answer('tool_calls', calling('{"command":"ls"}{"command":"rm"}'))],
  ['M5: a list', answer('tool_calls', calling('["ls"]'))],
  [
    'M5: ten megabytes of arguments',
    answer('tool_calls', calling(JSON.stringify({ command: 'x'.repeat(10 * 1024 ** 2) }))),
  ],
  [
    'M5: a hundred thousand brackets',
    answer('tool_calls', calling(`{"command":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)),
  ],
  [
    'M6: a text cut by its length',
    answer('length', { content: '<function=execute_bash>\n<parameter=command>rm -rf .</parameter>\n</function>' }),
  ],
  ['M6: model_length', answer('model_length', calling(whole))],
];

describe('a model whose server misbehaves', () => {
  let server: ModelSimulation;
  beforeEach(async () => {
    server = await startModel({
      model: 'devstral',
      script: [{ calls: [{ name: 'execute_bash', arguments: { command: 'ls' } }] }],
    });
  });
  afterEach(() => server[Symbol.asyncDispose]());
  const ask = (changes: { patienceMs?: number; baseUrl?: string } = {}): Promise<Turn> =>
    openAiModel(modelSettingsFor(server.url, changes)).ask(
      {
        messages: [{ role: 'user', text: 'Work.' }],
        tools: [{ name: 'execute_bash', description: 'Runs.', parameters: { type: 'object', properties: {} } }],
      },
      AbortSignal.timeout(20_000),
    );

  it.each(askedAgain)('%s: is asked again, and only the whole answer counts', async (_name, fault) => {
    server.fail(fault, fault);

    const turn = await ask();

    expect(turn.toolCalls.map((each) => [each.arguments, each.problem])).toEqual([[whole, undefined]]);
    expect(server.requests).toHaveLength(3);
  });

  it.each(answered)('%s: gives no call that may be run', async (_name, fault) => {
    server.fail(fault);

    const turn = await ask();

    expect(turn.toolCalls.filter(({ problem }) => problem === undefined)).toEqual([]);
    expect(turn.toolCalls.every((each) => each.arguments === '{}')).toBe(true);
  });

  it.each([
    ['M7: usage that is negative', { prompt_tokens: -5, completion_tokens: -1 }],
    ['M7: usage that is no number', { prompt_tokens: 'NaN', completion_tokens: null }],
    ['M7: no usage', null],
    ['M7: usage of another shape', 'much'],
  ])('%s: the spend is estimated', async (_name, usage) => {
    server.fail(answer('tool_calls', calling(whole), { usage }));

    const turn = await ask();

    expect(turn.usage.promptTokens).toBeGreaterThan(0);
    expect(turn.usage.completionTokens).toBeGreaterThan(0);
  });

  it('M2: nobody there at all: another time', async () => {
    const asked = ask({ baseUrl: 'http://127.0.0.1:9/v1', patienceMs: 0 });

    await expect(asked).rejects.toBeInstanceOf(OutsideError);
    await expect(ask({ baseUrl: 'http://nobody.invalid/v1', patienceMs: 0 })).rejects.toMatchObject({
      retry: 'soon',
      message: expect.stringContaining('set MODEL_BASE_URL'),
    });
  });
});
