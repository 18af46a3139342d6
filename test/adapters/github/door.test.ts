import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type Door, type DoorSettings, openDoor } from '../../../src/adapters/github/door.ts';
import type { Delivery } from '../../../src/core/delivery.ts';
import { SettingsError } from '../../../src/core/errors.ts';
import { publishedPayloads } from './published-payloads.ts';

const secret = 'a secret of more than thirty-two bytes';
const path = '/api/github/webhooks';
const log = pino({ level: 'silent' });
const body = JSON.stringify(publishedPayloads.find(({ name }) => name === 'issues')?.body);
const fixedBodies =
  /^(ok|accepted|bad request|wrong or missing signature|not found|too large|not JSON|not available)\n$/;

let received: Delivery[];
let door: Door;

function settings(changes: Partial<DoorSettings> = {}): DoorSettings {
  return {
    host: '127.0.0.1',
    port: 0,
    secret,
    log,
    receive: async (delivery) => void received.push(delivery),
    ready: async () => {},
    ...changes,
  };
}

function signatureOf(text: string | Buffer, key = secret): string {
  return `sha256=${createHmac('sha256', key).update(text).digest('hex')}`;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A request byte for byte as given; `undefined` leaves a header out. */
function send(
  to: Door,
  options: {
    path?: string;
    method?: string;
    body?: string | Buffer;
    headers?: Record<string, string | undefined>;
  } = {},
): Promise<Answer> {
  const content = options.body ?? body;
  const all = {
    'content-type': 'application/json',
    'x-github-event': 'issues',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-hub-signature-256': signatureOf(content),
    ...options.headers,
  };
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        port: to.port,
        host: '127.0.0.1',
        path: options.path ?? path,
        method: options.method ?? 'POST',
        headers,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      },
    );
    sent.on('error', reject);
    sent.end(options.method === 'GET' ? undefined : content);
  });
}

beforeEach(async () => {
  received = [];
  door = await openDoor(settings());
});

afterEach(() => door[Symbol.asyncDispose]());

