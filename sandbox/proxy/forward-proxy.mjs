// The only way out of a set-up container. It runs in a container of its own, brought there file by file as it is, so
// it is plain JavaScript without dependencies. The first line of standard input is its settings; each further line is
// answered by `{"event":"mark"}`, so that whoever reads knows that everything before it was told. It ends with its input.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createSecureContext, rootCertificates, TLSSocket } from 'node:tls';

import { hostList } from './host-list.mjs';
import { passInside, passOn } from './pass-on.mjs';
import { Unreachable } from './reach.mjs';
import { Refusal } from './refusal.mjs';
import { tunnel } from './tunnel.mjs';

const defaultLimits = {
  connections: 256,
  headerBytes: 16 * 1024,
  headerMs: 10_000,
  connectMs: 15_000,
  idleMs: 120_000,
  totalBytes: 20 * 1024 ** 3,
};

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function refused({ host, port, why }) {
  tell({ event: 'refused', host, port, why });
}

function start({ listen, port, allow, mayBePrivate, credentials = {}, keys, ca, limits: wanted = {} }) {
  const limits = { ...defaultLimits, ...wanted };
  const sockets = new Set();
  let bytes = 0;
  const watch = (socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.setTimeout(limits.idleMs, () => socket.destroy());
  };
  const ways = {
    limits,
    isAllowed: hostList(allow),
    mayBePrivate: hostList(mayBePrivate),
    credentials,
    ca: [...rootCertificates, ...(ca ? [ca] : [])],
    serveInside(client, origin) {
      const socket = new TLSSocket(client, { isServer: true, secureContext: identity, ALPNProtocols: ['http/1.1'] });
      socket.on('error', () => client.destroy());
      origins.set(socket, origin);
      inside.emit('connection', socket);
    },
    watch(upstream) {
      watch(upstream);
      // Counted where the outside is: what comes in and what goes out, once.
      let counted = 0;
      const count = () => {
        const sofar = upstream.bytesRead + upstream.bytesWritten;
        bytes += sofar - counted;
        counted = sofar;
        if (bytes > limits.totalBytes) overflow();
      };
      upstream.on('data', count);
      upstream.on('drain', count);
      upstream.on('close', count);
    },
  };
  const overflow = () => {
    if (!server.listening) return;
    refused(new Refusal('*', 0, `more than ${limits.totalBytes} bytes went through`));
    server.close();
    for (const socket of sockets) socket.destroy();
  };

  const httpLimits = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMs,
    requestTimeout: Math.max(limits.idleMs, limits.headerMs),
    connectionsCheckingInterval: Math.min(1000, limits.headerMs),
    keepAliveTimeout: 5000,
  };
  const read = (name) => readFileSync(`${keys}/${name}`);
  const identity = keys && createSecureContext({ key: read('server.key'), cert: read('server.crt') });
  // Never listens: it is given the connections that end here.
  const origins = new WeakMap();
  const inside = createServer(httpLimits, (request, response) => {
    passInside(origins.get(request.socket), request, response, ways).catch((error) => answerWith(response, error));
  });
  inside.on('upgrade', (_request, socket) => socket.destroy());
  inside.on('connect', (_request, socket) => socket.destroy());

  const server = createServer(httpLimits);
  server.maxConnections = limits.connections;
  server.on('connection', watch);
  server.on('connect', (request, client, head) => {
    client.on('error', () => {});
    tunnel(request, client, head, ways).catch((error) => {
      const { status, text } = answerTo(error);
      if (client.writable) client.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      client.destroySoon();
    });
  });
  server.on('request', (request, response) => {
    passOn(request, response, ways).catch((error) => answerWith(response, error));
  });
  server.on('upgrade', (_request, socket) => socket.destroy());
  server.on('error', (error) => {
    tell({ event: 'failed', why: error.message });
    process.exit(1);
  });
  server.listen(port, listen, () => tell({ event: 'listening', port: server.address().port }));
}

function answerWith(response, error) {
  const { status, text } = answerTo(error);
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
  response.end(`${text}\n`);
}

function answerTo(error) {
  if (error instanceof Refusal) {
    refused(error);
    return { status: error.status, text: `Refused: ${error.why.replaceAll(/[^\x20-\x7e]/g, '?')}` };
  }
  if (error instanceof Unreachable) return { status: 502, text: 'The host does not answer' };
  return { status: 502, text: 'The connection broke' };
}

let started = false;
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (started) return tell({ event: 'mark' });
    started = true;
    start(JSON.parse(line));
  })
  .on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(1));
