import { request as ask } from 'node:http';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { hostName } from './host-list.mjs';
import { reach } from './reach.mjs';
import { Refusal } from './refusal.mjs';

const methods = ['GET', 'HEAD', 'POST'];

// For this connection alone, not for the next (RFC 9110 §7.6.1).
const forThisConnection = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Plain HTTP with the whole URL in its first line, as clients send it to a proxy. */
export async function passOn(request, response, ways) {
  const url = request.url?.startsWith('http://') && URL.canParse(request.url) ? new URL(request.url) : null;
  if (!url || url.username || url.password) throw new Refusal(request.url, 0, 'not a plain http:// URL', 400);
  await passTo(url, request, response, ways);
}

/** A request that came through a tunnel which ends here, in front of this origin. */
export async function passInside(origin, request, response, ways) {
  const text = `${origin}${request.url}`;
  const url = request.url?.startsWith('/') && URL.canParse(text) ? new URL(text) : null;
  if (url?.origin !== origin) throw new Refusal(request.url, 0, 'not a path', 400);
  await passTo(url, request, response, ways);
}

async function passTo(url, request, response, ways) {
  const host = hostName(url.hostname);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (!methods.includes(request.method)) throw new Refusal(host, port, `the method is ${request.method}`, 405);
  if (request.headers.host?.toLowerCase().replace(/:(80|443)$/, '') !== url.host.replace(/:(80|443)$/, '')) {
    throw new Refusal(host, port, 'the Host header names another host than the URL');
  }
  const reached = await reach(host, port, ways);
  if (response.destroyed) return void reached.destroy();
  ways.watch(reached);
  const socket = url.protocol === 'https:' ? await secured(reached, host, ways.ca) : reached;
  await exchange(request, response, { url, socket, credential: ways.credentials[url.origin] });
}

function secured(reached, host, ca) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const socket = connectTls({ socket: reached, host, ca, ...(isIP(host) === 0 && { servername: host }) });
  socket.once('error', reject);
  reached.once('close', () => reject(new Error('the host went away')));
  socket.once('secureConnect', () => resolve(socket));
  return promise;
}

function exchange(request, response, { url, socket, credential }) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const headers = kept(request.headers);
  if (credential) headers.authorization = credential;
  const body = request.headers['transfer-encoding'] ? { 'transfer-encoding': 'chunked' } : {};
  const onward = ask({
    method: request.method,
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, ...body, host: url.host, connection: 'close' },
    createConnection: () => socket,
  });
  onward.on('error', reject);
  onward.on('response', (answer) => {
    answer.on('error', () => response.destroy());
    response.writeHead(answer.statusCode ?? 502, kept(answer.headers));
    answer.pipe(response);
  });
  response.on('close', () => {
    socket.destroy();
    resolve();
  });
  request.on('error', () => socket.destroy());
  request.pipe(onward);
  return promise;
}

function kept(headers) {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...forThisConnection, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}
