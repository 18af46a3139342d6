import { setTimeout } from 'node:timers/promises';
import OpenAI, { APIError } from 'openai';

import type { Turn } from '../../core/attempt.ts';
import { OutsideError } from '../../core/errors.ts';
import type { Model } from '../../core/ports.ts';
import { readAnswer } from './answer.ts';
import { cappedFetch } from './capped-fetch.ts';
import { deadline } from './deadline.ts';
import { describeFailure, type Failure } from './failure.ts';
import { type DialectName, type Profile, type ProfileName, profiles } from './profiles.ts';
import { type WireRequest, wireRequest } from './wire.ts';

export interface OpenAiSettings {
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly model: string;
  readonly profile: ProfileName;
  /** Where the model speaks another one than its server's profile says. */
  readonly dialect?: DialectName | undefined;
  readonly temperature: number;
  readonly contextTokens: number;
  readonly maxTokens: number;
  readonly requestTimeoutMs: number;
  /** The first pause between two tries; it doubles. */
  readonly firstPauseMs?: number;
  /** How long one turn is asked for again and again before the run waits in the queue. */
  readonly patienceMs?: number;
  readonly log: { warn(facts: object, message: string): void };
}

const leastTries = 3;
const longestPauseMs = 60_000;
const patienceMs = 10 * 60_000; // THREATS M1

/** A model behind any server that speaks OpenAI's protocol. Not streamed: a stream can end early without an error. */
export function openAiModel(settings: OpenAiSettings): Model {
  const client = openClient(settings);
  const profile = profiles[settings.profile];
  return {
    name: settings.model,
    contextTokens: settings.contextTokens,
    answerTokens: settings.maxTokens,
    temperature: settings.temperature,
    async ask({ messages, tools, temperature = settings.temperature }, signal) {
      const started = performance.now();
      const request: Request = {
        wire: wireRequest(messages, tools, profile, settings.dialect),
        tools: tools.map(({ name }) => name),
        temperature,
      };
      for (let attempt = 1; ; attempt++) {
        const told = await ask(client, settings, request, signal);
        const elapsedMs = performance.now() - started;
        if ('turn' in told) return { ...told.turn, seconds: elapsedMs / 1000 };
        const pauseMs = told.waitMs ?? pauseAfter(attempt, settings.firstPauseMs ?? 500);
        const isOver = attempt >= leastTries && elapsedMs + pauseMs > (settings.patienceMs ?? patienceMs);
        if (!told.again || isOver) throw told.error;
        settings.log.warn({ attempt, pauseMs, reason: told.error.message }, 'The model did not answer; asking again');
        await setTimeout(Math.min(pauseMs, longestPauseMs), undefined, { signal });
      }
    },
  };
}

function pauseAfter(attempt: number, firstMs: number): number {
  return Math.min(firstMs * 2 ** (attempt - 1), longestPauseMs) * (0.75 + Math.random() / 2);
}

/**
 * Asks once at start that the server is there, has the model, and how long a conversation may be; says what to do when
 * not. Gives the tokens that can be counted on: the setting, or fewer.
 */
export async function checkModel(settings: OpenAiSettings, signal: AbortSignal): Promise<number> {
  const client = openClient({ ...settings, requestTimeoutMs: 60_000 });
  const { model, baseUrl, profile } = settings;
  try {
    const listed = await namesListed(client, signal);
    // Some servers list nothing, or list a file's path; only a list without ours says something.
    if (listed.length > 0 && !listed.includes(model) && !listed.includes(`${model}:latest`)) {
      throw new OutsideError(
        `The model server at ${baseUrl} has no model ${model}; MODEL_NAME can be: ${listed.slice(0, 10).join(', ')}.`,
        { retry: 'never' },
      );
    }
    const served = await profiles[profile].contextSize({ model, root: rootOf(client, settings, signal) });
    return Math.min(settings.contextTokens, served ?? settings.contextTokens);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof OutsideError) throw cause;
    throw describeFailure(cause, settings).error;
  }
}

async function namesListed(client: OpenAI, signal: AbortSignal): Promise<string[]> {
  try {
    return (await client.models.list({ signal })).data.map((model) => model.id);
  } catch (error) {
    if (error instanceof APIError && error.status === 404) return []; // no such list; the first turn will show
    throw error;
  }
}

/** The server's other pages; null for those that it does not have. */
function rootOf(client: OpenAI, { requestTimeoutMs }: OpenAiSettings, signal: AbortSignal) {
  const base = client.baseURL.replace(/\/v1\/?$/, '');
  const unlessMissing = async (answer: Promise<unknown>): Promise<unknown> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof APIError && (error.status === 404 || error.status === 405 || error.status === 501))
        return null;
      throw error;
    }
  };
  return {
    get: (path: string) => unlessMissing(client.get(`${base}${path}`, { signal })),
    post: (path: string, body: unknown) =>
      // Long: a model may have to be loaded first.
      unlessMissing(client.post(`${base}${path}`, { signal, body: body as object, timeout: requestTimeoutMs })),
  };
}

function openClient(settings: OpenAiSettings): OpenAI {
  // The library insists on a key; servers of one's own take any.
  const { baseUrl: baseURL, apiKey, requestTimeoutMs: timeout } = settings;
  return new OpenAI({ baseURL, apiKey: apiKey ?? 'none', timeout, maxRetries: 0, logLevel: 'off', fetch: cappedFetch });
}

interface Request {
  readonly wire: WireRequest;
  readonly tools: readonly string[];
  readonly temperature: number;
}

async function ask(
  client: OpenAI,
  settings: OpenAiSettings,
  { wire, tools, temperature }: Request,
  signal: AbortSignal,
): Promise<{ turn: Omit<Turn, 'seconds'> } | Failure> {
  const profile: Profile = profiles[settings.profile];
  // The library's timeout ends with the headers; a body that stalls must end too (THREATS M3).
  using over = deadline(signal, settings.requestTimeoutMs);
  try {
    const answer: unknown = await client.chat.completions.create(
      { model: settings.model, temperature, [profile.maxTokensField]: settings.maxTokens, ...wire },
      { signal: over.signal },
    );
    const promptCharacters = wire.messages.reduce((sum, { content }) => sum + String(content ?? '').length, 0);
    const model = profile.echoesModel ? settings.model : null;
    const read = readAnswer(answer, { promptCharacters, tools, model });
    if (!('incomplete' in read)) return { turn: read };
    const message = `The model server at ${settings.baseUrl} gave no whole turn: ${read.incomplete}.`;
    return { error: new OutsideError(message, { retry: 'soon' }), again: true };
  } catch (cause) {
    signal.throwIfAborted();
    return describeFailure(cause, settings);
  }
}
