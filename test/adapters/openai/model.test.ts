import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkModel, type OpenAiSettings, openAiModel } from '../../../src/adapters/openai/openai-model.ts';
import { type ProfileName, profiles } from '../../../src/adapters/openai/profiles.ts';
import type { Message } from '../../../src/core/conversation.ts';
import { ContextOverflow } from '../../../src/core/errors.ts';
import { type ModelSimulation, startModel } from '../../../src/simulation/model/model-server.ts';
import { modelSettingsFor } from '../../support/model-settings.ts';

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
  const settings = (changes: Partial<OpenAiSettings> = {}) => modelSettingsFor(server.url, changes);
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

  it('gives up when its patience is at an end, after three tries at least, for another time', async () => {
    server.fail(...Array.from({ length: 3 }, () => ({ kind: 'status', status: 500 }) as const));

    await expect(ask({ patienceMs: 0 })).rejects.toMatchObject({ retry: 'soon' });

    expect(server.requests).toHaveLength(3);
  });

  it('says how long the server wants to be left alone, when that is longer than its patience', async () => {
    server.fail(...Array.from({ length: 3 }, () => ({ kind: 'status', status: 429, retryAfter: '0' }) as const));
    server.fail({ kind: 'status', status: 429, retryAfter: '3600' });

    await expect(ask({ patienceMs: 10_000 })).rejects.toMatchObject({ retry: 'soon', waitMs: 3_600_000 });
  });

  it.each([
    ['vllm', "This model's maximum context length is 32768 tokens.", 400],
    ['llamacpp', 'request (9 tokens) exceeds the available context size (8 tokens)', 400],
    ['mistral', 'Prompt contains 9 tokens, too large for model with 8 maximum context length', 400],
    ['others', 'Prompt is too long', 422],
    ['others', 'context too long', 400],
    ['others', 'input too large', 413],
    ['others', "couldn't fit with truncation", 400],
    ['others', 'code: model_context_exceeded', 500],
    ['others', 'prompt_too_long', 400],
    ['openai', 'context_length_exceeded', 400],
  ])('knows that a conversation is too long from %s: %s', async (_server, message, status) => {
    server.fail({ kind: 'status', status, message });

    await expect(ask()).rejects.toThrow(ContextOverflow);

    expect(server.requests).toHaveLength(1);
  });

  it('parks the work when the key is refused or the quota is used up', async () => {
    for (const status of [401, 402, 403]) {
      server.fail({ kind: 'status', status });
      await expect(ask()).rejects.toMatchObject({ retry: 'later' });
    }
  });

  it('does not take its key to another place', async () => {
    await using other = await startModel({ model: 'devstral', script: [{ text: 'x' }] });
    server.fail(
      ...Array.from({ length: 3 }, () => ({ kind: 'redirect', to: `${other.url}/chat/completions` }) as const),
    );

    await expect(ask({ patienceMs: 0, apiKey: 'secret' })).rejects.toMatchObject({ retry: 'soon' });

    expect(other.requests).toEqual([]);
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
    expect(await checkModel(settings(), signal())).toBe(100_000);
    await expect(checkModel(settings({ model: 'other' }), signal())).rejects.toThrow('MODEL_NAME can be: devstral');
  });
});

describe('how long a conversation may be', () => {
  const check = async (profile: ProfileName, contextTokens: number, asked = 100_000) => {
    await using server = await startModel({
      model: 'devstral',
      script: [{ text: 'x' }],
      server: profile,
      contextTokens,
    });
    return await checkModel(
      modelSettingsFor(server.url, { profile, contextTokens: asked, requestTimeoutMs: 5_000 }),
      signal(),
    );
  };

  it.each(['vllm', 'llamacpp', 'ollama', 'mistral'] as const)(
    'is what %s says, or less where that is set',
    async (profile) => {
      expect(await check(profile, 40_000)).toBe(40_000);
      expect(await check(profile, 200_000)).toBe(100_000);
    },
  );

  it('is what is set where the server does not say', async () => {
    expect(await check('openai', 1)).toBe(100_000);
  });

  it('is never little with Ollama, which would cut it silently', async () => {
    await expect(check('ollama', 4096)).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringMatching(
        /with 4096 tokens of context[\s\S]*OLLAMA_CONTEXT_LENGTH=65536[\s\S]*PARAMETER num_ctx 65536/,
      ),
    });
  });
});

describe('a model that speaks XML', () => {
  it('is told of its tools in words, and calls them in its own', async () => {
    await using server = await startModel({
      model: 'devstral',
      script: [
        { text: 'I look.', calls: [{ name: 'execute_bash', arguments: { command: 'ls -l\nls', timeout: 3 } }] },
        { text: 'Done.' },
      ],
    });
    const model = openAiModel(modelSettingsFor(server.url, { dialect: 'xml', requestTimeoutMs: 5_000 }));

    const turn = await model.ask({ messages: question, tools }, signal());
    const results: Message[] = turn.toolCalls.map(({ id, name }) => ({
      role: 'tool',
      callId: id,
      tool: name,
      text: 'a.txt',
    }));
    const last = await model.ask(
      { messages: [...question, { role: 'assistant', ...turn }, ...results], tools },
      signal(),
    );

    expect(turn).toMatchObject({
      text: 'I look.',
      finish: 'tool_calls',
      recovered: 'xml',
      toolCalls: [{ name: 'execute_bash', arguments: '{"command":"ls -l\\nls","timeout":"3"}' }],
    });
    expect(last).toMatchObject({ text: 'Done.', finish: 'stop', toolCalls: [] });
    expect(server.requests[1]).toMatchObject({
      stop: ['</function'],
      messages: [
        {
          role: 'system',
          content: expect.stringMatching(
            /^You work\.\n\nYou have access to the following functions:[\s\S]*BEGIN FUNCTION #1: execute_bash[\s\S]*\(1\) command \(string, optional\)/,
          ),
        },
        { role: 'user' },
        {
          role: 'assistant',
          content:
            'I look.\n\n<function=execute_bash>\n<parameter=command>\nls -l\nls\n</parameter>\n<parameter=timeout>3</parameter>\n</function>',
        },
        { role: 'user', content: 'EXECUTION RESULT of [execute_bash]:\na.txt' },
      ],
    });
    expect(server.requests[1]).not.toHaveProperty('tools');
    expect(server.violations).toEqual([]);
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
    await using server = await startModel({ model: 'devstral', script: [{ text: 'x' }], server: 'mistral' });

    const answer = await fetch(`${server.url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'devstral', messages }),
    });

    expect(answer.status).toBe(status);
    expect(server.violations).toHaveLength(1);
  });
});
