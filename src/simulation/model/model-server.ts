import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import { completionOf } from './completion.ts';
import { checkRequest } from './conversation-check.ts';
import { nextTurn, type Script } from './script.ts';
import { aboutPage, cutConversation, overflowAnswer, refusal, type ServerKind, tokensOf } from './server-manners.ts';

/**
 * What goes wrong with one answer. `hang` never answers; `drop` closes the connection; `cut` stops in the middle of the
 * body; `trickle` sends a byte now and then; `flood` sends so many bytes.
 */
export type ModelFault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string; readonly message?: string }
  | { readonly kind: 'body'; readonly body: string; readonly contentType?: string }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'flood'; readonly bytes: number }
  | { readonly kind: 'hang' | 'drop' | 'cut' | 'trickle' };

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

/**
 * Starts it on a free port of the loopback interface. `apiKey`: what a request must bring, when given. `server`: whose
 * manners it has. `contextTokens`: how long a conversation may be. `thinkMs`: how long an answer takes.
 */
export async function startModel(options: {
  model: string;
  script: Script;
  apiKey?: string;
  server?: ServerKind;
  contextTokens?: number;
  thinkMs?: number;
}): Promise<ModelSimulation> {
  const { server: kind = 'vllm', contextTokens = 131_072, thinkMs = 0 } = options;
  const requests: unknown[] = [];
  const violations: string[] = [];
  const faults: ModelFault[] = [];
  let script = options.script;
  let tokens = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (options.apiKey && request.headers.authorization !== `Bearer ${options.apiKey}`)
      return send(response, 401, failure('Unauthorized'));
    const page = aboutPage(kind, `${request.method} ${request.url}`, { model: options.model, contextTokens });
    if (page) return send(response, 200, page);
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions')
      return send(response, 404, failure('Not found'));
    const body: unknown = await readJson(request);
    requests.push(body);
    const fault = faults.shift();
    if (fault && misbehave(response, fault)) return;
    const checked = checkRequest(body);
    if (checked.kind === 'refused') {
      violations.push(checked.message);
      const { status, body: refused } = refusal(kind, checked);
      return send(response, status, refused);
    }
    const asked = tokensOf(checked.request.messages);
    const tooLong = asked > contextTokens ? overflowAnswer(kind, asked, contextTokens) : null;
    if (tooLong) return send(response, tooLong.status, tooLong.body);
    const messages = cutConversation(checked.request.messages, contextTokens);
    const turn = nextTurn(script, messages);
    if (thinkMs > 0) await setTimeout(thinkMs);
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

/** True when the fault has taken the answer's place. */
function misbehave(response: ServerResponse, fault: ModelFault): boolean {
  switch (fault.kind) {
    case 'status':
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      send(response, fault.status, failure(fault.message ?? `Simulated ${fault.status}`));
      return true;
    case 'body':
      response.writeHead(200, { 'content-type': fault.contentType ?? 'application/json' }).end(fault.body);
      return true;
    case 'drop':
      response.destroy();
      return true;
    case 'redirect':
      response.writeHead(307, { location: fault.to }).end();
      return true;
    case 'flood':
      flood(response, fault.bytes);
      return true;
    case 'trickle':
      trickle(response);
      return true;
    case 'hang':
      return true;
    case 'cut':
      return false;
  }
}

function flood(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"choices":[{"finish_reason":"stop","message":{"content":"');
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const more = (left: number): void => {
    if (response.destroyed) return;
    if (left <= 0) return void response.end('"}}]}');
    response.write(chunk, () => more(left - chunk.length));
  };
  more(bytes);
}

function trickle(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
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