describe('the door', () => {
  it('answers 202 to a signed delivery once it has been stored', async () => {
    const answer = await send(door);

    expect(answer).toEqual({ status: 202, text: 'accepted\n' });
    expect(received).toEqual([
      { id: '72d3162e-cc78-11e3-81ab-4c9367dc0958', event: 'issues', payload: JSON.parse(body) },
    ]);
  });

  it('takes every published payload as it is', async () => {
    const answers: Answer[] = [];
    for (const { name, body: payload } of publishedPayloads) {
      answers.push(await send(door, { body: JSON.stringify(payload), headers: { 'x-github-event': name } }));
    }

    expect(answers.length).toBeGreaterThan(320);
    const refused = publishedPayloads.filter((_, index) => answers[index]?.status !== 202);
    expect(refused).toEqual([]);
    expect(received).toHaveLength(answers.length);
  });

  const bytes = Buffer.from(body);
  it.each<[string, Parameters<typeof send>[1]]>([
    ['no signature', { headers: { 'x-hub-signature-256': undefined } }],
    ['an empty signature', { headers: { 'x-hub-signature-256': '' } }],
    ['the prefix alone', { headers: { 'x-hub-signature-256': 'sha256=' } }],
    ['another secret', { headers: { 'x-hub-signature-256': signatureOf(body, 'another secret') } }],
    ["Probot's default secret", { headers: { 'x-hub-signature-256': signatureOf(body, 'development') } }],
    ['an empty secret', { headers: { 'x-hub-signature-256': signatureOf(body, '\0') } }],
    [
      'one digit changed',
      { headers: { 'x-hub-signature-256': signatureOf(body).replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) } },
    ],
    ['a digit missing', { headers: { 'x-hub-signature-256': signatureOf(body).slice(0, -1) } }],
    ['capital digits', { headers: { 'x-hub-signature-256': signatureOf(body).toUpperCase() } }],
    ['no prefix', { headers: { 'x-hub-signature-256': signatureOf(body).slice(7) } }],
    ['the prefix of SHA-1', { headers: { 'x-hub-signature-256': signatureOf(body).replace('sha256', 'sha1') } }],
    [
      'SHA-1 under its own header',
      {
        headers: {
          'x-hub-signature-256': undefined,
          'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
        },
      },
    ],
    ['two signatures', { headers: { 'x-hub-signature-256': `${signatureOf(body, 'x')}, ${signatureOf(body)}` } }],
    ['the signature of another body', { headers: { 'x-hub-signature-256': signatureOf('{}') } }],
    ['a space after the body', { body: `${body} `, headers: { 'x-hub-signature-256': signatureOf(body) } }],
    [
      'the body written anew',
      { body: JSON.stringify(JSON.parse(body), null, 2), headers: { 'x-hub-signature-256': signatureOf(body) } },
    ],
    [
      'a byte order mark before the body',
      { body: Buffer.concat([Buffer.from('\uFEFF'), bytes]), headers: { 'x-hub-signature-256': signatureOf(body) } },
    ],
    [
      'the body in UTF-16',
      { body: Buffer.from(body, 'utf16le'), headers: { 'x-hub-signature-256': signatureOf(body) } },
    ],
    ['a body that is not UTF-8', { body: Buffer.from('7b22c322', 'hex') }],
    [
      'bytes that decode to the signed text',
      {
        body: Buffer.from('7b2261223a22ff227d', 'hex'),
        headers: { 'x-hub-signature-256': signatureOf('{"a":"\uFFFD"}') },
      },
    ],
    ['an empty body', { body: '', headers: { 'x-hub-signature-256': signatureOf(body) } }],
  ])('answers 401 to %s', async (_, forged) => {
    const answer = await send(door, forged);

    expect(answer).toEqual({ status: 401, text: 'wrong or missing signature\n' });
    expect(received).toEqual([]);
  });

  it.each<[string, Parameters<typeof send>[1]]>([
    ['broken JSON', { body: '{"action":' }],
    ['null', { body: 'null' }],
    ['a number', { body: '7' }],
    ['zero', { body: '0' }],
    ['false', { body: 'false' }],
    ['a list', { body: '[]' }],
    ['a list as an event nobody knows', { body: '[]', headers: { 'x-github-event': 'star' } }],
    ['a text', { body: '"text"' }],
    ['an event that the body is not', { headers: { 'x-github-event': 'issue_comment' } }],
    ['an event nobody knows over a body that is known', { headers: { 'x-github-event': 'star' } }],
    ['no event', { headers: { 'x-github-event': undefined } }],
    ['an event with odd letters', { headers: { 'x-github-event': '../issues' } }],
    ['no delivery id', { headers: { 'x-github-delivery': undefined } }],
    ['an endless delivery id', { headers: { 'x-github-delivery': 'a'.repeat(101) } }],
  ])('answers 400 to %s though the signature is right', async (_, malformed) => {
    const answer = await send(door, malformed);

    expect(answer).toEqual({ status: 400, text: 'bad request\n' });
    expect(received).toEqual([]);
  });

  it('answers 415 to a form', async () => {
    const answer = await send(door, { headers: { 'content-type': 'application/x-www-form-urlencoded' } });

    expect(answer).toEqual({ status: 415, text: 'not JSON\n' });
    expect(received).toEqual([]);
  });

  it.each([
    ['GET', path],
    ['PUT', path],
    ['POST', `${path}/more`],
    ['POST', '/'],
    ['GET', '/'],
    ['GET', '/probot'],
    ['POST', '/probot/import'],
    ['GET', '/probot/setup'],
    ['GET', '/probot/success'],
    ['GET', '/ping'],
    ['GET', '/metrics'],
    ['GET', '/probot/static/probot-head.png'],
    ['POST', '/healthz'],
    ['POST', '/readyz'],
    ['GET', '/api/github/hooks'],
    ['GET', '//evil/healthz'],
  ])('answers 404 to %s %s', async (method, elsewhere) => {
    const answer = await send(door, { method, path: elsewhere });

    expect(answer).toEqual({ status: 404, text: 'not found\n' });
    expect(received).toEqual([]);
  });

  it('answers 503 without a word of why when the delivery cannot be stored', async () => {
    await using broken = await openDoor(
      settings({ receive: () => Promise.reject(new Error('postgres://user:password@db/name')) }),
    );

    const answer = await send(broken);

    expect(answer).toEqual({ status: 503, text: 'not available\n' });
  });

  it('answers 503, never 2xx, when storing takes too long', async () => {
    const stored = Promise.withResolvers<void>();
    await using slow = await openDoor(settings({ receive: () => stored.promise, limits: { answerMs: 50 } }));

    const answer = await send(slow);

    stored.resolve();
    expect(answer).toEqual({ status: 503, text: 'not available\n' });
  }, 5_000);

  it('does not answer before the delivery is stored', async () => {
    const order: string[] = [];
    const stored = Promise.withResolvers<void>();
    await using patient = await openDoor(
      settings({
        receive: async () => {
          order.push('asked to store');
          setTimeout(() => {
            order.push('stored');
            stored.resolve();
          }, 20);
          await stored.promise;
        },
      }),
    );

    const answer = await send(patient);
    order.push(`answered ${answer.status}`);

    expect(order).toEqual(['asked to store', 'stored', 'answered 202']);
  });

  it('refuses a body over the cap by its declared length, before any of it is sent', async () => {
    const answer = await knock(door, `content-length: ${25 * 1024 * 1024 + 1}\r\n\r\n`);

    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/connection: close/i);
  });

  it('refuses a body over the cap while it streams, and reads no further', async () => {
    await using small = await openDoor(settings({ limits: { bodyBytes: 1024 } }));
    const chunk = `400\r\n${'a'.repeat(1024)}\r\n`;

    const answer = await knock(small, `transfer-encoding: chunked\r\n\r\n${chunk}${chunk}`);

    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(received).toEqual([]);
  });

  it('takes a body of exactly the cap', async () => {
    await using exact = await openDoor(settings({ limits: { bodyBytes: Buffer.byteLength(body) } }));

    const answer = await send(exact);

    expect(answer.status).toBe(202);
  });

  it('holds no more than its share of memory in unfinished bodies', async () => {
    await using crowded = await openDoor(settings({ limits: { allBodiesBytes: 1024 } }));

    const answer = await knock(crowded, `content-length: 4096\r\n\r\n${'a'.repeat(2048)}`);
    const after = await send(crowded, { body: '{"zen":"","hook_id":1}', headers: { 'x-github-event': 'ping' } });

    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(after.status).toBe(202);
  }, 5_000);

  it('ends connections that never finish their headers or their body', async () => {
    await using strict = await openDoor(settings({ limits: { headersMs: 100, requestMs: 200 } }));

    const answers = await Promise.all([knock(strict, 'x-slow: '), knock(strict, 'content-length: 100\r\n\r\n{')]);

    expect(answers).toEqual([expect.stringMatching(/^HTTP\/1\.1 408 /), expect.stringMatching(/^HTTP\/1\.1 408 /)]);
    expect(received).toEqual([]);
  });

  it('takes deliveries while a thousand slow connections are open', async () => {
    const sockets = Array.from({ length: 1_000 }, () => connect(door.port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => {}).write(`POST ${path} HTTP/1.1\r\nhost: x\r\nx-slow: `);

    const answers = await Promise.all(Array.from({ length: 20 }, () => send(door)));

    for (const socket of sockets) socket.destroy();
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 202));
  });

  it('says that it lives, and whether it is ready', async () => {
    await using broken = await openDoor(
      settings({ ready: () => Promise.reject(new Error('postgres://user:password@db')) }),
    );
    await using stuck = await openDoor(settings({ ready: () => new Promise(() => {}), limits: { readyMs: 20 } }));
    const get = (to: Door, what: string) => send(to, { method: 'GET', path: what });

    const answers = await Promise.all([
      get(door, '/healthz'),
      get(door, '/readyz'),
      get(broken, '/healthz'),
      get(broken, '/readyz'),
      get(stuck, '/readyz'),
    ]);

    expect(answers).toEqual([
      { status: 200, text: 'ok\n' },
      { status: 200, text: 'ok\n' },
      { status: 200, text: 'ok\n' },
      { status: 503, text: 'not available\n' },
      { status: 503, text: 'not available\n' },
    ]);
    for (const { text } of answers) expect(text).toMatch(fixedBodies);
  });

  it.each(['', 'development', 'a'.repeat(31)])('does not open with the secret %j', async (weak) => {
    const opening = openDoor(settings({ secret: weak }));

    await expect(opening).rejects.toThrow(SettingsError);
  });

  it('says which address is taken', async () => {
    const opening = openDoor(settings({ port: door.port }));

    await expect(opening).rejects.toThrow(/Cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/);
    await expect(opening).rejects.toThrow(SettingsError);
  });

  it('lets a delivery that is being stored finish before it closes', async () => {
    const asked = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    const closing = await openDoor(
      settings({
        receive: () => {
          asked.resolve();
          return stored.promise;
        },
      }),
    );
    const answering = send(closing);
    await asked.promise;

    const closed = closing[Symbol.asyncDispose]();
    stored.resolve();

    expect((await answering).status).toBe(202);
    await closed;
    await expect(send(closing)).rejects.toThrow(/ECONNREFUSED/);
  });
});

/** Sends the beginning of a webhook and whatever follows it, and gives all that comes back until the other side closes. */
function knock(to: Door, rest: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(to.port, '127.0.0.1');
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${rest}`);
  });
}
