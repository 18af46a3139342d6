import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';

import type { Delivery } from '../../core/delivery.ts';
import { SettingsError } from '../../core/errors.ts';
import { readBody } from './read-body.ts';
import { type Handled, openWebhooks } from './webhooks.ts';

/** What the door needs. `receive` returns when the delivery is safe on disk; `ready` throws when nothing could be stored. */
export interface DoorSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly secret: string;
  readonly receive: (delivery: Delivery) => Promise<void>;
  readonly ready: () => Promise<void>;
  readonly log: Logger;
  readonly limits?: Partial<typeof defaultLimits>;
}

/** Where GitHub knocks. Disposing it lets open requests finish first. */
export interface Door extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

const path = '/api/github/webhooks';
const lingerMs = 500;

const defaultLimits = {
  bodyBytes: 25 * 1024 * 1024, // GitHub's own cap
  allBodiesBytes: 256 * 1024 * 1024,
  answerMs: 8_000, // GitHub hangs up after 10 s
  headersMs: 5_000,
  requestMs: 10_000,
  readyMs: 3_000,
  connections: 4_096,
};

// Everything the door ever says: nothing in it comes from the request or from our own errors.
const answers = {
  200: 'ok',
  202: 'accepted',
  400: 'bad request',
  401: 'wrong or missing signature',
  404: 'not found',
  413: 'too large',
  415: 'not JSON',
  503: 'not available',
} as const;
type Status = keyof typeof answers;

const statusOf: Readonly<Record<Handled, Status>> = {
  stored: 202,
  unsigned: 401,
  malformed: 400,
  'not-json': 415,
  'not-stored': 503,
};

/** Opens our own HTTP server in front of Probot's middleware: it serves the webhook and two questions of health, no more. */
export async function openDoor(settings: DoorSettings): Promise<Door> {
  refuseWeakSecret(settings.secret);
  const limits = { ...defaultLimits, ...settings.limits };
  const { log, ready } = settings;
  const handle = await openWebhooks({ path, secret: settings.secret, receive: settings.receive, log });
  const room = { maxBytes: limits.allBodiesBytes, takenBytes: 0 };

  const takeWebhook = async (request: IncomingMessage): Promise<Status> => {
    const body = await readBody(request, limits.bodyBytes, room);
    if (body.kind === 'too-large') return 413;
    if (body.kind === 'no-room') return 503;
    if (body.kind === 'broken-off') return 400;
    return statusOf[await handle(request, body.bytes)];
  };
  const route = async (request: IncomingMessage): Promise<Status> => {
    const asked = `${request.method} ${request.url?.split('?')[0]}`;
    if (asked === 'GET /healthz') return 200;
    if (asked === 'GET /readyz')
      return await within(
        limits.readyMs,
        ready().then(
          () => 200,
          () => 503,
        ),
      );
    if (asked !== `POST ${path}`) return 404;
    const status = await within(limits.answerMs, takeWebhook(request));
    if (status !== 202)
      log.warn({ status, delivery: String(request.headers['x-github-delivery']).slice(0, 100) }, 'Delivery refused');
    return status;
  };

  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      route(request).then(
        (status) => answer(request, response, status),
        (error: unknown) => {
          log.error({ err: error }, 'Request failed');
          answer(request, response, 503);
        },
      );
    },
  );
  server.maxConnections = limits.connections;
  const port = await listen(server, settings);
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return { port, url: `http://${host}:${port}`, [Symbol.asyncDispose]: () => close(server, limits.answerMs) };
}

function refuseWeakSecret(secret: string): void {
  // 32 bytes: the key length of SHA-256. `development` is what Probot takes when it is given none.
  if (Buffer.byteLength(secret) >= 32 && secret !== 'development') return;
  throw new SettingsError('The webhook secret must have at least 32 bytes; make one with: openssl rand -hex 32');
}

/** Whatever is slower than this is not stored as far as GitHub is told; if it is after all, the redelivery finds it. */
async function within(ms: number, status: Promise<Status>): Promise<Status> {
  const settled = new AbortController();
  const late = wait<Status>(ms, 503, { signal: settled.signal }).catch(() => 503 as const);
  try {
    return await Promise.race([status, late]);
  } finally {
    settled.abort();
  }
}

function answer(request: IncomingMessage, response: ServerResponse, status: Status): void {
  if (response.destroyed || response.headersSent) return;
  const text = `${answers[status]}\n`;
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': text.length };
  if (request.complete) {
    response.writeHead(status, headers).end(text);
    return;
  }
  // What was not read to its end is not going to be. Closing at once would reset the connection under the answer, so
  // the sender gets a moment to read it, while nothing more is read from them.
  response.writeHead(status, { ...headers, connection: 'close' }).write(text);
  setTimeout(() => request.destroy(), lingerMs).unref();
}

function listen(server: Server, { host, port }: DoorSettings): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `Cannot listen on ${host}:${port} (${'code' in cause ? cause.code : cause.message}); set HOST and PORT to an address that is free.`;
      reject(new SettingsError(message, { cause }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const impatience = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(impatience);
}
