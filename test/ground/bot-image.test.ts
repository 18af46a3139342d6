import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { scripts } from '../support/adder.ts';
import { openOutside } from '../support/outside.ts';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '..', '..');
const image = `devstral-bot:test-${process.pid}`;
const socket = '/var/run/docker.sock';

describe('the bot in a container', () => {
  beforeAll(async () => {
    const context = await mkdtemp(join(tmpdir(), 'bot-image-'));
    for (const name of ['Dockerfile', '.dockerignore', 'package.json', 'package-lock.json', 'app.yml', 'LICENSE'])
      await copyFile(join(checkout, name), join(context, name));
    await cp(join(checkout, 'src'), join(context, 'src'), { recursive: true });
    for (const name of ['.env', 'private-key.pem', 'notes.txt'])
      await writeFile(join(context, name), 'not for the image');
    if (process.env.NODE_EXTRA_CA_CERTS) await copyFile(process.env.NODE_EXTRA_CA_CERTS, join(context, 'extra-ca.crt'));
    // Our own image with Node stands in for the registry's, which cannot be had everywhere.
    const base = ['--build-arg', 'BASE=devstral-sandbox/node:latest'];
    await run('docker', ['build', '--quiet', '--network=host', ...base, '--tag', image, context], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
    });
    await rm(context, { recursive: true });
  });
  afterAll(async () => {
    await run('docker', ['image', 'rm', image]);
  });

  it('is not root, and holds the program and nothing that lay beside it', async () => {
    const { stdout } = await run('docker', [
      'run',
      '--rm',
      image,
      'sh',
      '-c',
      'id -u; ls -A /app; ls /app/node_modules',
    ]);
    const [user, ...names] = stdout.trim().split('\n');

    expect(user).toBe('10003');
    expect(names).toEqual(
      expect.arrayContaining(['LICENSE', 'app.yml', 'node_modules', 'package.json', 'src', 'probot']),
    );
    for (const name of ['.env', 'private-key.pem', 'notes.txt', 'Dockerfile', 'vitest', 'typescript'])
      expect(names).not.toContain(name);
  });

  it('says in one line what is missing when it is started without settings', async () => {
    const failure = await run('docker', ['run', '--rm', image]).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^[^\n]*APP_ID[^\n]*\n$/) });
  });

  it('becomes healthy, and turns a labelled issue into a pull request, without root and on a read-only root', async () => {
    await using outside = await openOutside({ script: scripts.right });
    const { github, repo, issue } = outside;
    const port = await freePort();
    // The bot's own folder, PATH and listening address are the image's business; the rest is handed in by name, so that no
    // secret is on a command line.
    const { PATH: _path, DEVSTRAL_DATA: _data, ...settings } = outside.environment;
    const environment = { ...settings, PORT: String(port), HOST: '127.0.0.1' };
    const names = Object.keys(environment).flatMap((name) => ['--env', name]);
    const trust = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
    const engine = [`--volume=${socket}:${socket}`, `--group-add=${(await stat(socket)).gid}`];
    const { stdout } = await run(
      'docker',
      [
        'run',
        '--detach',
        '--rm',
        '--init',
        '--network=host',
        '--health-interval=1s',
        ...trust,
        ...engine,
        ...names,
        image,
      ],
      { env: { PATH: process.env.PATH, ...environment } },
    );
    const container = stdout.trim();

    try {
      await until(container, async () => (await healthOf(container)) === 'healthy');
      github.deliverTo(`http://127.0.0.1:${port}/api/github/webhooks`);
      const { status } = await github.label({ repo, issue, label: 'devstral', by: 'maintainer' });
      await until(container, async () => outside.statusComment()?.includes('Done') === true);

      expect(status).toBe(202);
      expect([...repo.pulls.values()]).toMatchObject([{ draft: false, title: 'Fix: add() subtracts (#1)' }]);
    } finally {
      await run('docker', ['stop', '--time=30', container]);
    }
  });
});

async function healthOf(container: string): Promise<string> {
  return (await run('docker', ['inspect', '-f', '{{.State.Health.Status}}', container])).stdout.trim();
}

async function until(container: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await isSo()); waitedMs += 200) {
    if (waitedMs > 90_000) {
      const { stdout, stderr } = await run('docker', ['logs', '--tail', '30', container]);
      throw new Error(`It did not come to pass. The bot's log:\n${stdout}${stderr}`);
    }
    await setTimeout(200);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
