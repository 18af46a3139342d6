import { isUtf8 } from 'node:buffer';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { Probot } from 'probot';

import { Delivery } from '../../core/delivery.ts';
import { eventAgrees } from './event-shape.ts';

/** What became of a webhook whose body has been read. Only `stored` may be answered with a 2xx. */
export type Handled = 'stored' | 'unsigned' | 'malformed' | 'not-json' | 'not-stored';

/**
 * Probot's middleware, turned round: it checks the signature and parses, and what it would have answered is only
 * looked at, never sent. For it says 202 to what is not stored yet, and tells strangers the text of our errors.
 */
export async function openWebhooks(settings: {
  path: string;
  secret: string;
  receive: (delivery: Delivery) => Promise<void>;
  log: Logger;
}): Promise<(request: IncomingMessage, body: Buffer) => Promise<Handled>> {
  const { path, secret, receive, log } = settings;
  const probot = new Probot({
    secret,
    webhookPath: path,
    // Probot insists on credentials for an API client, which nothing here ever calls. So it gets none that work.
    githubToken: 'unused',
    // It logs whole bodies, signed or not.
    log: log.child({}, { level: 'silent' }),
  });
  probot.onAny(async ({ id, name: event, payload }) => {
    if (Array.isArray(payload) || !eventAgrees(event, payload)) throw refusal('malformed');
    try {
      await receive(Delivery.parse({ id, event, payload }));
    } catch (error) {
      log.error({ err: error, delivery: id, event }, 'Delivery not stored');
      throw refusal('not-stored');
    }
  });
  const middleware = await probot.getNodeMiddleware({ path });

  return async (request, body) => {
    if (!isSigned(request) || !isPlainUtf8(body)) return 'unsigned';
    if (!isNamed(request)) return 'malformed';
    const text = body.toString();
    const answer = new ServerResponse(request);
    try {
      await middleware(Object.assign(request, { body: text }), answer);
    } catch {
      // It stumbles over a signed payload that is a number or a text, once past the signature.
      return 'malformed';
    }
    if (answer.statusCode === statusOf.malformed) {
      // Probot says 400 to a wrong signature and to broken JSON alike.
      const signature = String(request.headers['x-hub-signature-256']);
      return (await probot.webhooks.verify(text, signature)) ? 'malformed' : 'unsigned';
    }
    // What it says itself, our handler unasked, to a signed payload that is none: `null`, `0`.
    if (answer.statusCode === 500) return 'malformed';
    if (answer.statusCode === 415) return 'not-json';
    return answer.statusCode === 200 ? 'stored' : 'not-stored';
  };
}

const statusOf = { malformed: 400, 'not-stored': 503 };

/** Tells the middleware by its `status` what it would answer. */
function refusal(kind: keyof typeof statusOf): Error {
  return Object.assign(new Error(kind), { status: statusOf[kind] });
}

/** SHA-256 and nothing older. */
function isSigned({ headers }: IncomingMessage): boolean {
  return /^sha256=[0-9a-f]{64}$/.test(String(headers['x-hub-signature-256']));
}

/** Probot signs the decoded text: the same thing as the bytes only where decoding loses nothing and drops no mark. */
function isPlainUtf8(body: Buffer): boolean {
  return body.length > 0 && isUtf8(body) && !body.subarray(0, 3).equals(Buffer.from('\uFEFF'));
}

function isNamed({ headers }: IncomingMessage): boolean {
  return (
    /^[a-z0-9_]{1,64}$/.test(String(headers['x-github-event'])) &&
    /^[\w-]{1,100}$/.test(String(headers['x-github-delivery'] ?? ''))
  );
}
