import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workSettings } from '../../src/config.ts';
import { openStore } from '../../src/wiring.ts';
import { scripts } from '../support/adder.ts';
import { devstral } from '../support/command.ts';
import { type Outside, openOutside } from '../support/outside.ts';

describe('serve refuses to start, in one clear line,', () => {
  let outside: Outside;
  let good: Readonly<Record<string, string>>;
  beforeAll(async () => {
    outside = await openOutside({ script: scripts.right });
    good = outside.environment;
  });
  afterAll(() => outside[Symbol.asyncDispose]());

  async function refused(changes: Readonly<Record<string, string>>): Promise<string> {
    const { exitCode, stdout, stderr } = await devstral(['serve'], { ...good, ...changes });
    const lines = stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'));
    expect(exitCode).not.toBe(0);
    expect(stdout).toBe('');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/^\s+at |Error:/);
    return lines[0] ?? '';
  }

  it('without a webhook secret, with a short one, and with the default one', async () => {
    expect(await refused({ WEBHOOK_SECRET: '' })).toMatch(
      /WEBHOOK_SECRET must be the webhook secret .*openssl rand -hex 32/,
    );
    expect(await refused({ WEBHOOK_SECRET: 'short' })).toMatch(/WEBHOOK_SECRET must have at least 32 bytes/);
    expect(await refused({ WEBHOOK_SECRET: 'development' })).toMatch(/WEBHOOK_SECRET must have at least 32 bytes/);
  });

  it('without an app id, and with a key that is none', async () => {
    expect(await refused({ APP_ID: '' })).toMatch(/APP_ID must be the number under "App ID"/);
    expect(await refused({ PRIVATE_KEY: '' })).toMatch(/PRIVATE_KEY_PATH must name the \.pem file/);
    expect(
      await refused({ PRIVATE_KEY: '-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----' }),
    ).toMatch(/The private key cannot be read as one/);
  });

  it('with a data folder that another bot uses', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'in-use-'));
    const store = await openStore(workSettings({ DEVSTRAL_DATA: folder }), pino({ level: 'silent' }));

    const line = await refused({ DEVSTRAL_DATA: folder });

    await store[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    expect(line).toMatch(new RegExp(`${folder} is in use by another devstral-bot \\(process ${process.pid}\\)`));
  });

  it('without a Docker Engine', async () => {
    expect(await refused({ DOCKER_HOST: 'unix:///nonexistent/docker.sock' })).toMatch(
      /The Docker Engine does not answer\. Start it, or set DOCKER_HOST/,
    );
  });

  it('with a model that cannot be reached, and with one that the server does not have', async () => {
    expect(await refused({ MODEL_BASE_URL: 'http://127.0.0.1:9/v1' })).toMatch(
      /The model server at http:\/\/127\.0\.0\.1:9\/v1 does not answer/,
    );
    expect(await refused({ MODEL_NAME: 'another' })).toMatch(/has no model another; MODEL_NAME can be: devstral/);
  });

  it('with a database server that does not answer, and keeps its password to itself', async () => {
    const line = await refused({ DATABASE_URL: 'postgres://devstral:hunter2secret@127.0.0.1:9/devstral' });

    expect(line).toMatch(/The database devstral at 127\.0\.0\.1 cannot be used/);
    expect(line).not.toContain('hunter2secret');
  });
});
