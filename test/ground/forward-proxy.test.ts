import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { proxyProcess } from '../support/forward-proxy.ts';

// A server on a private address that is not loopback: the engine's bridge is on every machine that runs these tests.
const bridge = await new Docker().getNetwork('bridge').inspect();
const address = bridge.IPAM?.Config?.[0]?.Gateway ?? '172.17.0.1';
const seen: { method: string | undefined; url: string | undefined; headers: Record<string, unknown> }[] = [];
let server: Server;
let port: number;
let at: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push({ method: request.method, url: request.url, headers: request.headers });
    if (request.url === '/large') return void response.end(Buffer.alloc(3_000_000, 'x'));
    if (request.url === '/silent') return;
    response.end('package');
  }).listen(0, address);
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  at = `${address}:${port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const get = (host: string, more = '', path = '/') =>
  `GET http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
const openTunnel = (host: string) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

async function tunnelTo(socket: Socket, host: string): Promise<string> {
  socket.write(openTunnel(host));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString().split('\r\n')[0] ?? '';
}

describe('the proxy of set-up', () => {
  it('passes plain HTTP on to a host of the list, without what was meant for the proxy alone', async () => {
    await using proxy = await proxyProcess({ mayBePrivate: [at] });

    const answer = await proxy.send(get(at, 'Proxy-Authorization: Basic x\r\nConnection: x-secret\r\nX-Secret: 1\r\n'));

    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*package/);
    expect(seen.at(-1)).toMatchObject({ method: 'GET', url: '/', headers: { host: at, connection: 'close' } });
    expect(Object.keys(seen.at(-1)?.headers ?? {})).not.toEqual(expect.arrayContaining(['proxy-authorization']));
    expect(seen.at(-1)?.headers['x-secret']).toBeUndefined();
    expect(await proxy.refused()).toEqual([]);
  });

  it('adds the credential of a host to plain HTTP, in place of what the client sent', async () => {
    await using proxy = await proxyProcess({ mayBePrivate: [at], credentials: { [`http://${at}`]: 'Bearer ours' } });

    await proxy.send(get(at, 'Authorization: Bearer theirs\r\n'));

    expect(seen.at(-1)?.headers.authorization).toBe('Bearer ours');
  });

  it('refuses a host that is not listed, and says which', async () => {
    await using proxy = await proxyProcess({ allow: ['good.example', '*.more.example', 'other.example:8443'] });
    const hosts = [
      'evil.example:443',
      'good.example.evil.example:443',
      'evilgood.example:443',
      'more.example:443',
      'evilmore.example:443',
      'other.example:443',
      'good.example:22',
      '2130706433:443',
    ];

    const answers = await Promise.all(hosts.map((host) => proxy.send(openTunnel(host))));

    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 403 Refused: not on the list of hosts\r\n/);
    expect(new Set(await proxy.refused())).toEqual(
      new Set(hosts.map((host) => `${host.replace(/:\d+$/, '')}: not on the list of hosts`)),
    );
  });

  it('connects to no private address unless the host was named for that', async () => {
    await using proxy = await proxyProcess({ allow: [at, '10.1.2.3', '100.64.0.1', '[fd12::1]'] });

    for (const host of [at, '10.1.2.3:443', '100.64.0.1:443', '[fd12::1]:443'])
      expect(await proxy.send(openTunnel(host)), host).toMatch(/^HTTP\/1\.1 403 Refused: its address is /);
    expect(await proxy.refused()).toHaveLength(4);
  });

  it('connects to no loopback, link-local, metadata, multicast or disguised address, named or not', async () => {
    const hosts = [
      '127.0.0.1',
      '127.8.8.8',
      '0.0.0.0',
      'localhost',
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.192',
      '224.0.0.1',
      '255.255.255.255',
      '[::1]',
      '[::]',
      '[fe80::1]',
      '[ff02::1]',
      '[fd00:ec2::254]',
      `[::ffff:${address}]`,
      '[::ffff:169.254.169.254]',
      '[::ffff:8.8.8.8]',
      '[64:ff9b::a9fe:a9fe]',
      '[2002:7f00:1::]',
    ].map((host) => `${host}:${port}`);
    await using proxy = await proxyProcess({ allow: hosts, mayBePrivate: hosts });

    for (const host of hosts)
      expect(await proxy.send(openTunnel(host)), host).toMatch(/^HTTP\/1\.1 403 Refused: its address is /);
    expect(await proxy.refused()).toHaveLength(hosts.length);
  });

  it('refuses other methods, forms and a Host header that disagrees', async () => {
    await using proxy = await proxyProcess({ mayBePrivate: [at] });
    const before = seen.length;

    const answers = [
      await proxy.send(get(at).replace('GET', 'PUT')),
      await proxy.send(get(at).replace(`Host: ${at}`, 'Host: evil.example')),
      await proxy.send(`GET / HTTP/1.1\r\nHost: ${at}\r\nConnection: close\r\n\r\n`),
      await proxy.send(get(at).replace('http://', 'http://user:word@')),
      await proxy.send(get(at).replace('http://', 'ftp://')),
      await proxy.send('CONNECT /x HTTP/1.1\r\nHost: x\r\n\r\n'),
      await proxy.send(get(at, 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n')),
    ];

    expect(answers.map((answer) => answer.split(' ')[1])).toEqual(['405', '403', '400', '400', '400', '400', '400']);
    expect(seen).toHaveLength(before);
  });

  it('carries TLS only, and only for the host that the tunnel was opened to', async () => {
    await using proxy = await proxyProcess({ mayBePrivate: [at] });
    const plain = await proxy.connect();
    const before = seen.length;

    expect(await tunnelTo(plain, at)).toBe('HTTP/1.1 200 Connection established');
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(plain, 'close');
    const fronted = await proxy.connect();
    await tunnelTo(fronted, at);
    connectTls({ socket: fronted, servername: 'evil.example' }).on('error', () => {});
    await once(fronted, 'close');

    expect(seen).toHaveLength(before);
    expect(await proxy.refused()).toEqual([
      `${address}: what was sent through the tunnel is not TLS`,
      `evil.example: the tunnel was opened to ${address}, but inside evil.example was named`,
    ]);
  });

  it('ends what is too large or too slow', async () => {
    await using proxy = await proxyProcess({
      mayBePrivate: [at],
      limits: { headerMs: 400, idleMs: 900, totalBytes: 1_000_000 },
    });
    const timed = async (text: string) => {
      const started = performance.now();
      return { answer: await proxy.send(text), ms: performance.now() - started };
    };

    const header = await proxy.send(get(at, `X: ${'x'.repeat(20_000)}\r\n`));
    const slow = await timed(`GET http://${at}/ HTTP/1.1\r\nHost: `);
    const mute = await timed(openTunnel(at));
    const silent = await timed(get(at, '', '/silent'));
    const large = await proxy.send(get(at, '', '/large'));

    expect(header).toMatch(/^HTTP\/1\.1 431 /);
    for (const { ms } of [slow, mute, silent]) expect(ms).toBeLessThan(3000);
    expect(slow.answer).toMatch(/^HTTP\/1\.1 408 |^$/);
    expect(large.length).toBeLessThan(2_000_000);
    expect(await proxy.refused()).toEqual(['*: more than 1000000 bytes went through']);
  });

  it('keeps no more connections than it may', async () => {
    await using proxy = await proxyProcess({ limits: { connections: 3 } });
    const sockets = await Promise.all(Array.from({ length: 8 }, () => proxy.connect()));

    for (const socket of sockets) socket.resume();
    await setTimeout(300);

    expect(sockets.filter((socket) => !socket.readableEnded && !socket.destroyed).length).toBeLessThanOrEqual(3);
    for (const socket of sockets) socket.destroy();
  });
});
