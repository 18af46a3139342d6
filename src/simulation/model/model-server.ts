import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type ChatRequest, checkRequest } from './conversation-check.ts';
import { nextTurn, type Script, type ScriptedTurn } from './script.ts';

/** What goes wrong with one answer. `hang` never answers; `drop` closes the connection; `cut` stops in the middle of the body. */
type ModelFault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly kind: 'body'; readonly body: string; readonly contentType?: string }
  | { readonly kind: 'hang' | 'drop' | 'cut' };

/** A model on this machine that follows a script. It counts what it is asked and refuses what real servers refuse. */
export interface ModelSimulation extends AsyncDisposable {
  /** The base URL, ending in /v1. */
  readonly url: string;
  /** Every request as it came in, valid or not. */
  readonly requests: readonly unknown[];
  /** What was wrong with the requests that were refused. */
  readonly violations: readonly string[];
  readonly tokens: () => number;
  /** The next answers go wrong in these ways, one each. */
  fail(...faults: readonly ModelFault[]): void;
  follow(script: Script): void;
}

/** Starts it on a free port of the loopback interface. `apiKey`: what a request must bring, when given. */
export async function startModel(options: {
  model: string;
  script: Script;
  apiKey?: string;
}): Promise<ModelSimulation> {
  const requests: unknown[] = [];
  const violations: string[] = [];
  const faults: ModelFault[] = [];
  let script = options.script;
  let tokens = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (options.apiKey && request.headers.authorization !== `Bearer ${options.apiKey}`)
      return send(response, 401, failure('Unauthorized'));
    if (request.method === 'GET' && request.url === '/v1/models') {
      return send(response, 200, {
        object: 'list',
        data: [{ id: options.model, object: 'model', created: 0, owned_by: 'simulation' }],
      });
    }
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
      return send(response, 404, failure('Not found'));
    const body: unknown = await readJson(request);
    requests.push(body);
    const fault = faults.shift();
    if (fault && misbehave(response, fault)) return;
    const checked = checkRequest(body);
    if (checked.kind === 'refused') {
      violations.push(checked.message);
      return send(response, checked.status, failure(checked.message));
    }
    const turn = nextTurn(script, checked.request.messages);
    const completion = completionOf(checked.request, turn, requests.length);
    tokens += completion.usage.total_tokens;
    if (fault?.kind === 'cut') return cut(response, JSON.stringify(completion));
    send(response, 200, completion);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => send(response, 500, failure(String(error))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    violations,
    tokens: () => tokens,
    fail: (...more) => void faults.push(...more),
    follow: (next) => {
      script = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function completionOf(request: ChatRequest, turn: ScriptedTurn, number: number) {
  const tool_calls = (turn.calls ?? []).map((call, at) => ({
    id: `c${String(number).padStart(5, '0')}${String(at).padStart(3, '0')}`,
    type: 'function',
    function: {
      name: call.name,
      arguments: typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments),
    },
  }));
  const prompt_tokens = Math.ceil(JSON.stringify(request.messages).length / 4);
  const completion_tokens = Math.ceil(JSON.stringify(turn).length / 4);
  return {
    id: `chatcmpl-${number}`,
    object: 'chat.completion',
    created: 0,
    model: request.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: turn.text ?? '', ...(tool_calls.length > 0 && { tool_calls }) },
        finish_reason: turn.finishReason ?? (tool_calls.length > 0 ? 'tool_calls' : 'stop'),
      },
    ],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

/** True when the fault has taken the answer's place. */
function misbehave(response: ServerResponse, fault: ModelFault): boolean {
  switch (fault.kind) {
    case 'status':
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
      send(response, fault.status, failure(`Simulated ${fault.status}`));
      return true;
    case 'body':
      response.writeHead(200, { 'content-type': fault.contentType ?? 'application/json' }).end(fault.body);
      return true;
    case 'drop':
      response.destroy();
      return true;
    case 'hang':
      return true;
    case 'cut':
      return false;
  }
}

function cut(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.write(body.slice(0, body.length / 2), () => response.destroy());
}

function failure(message: string) {
  return { object: 'error', message, type: 'invalid_request_error', param: null, code: null };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
