import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { mintToken } from '../../src/simulation/github/authority.ts';
import {
  type GitHubSimulation,
  type RepositoryHandle,
  startGitHub,
} from '../../src/simulation/github/github-server.ts';
import { violationsOf } from '../support/github-oracle.ts';

const run = promisify(execFile);

describe('the simulated GitHub', () => {
  let github: GitHubSimulation;
  let repo: RepositoryHandle;
  beforeAll(async () => {
    github = await startGitHub();
    repo = await github.addRepository({ owner: 'octo', name: 'adder', files: new Map([['a.txt', 'one\n']]) });
    github.addUser({ login: 'writer' });
  });
  afterAll(() => github[Symbol.asyncDispose]());
  const ask = (path: string, token: string, init: RequestInit = {}) =>
    fetch(`${github.apiUrl}${path}`, { ...init, headers: { authorization: `token ${token}` } });

  it('is held to GitHub’s own description, which notices what is wrong', () => {
    const path = '/repos/octo/adder/git/ref/heads/main';
    const good = {
      ref: 'refs/heads/main',
      node_id: 'x',
      url: 'http://x',
      object: { type: 'commit', sha: 'a'.repeat(40), url: 'http://x' },
    };

    expect(violationsOf({ method: 'GET', path, requestBody: undefined, status: 200, body: good })).toEqual([]);
    expect(
      violationsOf({
        method: 'GET',
        path,
        requestBody: undefined,
        status: 200,
        body: { ...good, object: { type: 'commit' } },
      }),
    ).not.toEqual([]);
    expect(violationsOf({ method: 'GET', path, requestBody: undefined, status: 299, body: good })).not.toEqual([]);
    expect(
      violationsOf({ method: 'PUT', path: '/repos/octo/adder/nonsense', requestBody: {}, status: 200, body: {} }),
    ).not.toEqual([]);
    expect(
      violationsOf({
        method: 'POST',
        path: '/repos/octo/adder/issues/1/comments',
        requestBody: { body: 7 },
        status: 422,
        body: {},
      }),
    ).not.toEqual([]);
    expect(
      violationsOf({
        method: 'GET',
        path: '/repos/octo/adder',
        requestBody: undefined,
        status: 200,
        body: { id: 1, name: 'adder' },
      }),
    ).not.toEqual([]);
  });

  it('sends webhooks that fit the published schemas', async () => {
    const received: { event: unknown; body: unknown }[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      received.push({ event: request.headers['x-github-event'], body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(202).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    github.deliverTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const { number } = await github.openIssue({ repo, title: 'A title', body: 'A body', by: 'writer' });

    await github.label({ repo, issue: number, label: 'devstral', by: 'writer' });
    await github.comment({ repo, issue: number, body: 'Hello', by: 'writer' });

    server.close();
    const schemas = createRequire(import.meta.url)('@octokit/webhooks-schemas') as {
      definitions: Record<string, object>;
    };
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    ajv.addSchema({ ...schemas, $id: 'webhooks' });
    for (const [at, name] of [
      [0, 'issues$labeled'],
      [1, 'issue_comment$created'],
    ] as const) {
      const validate = ajv.getSchema(`webhooks#/definitions/${name}`);
      validate?.(received[at]?.body);
      const problems = (validate?.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
      expect([name, typeof validate, problems]).toEqual([name, 'function', []]);
    }
    expect(received.map(({ event }) => event)).toEqual(['issues', 'issue_comment']);
  });

  it('gives a token no more than was granted, one repository and one hour', async () => {
    const other = await github.addRepository({ owner: 'octo', name: 'other', files: new Map([['b.txt', 'b\n']]) });
    const { token } = mintToken(github.state, { repository_ids: [repo.id], permissions: { contents: 'read' } });

    const answers = [
      await ask('/repos/octo/adder/branches/main', token),
      await ask(`/repos/octo/${other.name}/branches/main`, token),
      await ask('/repos/octo/adder/git/refs', token, { method: 'POST', body: '{}' }),
      await ask('/repos/octo/adder/branches/main', 'ghs_unknown'),
    ].map((answer) => answer.status);
    await ask('/installation/token', token, { method: 'DELETE' });

    expect(answers).toEqual([200, 404, 403, 401]);
    expect((await ask('/repos/octo/adder/branches/main', token)).status).toBe(401);
    expect(() => mintToken(github.state, { permissions: { workflows: 'write' } })).toThrow('not granted');
  });

  it('lets git clone with a token, and nobody without', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clone-'));
    const { token } = mintToken(github.state, { repository_ids: [repo.id], permissions: { contents: 'read' } });
    const clone = (header: string[], to: string) =>
      run('git', [...header, 'clone', '-q', `${github.url}/octo/adder.git`, join(folder, to)], {
        env: { PATH: process.env.PATH, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' },
      });
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');

    await clone(['-c', `http.extraHeader=Authorization: Basic ${basic}`], 'with');

    expect((await run('cat', [join(folder, 'with', 'a.txt')])).stdout).toBe('one\n');
    await expect(clone([], 'without')).rejects.toThrow(/could not read Username|Authentication failed/);
    await rm(folder, { recursive: true, force: true });
  });

  it('shows issues to a real browser, with Markdown rendered and nothing alive in it', async () => {
    const body =
      '**bold** <script>document.title = "pwned"</script> <!-- hidden --> ![x](http://127.0.0.1:9/x.png)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<details><summary>more</summary>\n\ninside\n\n</details>';
    const { url } = await github.openIssue({ repo, title: 'Shown <b>as it is</b>', body, by: 'writer' });
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    try {
      const page = await browser.newPage();
      await page.goto(url);

      expect(await page.title()).toBe('Shown <b>as it is</b>');
      expect(await page.locator('h1').textContent()).toContain('Shown <b>as it is</b>');
      expect(await page.locator('.text strong').textContent()).toBe('bold');
      expect(await page.locator('.text table td').allInnerTexts()).toEqual(['1', '2']);
      expect(await page.locator('.text details summary').textContent()).toBe('more');
      expect(await page.locator('script').count()).toBe(0);
      expect(await page.locator('.text').textContent()).not.toContain('hidden');
    } finally {
      await browser.close();
    }
  });
});
