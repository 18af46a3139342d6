import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkModel, type OpenAiSettings, openAiModel } from '../../../src/adapters/openai/openai-model.ts';
import { type ProfileName, profiles } from '../../../src/adapters/openai/profiles.ts';
import type { Message } from '../../../src/core/conversation.ts';
import { type ModelSimulation, startModel } from '../../../src/simulation/model/model-server.ts';

const signal = () => AbortSignal.timeout(20_000);
const tools = [
  {
    name: 'execute_bash',
    description: 'Runs a command.',
    parameters: { type: 'object', properties: { command: { type: 'string' } } },
  },
];
const question: Message[] = [
  { role: 'system', text: 'You work.' },
  { role: 'user', text: 'Work.' },
];

describe('a model behind an OpenAI-compatible server', () => {
  let server: ModelSimulation;
  beforeEach(async () => {
    server = await startModel({
      model: 'devstral',
      script: [{ text: 'I look.', calls: [{ name: 'execute_bash', arguments: { command: 'ls' } }] }],
    });
  });
  afterEach(() => server[Symbol.asyncDispose]());
  const settings = (changes: Partial<OpenAiSettings> = {}): OpenAiSettings => ({
    baseUrl: server.url,
    apiKey: null,
    model: 'devstral',
    profile: 'vllm',
    temperature: 0.15,
    contextTokens: 100_000,
    maxTokens: 1000,
    requestTimeoutMs: 400,
    firstPauseMs: 1,
    log: { warn: () => {} },
    ...changes,
  });
  const ask = (changes: Partial<OpenAiSettings> = {}, messages = question) =>
    openAiModel(settings(changes)).ask({ messages, tools }, signal());

  it('gives a whole turn with its calls and what it cost', async () => {
    const turn = await ask();

    expect(turn).toMatchObject({
      text: 'I look.',
      finish: 'tool_calls',
      toolCalls: [{ name: 'execute_bash', arguments: '{"command":"ls"}' }],
    });
    expect(turn.usage.promptTokens).toBeGreaterThan(0);
    expect(server.requests[0]).toMatchObject({ temperature: 0.15, max_tokens: 1000, tool_choice: 'auto' });
  });

  // THREATS M1, M3, M4, M7: what servers do instead of answering.
  it.each([
    ['429 with Retry-After', { kind: 'status', status: 429, retryAfterSeconds: 0 }],
    ['500', { kind: 'status', status: 500 }],
    ['503', { kind: 'status', status: 503 }],
    ['a page of HTML', { kind: 'body', body: '<html>Bad gateway</html>', contentType: 'text/html' }],
    ['nothing', { kind: 'body', body: '' }],
    ['an error object with status 200', { kind: 'body', body: '{"error":{"message":"overloaded"}}' }],
    ['no choices', { kind: 'body', body: '{"choices":[]}' }],
    ['an empty message', { kind: 'body', body: '{"choices":[{"finish_reason":"stop","message":{"content":""}}]}' }],
    [
      'no finish_reason, though the call looks whole',
      {
        kind: 'body',
        body: '{"choices":[{"message":{"content":"","tool_calls":[{"id":"a","function":{"name":"execute_bash","arguments":"{\\"command\\":\\"rm -rf .\\"}"}}]}}]}',
      },
    ],
    ['half an answer', { kind: 'cut' }],
    ['a closed connection', { kind: 'drop' }],
    ['silence', { kind: 'hang' }],
  ] as const)('is asked again after %s, and only the whole answer counts', async (_name, fault) => {
    server.fail(fault, fault);

    const turn = await ask();

    expect(turn.toolCalls.map((call) => call.arguments)).toEqual(['{"command":"ls"}']);
    expect(server.requests).toHaveLength(3);
  });

  it('gives no call of a turn that was cut by its length', async () => {
    server.fail({
      kind: 'body',
      body: '{"choices":[{"finish_reason":"length","message":{"content":"I was about","tool_calls":[{"id":"a","function":{"name":"execute_bash","arguments":"{\\"command\\":\\"rm -rf "}}]}}],"usage":{"prompt_tokens":-1,"completion_tokens":4}}',
    });

    const turn = await ask();

    expect(turn).toMatchObject({
      text: 'I was about',
      toolCalls: [],
      finish: 'length',
      usage: { completionTokens: 4 },
    });
    expect(turn.usage.promptTokens).toBeGreaterThan(0);
  });

  it('gives up at once on what will not go away, and says what to do', async () => {
    server.fail({ kind: 'status', status: 400 });
    await expect(ask()).rejects.toMatchObject({ retry: 'never' });
    server.fail({ kind: 'status', status: 401 });
    await expect(ask()).rejects.toMatchObject({
      retry: 'later',
      message: expect.stringContaining('set MODEL_API_KEY'),
    });
    server.fail({ kind: 'status', status: 404 });
    await expect(ask()).rejects.toMatchObject({ retry: 'never', message: expect.stringContaining('set MODEL_NAME') });

    expect(server.requests).toHaveLength(3);
  });

  it('gives up after five tries, for another time', async () => {
    server.fail(...Array.from({ length: 5 }, () => ({ kind: 'status', status: 500 }) as const));

    await expect(ask()).rejects.toMatchObject({ retry: 'soon' });

    expect(server.requests).toHaveLength(5);
  });

  it('makes ids of its own where a server gives none or the same twice', async () => {
    const call = '{"id":"","function":{"name":"execute_bash","arguments":{"command":"ls"}}}';
    server.fail({
      kind: 'body',
      body: `{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[${call},${call}]}}]}`,
    });

    const { toolCalls } = await ask();

    expect(new Set(toolCalls.map((each) => each.id)).size).toBe(2);
    expect(toolCalls.map((each) => each.arguments)).toEqual(['{"command":"ls"}', '{"command":"ls"}']);
  });

  it.each(Object.keys(profiles) as ProfileName[])('sends what every server takes, with profile %s', async (profile) => {
    const messages: Message[] = [
      ...question,
      {
        role: 'assistant',
        text: '',
        toolCalls: [{ id: 'call_with_a_long_id', name: 'execute_bash', arguments: '{"command": broken' }],
      },
      { role: 'tool', callId: 'call_with_a_long_id', tool: 'execute_bash', text: '' },
    ];
    server.follow(() => ({ text: 'Done.' }));

    await ask({ profile }, messages);

    expect(server.violations).toEqual([]);
    const sent = server.requests[0] as {
      messages: {
        tool_calls?: { id: string; function: { arguments: string } }[];
        tool_call_id?: string;
        content: string;
        name?: string;
      }[];
    };
    expect(sent.messages[2]?.tool_calls?.[0]?.id).toBe(sent.messages[3]?.tool_call_id);
    expect(sent.messages[2]?.tool_calls?.[0]?.function.arguments).toBe('{}');
    expect(sent.messages[3]).toMatchObject({
      content: '(no output)',
      ...(profile === 'mistral' && { name: 'execute_bash' }),
    });
  });

  it('stops asking when it is told to', async () => {
    server.fail({ kind: 'hang' });

    const asked = openAiModel(settings({ requestTimeoutMs: 30_000 })).ask(
      { messages: question, tools },
      AbortSignal.timeout(100),
    );

    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('is checked once at start', async () => {
    await checkModel(settings(), signal());
    await expect(checkModel(settings({ model: 'other' }), signal())).rejects.toThrow('MODEL_NAME can be: devstral');
  });
});

describe('the simulated model', () => {
  it.each([
    [
      'a result without its call',
      400,
      [
        { role: 'user', content: 'x' },
        { role: 'tool', tool_call_id: 'abcdefghi', content: 'y' },
      ],
    ],
    [
      'a call without its result',
      400,
      [
        { role: 'user', content: 'x' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'abcdefghi', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'user', content: 'y' },
      ],
    ],
    [
      'an id of another form',
      422,
      [
        { role: 'user', content: 'x' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
      ],
    ],
    ['content that is null', 422, [{ role: 'user', content: null }]],
    ['a field that nobody knows', 422, [{ role: 'user', content: 'x', mood: 'good' }]],
    [
      'the assistant at the end',
      400,
      [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: 'y' },
      ],
    ],
  ])('refuses %s as real servers do', async (_name, status, messages) => {
    await using server = await startModel({ model: 'devstral', script: [{ text: 'x' }] });

    const answer = await fetch(`${server.url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'devstral', messages }),
    });

    expect(answer.status).toBe(status);
    expect(server.violations).toHaveLength(1);
  });
});
