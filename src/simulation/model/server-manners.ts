import type { ChatRequest, Checked } from './conversation-check.ts';

/** What kind of server is played. */
export type ServerKind = 'vllm' | 'llamacpp' | 'ollama' | 'mistral' | 'openai';

/** A status and a body. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What each server says to a request that breaks its rules (DEVSTRAL §4.1, §4.2). */
export function refusal(server: ServerKind, { rule, code, message }: Extract<Checked, { kind: 'refused' }>): Answer {
  switch (server) {
    case 'mistral':
      return rule === 'schema'
        ? { status: 422, body: mistralError({ detail: [{ type: 'extra_forbidden', msg: message }] }, code) }
        : { status: 400, body: mistralError(message, code) };
    case 'llamacpp':
      // The chat template refuses it, inside of the server.
      return {
        status: 500,
        body: { error: { code: 500, message: `Jinja Exception: ${message}`, type: 'server_error' } },
      };
    case 'vllm':
    case 'ollama':
    case 'openai':
      return { status: 400, body: { error: { message, type: 'BadRequestError', param: null, code: 400 } } };
  }
}

/** What each server says to a conversation that is too long; null where it says nothing and cuts it. */
export function overflowAnswer(server: ServerKind, tokens: number, context: number): Answer | null {
  switch (server) {
    case 'vllm': {
      const message = `This model's maximum context length is ${context} tokens. However, your request has ${tokens} input tokens.`;
      return { status: 400, body: { error: { message, type: 'BadRequestError', param: null, code: 400 } } };
    }
    case 'llamacpp': {
      const message = `request (${tokens} tokens) exceeds the available context size (${context} tokens), try increasing it`;
      return { status: 400, body: { error: { code: 400, message, type: 'exceed_context_size_error' } } };
    }
    case 'mistral': {
      const message = `Prompt contains ${tokens} tokens, too large for model with ${context} maximum context length`;
      return { status: 400, body: mistralError(message, 3051) };
    }
    case 'openai': {
      const message = `Your input exceeds the limit of ${context} tokens.`;
      return {
        status: 400,
        body: { error: { message, type: 'invalid_request_error', code: 'context_length_exceeded' } },
      };
    }
    case 'ollama':
      return null;
  }
}

/** How much a conversation has, at four characters a token. */
export function tokensOf(messages: ChatRequest['messages']): number {
  return Math.ceil(JSON.stringify(messages).length / 4);
}

/** What Ollama answers from when a conversation is too long: the oldest messages behind the system's are gone. */
export function cutConversation(messages: ChatRequest['messages'], context: number): ChatRequest['messages'] {
  const [first, ...rest] = messages;
  let kept = rest;
  while (first && kept.length > 1 && tokensOf([first, ...kept]) > context) kept = kept.slice(1);
  return first ? [first, ...kept] : messages;
}

/** A server's own pages beside the chat: what it has, and how much context (the part that each one tells). */
export function aboutPage(
  server: ServerKind,
  request: string,
  { model, contextTokens }: { readonly model: string; readonly contextTokens: number },
): unknown {
  const context = { vllm: { max_model_len: contextTokens }, mistral: { max_context_length: contextTokens } };
  const extra = server === 'vllm' || server === 'mistral' ? context[server] : {};
  const id = server === 'ollama' && !model.includes(':') ? `${model}:latest` : model;
  const pages: Readonly<Record<string, unknown>> = {
    'GET /v1/models': { object: 'list', data: [{ id, object: 'model', created: 0, owned_by: 'simulation', ...extra }] },
    ...(server === 'llamacpp' && { 'GET /props': { default_generation_settings: { n_ctx: contextTokens } } }),
    ...(server === 'ollama' && {
      'POST /api/generate': { model, response: '', done: true, done_reason: 'load' },
      'GET /api/ps': { models: [{ name: id, model: id, context_length: contextTokens }] },
      'POST /api/show': { parameters: 'temperature 0.15' },
    }),
  };
  return pages[request] ?? null;
}

function mistralError(message: unknown, code: number | null) {
  return {
    object: 'error',
    message,
    type: 'invalid_request_error',
    param: null,
    code: code === null ? null : String(code),
  };
}
