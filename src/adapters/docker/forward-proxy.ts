import { readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';
import type { BlockedHost } from '../../core/run.ts';
import { agentUser, proxyContainer, proxyFolder, proxyKeys, setUpNetwork } from './container-template.ts';
import { removed, withEngine } from './engine.ts';
import { runExec, startExec } from './exec.ts';
import type { Host } from './host.ts';

/** What set-up may reach, besides the registries that everybody uses. A host may carry a port, and begin with `*.`. */
export interface ProxySettings {
  readonly allowHosts: readonly string[];
  /** Hosts that may be reached although their address is on a private network. */
  readonly privateHosts: readonly string[];
  /** Origin (`https://host`) → the Authorization header that the proxy adds to requests there. Set-up never sees it. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** A running proxy, with the network that set-up reaches it by. */
export interface ForwardProxy extends AsyncDisposable {
  readonly network: string;
  readonly url: string;
  /** The authority of the proxy's own certificate, for hosts with a credential; null without any. */
  readonly certificate: string | null;
  /** What it refused since it was last asked. */
  refused(): Promise<Omit<BlockedHost, 'command'>[]>;
}

const source = join(import.meta.dirname, '..', '..', '..', 'sandbox', 'proxy');
const port = 3128;
const answerMs = 20_000;
const mostBlocked = 50;

const Line = z.discriminatedUnion('event', [
  z.object({ event: z.literal('listening') }),
  z.object({ event: z.literal('mark') }),
  z.object({ event: z.literal('failed'), why: z.string() }),
  z.object({ event: z.literal('refused'), host: z.string(), port: z.number(), why: z.string() }),
]);

/** Makes a network of its own for a run's set-up, and starts the proxy that is the only way out of it. */
export async function openForwardProxy(
  host: Host,
  { proxy: settings, caCertificates }: { proxy: ProxySettings; caCertificates: string | null },
  run: string,
  signal: AbortSignal,
): Promise<ForwardProxy> {
  signal.throwIfAborted();
  await using opened = new AsyncDisposableStack();
  const network = `devstral-${run}-set-up`;
  const name = `devstral-${run}-proxy`;
  const image = await withEngine('find the proxy’s image', () =>
    host.docker.getImage('devstral-sandbox/node:latest').inspect(),
  );
  const container = await withEngine('start the proxy', async () => {
    await removed(() => host.docker.getContainer(name).remove({ force: true, v: true }));
    await removed(() => host.docker.getNetwork(network).remove());
    const made = await host.docker.createNetwork(setUpNetwork(network, host.labelsOf(run, 'set-up')));
    opened.defer(() => removed(() => made.remove()));
    const options = proxyContainer({ name, image: image.Id, labels: host.labelsOf(run, 'proxy'), network });
    const created = await host.docker.createContainer(options);
    opened.defer(() => removed(() => created.remove({ force: true, v: true })));
    await host.docker.getNetwork('bridge').connect({ Container: created.id });
    await created.start();
    return created;
  });
  await bringProgram(container, signal);
  const address = await addressOn(container, network);
  const certificate = await makeCertificate(container, settings.credentials, signal);
  const told = await startProgram(container, {
    listen: address,
    port,
    allow: [...(await registries()), ...settings.allowHosts, ...Object.keys(settings.credentials).map(hostAndPort)],
    mayBePrivate: settings.privateHosts,
    credentials: settings.credentials,
    ...(certificate && { keys: proxyKeys, ca: caCertificates }),
  });
  opened.defer(async () => told.end());
  await told.answer();
  const keep = opened.move();
  return {
    network,
    url: `http://${address}:${port}`,
    certificate,
    async refused() {
      told.ask();
      return await told.answer();
    },
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}

async function registries(): Promise<string[]> {
  const text = await readFile(join(source, 'registries.txt'), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

async function bringProgram(container: Docker.Container, signal: AbortSignal): Promise<void> {
  const archive = pack();
  for (const name of await readdir(source)) {
    if (/\.(mjs|sh)$/.test(name)) archive.entry({ name, mode: 0o444 }, await readFile(join(source, name)));
  }
  archive.finalize();
  // By tar inside: the engine's own way in does not see a tmpfs.
  const argv = ['/bin/tar', '-x', '--no-same-owner', '-C', proxyFolder, '-f', '-'];
  const done = await runExec(
    container,
    { argv, user: '0:0' },
    { timeoutMs: answerMs, outputBytes: 4096, input: Readable.from(archive) },
    async () => {},
    signal,
  );
  if (done.kind !== 'exited' || done.exitCode !== 0) {
    throw new OutsideError(`The proxy of set-up could not be put in place: ${done.output}`, { retry: 'soon' });
  }
}

function hostAndPort(origin: string): string {
  const { protocol, hostname, port } = new URL(origin);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

/** For TLS to hosts with a credential, which ends in the proxy: only there can the credential be added. */
async function makeCertificate(
  container: Docker.Container,
  credentials: ProxySettings['credentials'],
  signal: AbortSignal,
): Promise<string | null> {
  const hosts = Object.keys(credentials)
    .map((origin) => new URL(origin))
    .filter(({ protocol }) => protocol === 'https:')
    .map(({ hostname }) => hostname.replace(/^\[(.*)\]$/, '$1'));
  if (hosts.length === 0) return null;
  const names = hosts.map((host) => `${isIP(host) ? 'IP' : 'DNS'}:${host}`).join(',');
  const argv = ['/bin/sh', `${proxyFolder}/make-certificate.sh`, names, proxyKeys];
  const limits = { timeoutMs: answerMs, outputBytes: 64 * 1024 };
  const done = await runExec(container, { argv, user: agentUser }, limits, async () => {}, signal);
  if (done.kind === 'exited' && done.exitCode === 0) return done.output;
  throw new OutsideError(`The proxy of set-up could not make a certificate: ${done.output}`, { retry: 'soon' });
}

async function addressOn(container: Docker.Container, network: string): Promise<string> {
  const about = await withEngine('find the proxy’s address', () => container.inspect());
  const address = about.NetworkSettings.Networks[network]?.IPAddress;
  if (!address) throw new OutsideError('The proxy of set-up has no address on its network.', { retry: 'soon' });
  return address;
}

function lineOf(text: string): z.infer<typeof Line> {
  try {
    return Line.parse(JSON.parse(text));
  } catch {
    return { event: 'failed', why: `it said ${text.slice(0, 200)}` };
  }
}

async function startProgram(container: Docker.Container, settings: object) {
  const argv = ['/usr/local/bin/node', '--max-old-space-size=128', join(proxyFolder, 'forward-proxy.mjs')];
  const { stream } = await startExec(container, { argv, user: agentUser }, true);
  const output = new PassThrough();
  let errors = '';
  const noise = new PassThrough().on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-2000);
  });
  container.modem.demuxStream(stream, output, noise);
  let blocked = new Map<string, Omit<BlockedHost, 'command'>>();
  let answered = Promise.withResolvers<void>();
  const fail = (why: string) => {
    answered.promise.catch(() => {});
    answered.reject(new OutsideError(`The proxy of set-up failed: ${why}`, { retry: 'soon' }));
  };
  createInterface({ input: output }).on('line', (text) => {
    const line = lineOf(text);
    if (line.event === 'failed') fail(line.why);
    else if (line.event !== 'refused') answered.resolve();
    else if (blocked.size < mostBlocked) {
      const asked = line.port === 0 || line.port === 443 ? line.host : `${line.host}:${line.port}`;
      blocked.set(`${asked} ${line.why}`, { host: asked, why: line.why });
    }
  });
  for (const ending of ['end', 'close', 'error']) stream.on(ending, () => fail(errors || 'it ended'));
  stream.write(`${JSON.stringify(settings)}\n`);
  return {
    ask() {
      answered = Promise.withResolvers<void>();
      stream.write('\n');
    },
    async answer() {
      const late = setTimeout(() => fail('it does not answer'), answerMs);
      try {
        await answered.promise;
      } finally {
        clearTimeout(late);
      }
      const found = [...blocked.values()];
      blocked = new Map();
      return found;
    },
    end() {
      stream.destroy();
    },
  };
}
