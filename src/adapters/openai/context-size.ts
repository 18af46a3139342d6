import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';

/** A server that is asked about itself. `get` and `post` answer with JSON, or null where there is no such page. */
interface Server {
  readonly model: string;
  /** Beside the OpenAI pages, whose path begins with /v1. */
  readonly root: { get(path: string): Promise<unknown>; post(path: string, body: unknown): Promise<unknown> };
}

/** How many tokens a conversation may have, as far as the server says; null where it does not. */
export type ContextProbe = (server: Server) => Promise<number | null>;

const tokens = z.number().int().positive();

/** vLLM lists it with the model. */
export const vllmContext: ContextProbe = (server) => listed(server, 'max_model_len');

/** Mistral's own API lists it with the model, too. */
export const mistralContext: ContextProbe = (server) => listed(server, 'max_context_length');

/** Nothing to ask: the setting counts. */
export const unknownContext: ContextProbe = async () => null;

async function listed({ model, root }: Server, field: string): Promise<number | null> {
  const Listed = z.object({ data: z.array(z.looseObject({ id: z.string(), [field]: tokens.nullish() })) });
  const list = Listed.safeParse(await root.get('/v1/models'));
  const found = list.data?.data.find(({ id }) => id === model)?.[field];
  return typeof found === 'number' ? found : null;
}

const Props = z.object({ default_generation_settings: z.object({ n_ctx: tokens }) });

/** llama.cpp's server says what one slot of it has. */
export const llamacppContext: ContextProbe = async ({ root }) =>
  Props.safeParse(await root.get('/props')).data?.default_generation_settings.n_ctx ?? null;

const Running = z.object({
  models: z.array(z.object({ name: z.string(), model: z.string().optional(), context_length: tokens.optional() })),
});
const Shown = z.object({ parameters: z.string().optional() });
const leastTokens = 32_768; // DEVSTRAL §4.4: with less, tasks are forgotten half-way

/** Ollama cuts what is too long without a word, and serves little by default (DEVSTRAL §4.3): it has to say what it serves. */
export const ollamaContext: ContextProbe = async ({ model, root }) => {
  // No prompt: the model is loaded, and only then listed with its context.
  await root.post('/api/generate', { model });
  const running = Running.safeParse(await root.get('/api/ps'));
  const isOurs = (name: string | undefined) => name === model || name === `${model}:latest`;
  const found = running.data?.models.find((each) => isOurs(each.name) || isOurs(each.model))?.context_length;
  const served = found ?? (await parameterOf(model, root));
  const change =
    'Start the Ollama server with OLLAMA_CONTEXT_LENGTH=65536, or make a model from a Modelfile with the line `PARAMETER num_ctx 65536`, and start this again.';
  if (served === null) {
    throw new OutsideError(
      `Ollama does not say how much context ${model} has, and would cut conversations silently. Update it to 0.13.3 or newer. ${change}`,
      { retry: 'never' },
    );
  }
  if (served < leastTokens) {
    throw new OutsideError(
      `Ollama serves ${model} with ${served} tokens of context and would cut conversations silently; at least ${leastTokens} are needed. ${change}`,
      { retry: 'never' },
    );
  }
  return served;
};

async function parameterOf(model: string, root: Server['root']): Promise<number | null> {
  const shown = Shown.safeParse(await root.post('/api/show', { model }));
  const found = /^\s*num_ctx\s+(\d+)/m.exec(shown.data?.parameters ?? '')?.[1];
  return found ? Number(found) : null;
}
