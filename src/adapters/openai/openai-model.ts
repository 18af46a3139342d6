import { setTimeout } from 'node:timers/promises';
import OpenAI, { APIConnectionError, APIError } from 'openai';

import { OutsideError } from '../../core/errors.ts';
import type { Model } from '../../core/ports.ts';
import { readAnswer } from './answer.ts';
import { type ProfileName, profiles } from './profiles.ts';
import { wireMessages, wireTools } from './wire.ts';

export interface OpenAiSettings {
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly model: string;
  readonly profile: ProfileName;
  readonly temperature: number;
  readonly contextTokens: number;
  readonly maxTokens: number;
  readonly requestTimeoutMs: number;
  /** The first pause between two tries; it doubles. */
  readonly firstPauseMs?: number;
  readonly log: { warn(facts: object, message: string): void };
}

const tries = 5;
const longestPauseMs = 60_000;
const retryable = new Set([408, 409, 425, 429]);

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
      const wire = wireMessages(messages, profile);
      const characters = JSON.stringify(wire).length;
      for (let attempt = 1; ; attempt++) {
        const failure = await ask(client, settings, { wire, tools, characters, temperature }, signal);
        if ('turn' in failure) return { ...failure.turn, seconds: (performance.now() - started) / 1000 };
        if (!failure.again || attempt === tries) throw failure.error;
        const pauseMs =
          failure.waitMs ?? (settings.firstPauseMs ?? 500) * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
        settings.log.warn(
          { attempt, pauseMs, reason: failure.error.message },
          'The model did not answer; asking again',
        );
        await setTimeout(Math.min(pauseMs, longestPauseMs), undefined, { signal });
      }
    },
  };
}

/** Asks once at start that the server is there and has the model; says what to do when not. */
export async function checkModel(settings: OpenAiSettings, signal: AbortSignal): Promise<void> {
  const client = openClient({ ...settings, requestTimeoutMs: 10_000 });
  try {
    const listed = (await client.models.list({ signal })).data.map((model) => model.id);
    // Some servers list nothing, or list a file's path; only a list without ours says something.
    if (listed.length === 0 || listed.includes(settings.model)) return;
    throw new OutsideError(
      `The model server at ${settings.baseUrl} has no model ${settings.model}; MODEL_NAME can be: ${listed.slice(0, 10).join(', ')}.`,
      { retry: 'never' },
    );
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof OutsideError) throw cause;
    if (cause instanceof APIError && cause.status === 404) return; // no such list; the first turn will show
    throw described(cause, settings).error;
  }
}

function openClient(settings: OpenAiSettings): OpenAI {
  // The library insists on a key; servers of one's own take any.
  const { baseUrl: baseURL, apiKey, requestTimeoutMs: timeout } = settings;
  return new OpenAI({ baseURL, apiKey: apiKey ?? 'none', timeout, maxRetries: 0, logLevel: 'off' });
}

interface Question {
  readonly wire: ReturnType<typeof wireMessages>;
  readonly tools: Parameters<typeof wireTools>[0];
  readonly characters: number;
  readonly temperature: number;
}

type Failure = { error: OutsideError; again: boolean; waitMs?: number | undefined };
type Told = { turn: Exclude<ReturnType<typeof readAnswer>, { incomplete: string }> } | Failure;

async function ask(
  client: OpenAI,
  settings: OpenAiSettings,
  { wire, tools, characters, temperature }: Question,
  signal: AbortSignal,
): Promise<Told> {
  const profile = profiles[settings.profile];
  // The library's timeout ends with the headers; a body that stalls must end too (THREATS M3).
  const over = AbortSignal.any([signal, AbortSignal.timeout(settings.requestTimeoutMs)]);
  try {
    const answer: unknown = await client.chat.completions.create(
      {
        model: settings.model,
        messages: wire,
        temperature,
        [profile.maxTokensField]: settings.maxTokens,
        ...wireTools(tools),
        ...(profile.parallelToolCalls && tools.length > 0 && { parallel_tool_calls: false }),
      },
      { signal: over },
    );
    const read = readAnswer(answer, characters);
    if (!('incomplete' in read)) return { turn: read };
    return {
      error: new OutsideError(`The model server at ${settings.baseUrl} gave no whole turn: ${read.incomplete}.`, {
        retry: 'soon',
      }),
      again: true,
    };
  } catch (cause) {
    signal.throwIfAborted();
    return described(cause, settings);
  }
}

/** What an error of the client means: asked again, asked later by another run, or not at all. */
function described(cause: unknown, { baseUrl, model }: OpenAiSettings): Failure {
  const status = cause instanceof APIError ? cause.status : undefined;
  const said = cause instanceof Error ? cause.message.slice(0, 500) : String(cause);
  if (status === undefined) {
    const what = cause instanceof APIConnectionError ? 'does not answer' : 'gave an answer that cannot be read';
    return {
      error: new OutsideError(
        `The model server at ${baseUrl} ${what}. Start it, or set MODEL_BASE_URL to where it runs.`,
        { retry: 'soon', cause },
      ),
      again: true,
    };
  }
  if (status === 401 || status === 403) {
    return {
      error: new OutsideError(`The model server at ${baseUrl} refused the key; set MODEL_API_KEY.`, {
        retry: 'later',
        cause,
      }),
      again: false,
    };
  }
  if (status === 404) {
    return {
      error: new OutsideError(
        `The model server at ${baseUrl} does not know ${model}; set MODEL_NAME and see that MODEL_BASE_URL ends in /v1.`,
        { retry: 'never', cause },
      ),
      again: false,
    };
  }
  const again = retryable.has(status) || status >= 500;
  const waitMs = cause instanceof APIError ? retryAfterMs(cause.headers?.get('retry-after')) : undefined;
  return {
    error: new OutsideError(`The model server at ${baseUrl} answered ${status}: ${said}`, {
      retry: again ? 'soon' : 'never',
      cause,
    }),
    again,
    waitMs,
  };
}

function retryAfterMs(header: string | null | undefined): number | undefined {
  const seconds = Number(header);
  return header && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
