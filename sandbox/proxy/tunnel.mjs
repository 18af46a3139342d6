import { isIP } from 'node:net';

import { hostName } from './host-list.mjs';
import { reach } from './reach.mjs';
import { Refusal } from './refusal.mjs';
import { serverName } from './server-name.mjs';

/** CONNECT: TLS to a host on the list, which must be the host that the client then names inside. */
export async function tunnel(request, client, head, ways) {
  const authority = /^(\[[\da-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(request.url ?? '');
  if (!authority) throw new Refusal(request.url, 0, 'not a host and a port', 400);
  const host = hostName(authority[1]);
  const port = Number(authority[2]);
  const origin = new URL(`https://${authority[1]}:${port}`).origin;
  if (ways.credentials[origin]) return await endHere(client, head, { host, port, origin }, ways);
  const upstream = await reach(host, port, ways);
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroy());
  upstream.on('error', () => client.destroy());
  if (client.destroyed) return void upstream.destroy();
  ways.watch(upstream);
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  const hello = await firstRecord(client, head, host, port, ways.limits);
  upstream.write(hello);
  client.pipe(upstream);
  upstream.pipe(client);
}

/** A tunnel to a host that we have a credential for: the client talks TLS to us, and we to the host. */
async function endHere(client, head, { host, port, origin }, ways) {
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  const hello = await firstRecord(client, head, host, port, ways.limits);
  client.unshift(hello);
  ways.serveInside(client, origin);
}

async function firstRecord(client, head, host, port, { headerMs }) {
  const timer = setTimeout(() => client.destroy(), headerMs);
  try {
    let bytes = head;
    for (;;) {
      const found = serverName(bytes);
      if (found.kind === 'not-tls') throw new Refusal(host, port, 'what was sent through the tunnel is not TLS');
      if (found.kind === 'named') {
        judge(found.name, host, port);
        return bytes;
      }
      bytes = Buffer.concat([bytes, await nextChunk(client)]);
    }
  } finally {
    clearTimeout(timer);
  }
}

function judge(name, host, port) {
  // Nobody names an address in a hello (RFC 6066 §3).
  if (name === host || (name === null && isIP(host) !== 0)) return;
  throw new Refusal(name ?? host, port, `the tunnel was opened to ${host}, but inside ${name ?? 'no host'} was named`);
}

function nextChunk(client) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const gone = () => reject(new Error('the client went away'));
  client.once('data', (chunk) => {
    client.pause();
    client.off('close', gone);
    resolve(chunk);
  });
  client.once('close', gone);
  client.resume();
  return promise;
}
