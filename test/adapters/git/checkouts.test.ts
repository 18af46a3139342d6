import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';

import { gitCheckouts } from '../../../src/adapters/git/git-checkouts.ts';
import { mintToken } from '../../../src/simulation/github/authority.ts';
import { startGitHub } from '../../../src/simulation/github/github-server.ts';
import { secretsIn } from '../../support/canaries.ts';
import { localCheckout } from '../../support/local-checkout.ts';

const signal = () => AbortSignal.timeout(60_000);
const patchOf = (baseCommit: string, ...lines: string[]) => ({ baseCommit, diff: `${lines.join('\n')}\n` });
const addFile = (path: string, mode: string, content: string) => [
  `diff --git a/${path} b/${path}`,
  `new file mode ${mode}`,
  '--- /dev/null',
  `+++ b/${path}`,
  '@@ -0,0 +1 @@',
  `+${content}`,
];

describe('a checkout', () => {
  it('has the commit’s files, and gives them by path', async () => {
    await using local = await localCheckout({ 'a.txt': 'one\n', 'sub/b.txt': 'two\n' });

    const read = async (path: string, maxBytes = 100) => {
      const bytes = await local.checkout.read(path, maxBytes, signal());
      return bytes && Buffer.from(bytes).toString();
    };

    expect(await local.checkout.paths(signal())).toEqual(['a.txt', 'sub/b.txt']);
    expect([
      await read('sub/b.txt'),
      await read('missing'),
      await read('sub'),
      await read('a.txt', 2),
      await read('*.txt'),
    ]).toEqual(['two\n', null, null, null, null]);
  });

  it('goes into a sandbox clean: no remotes, no hooks, nothing newer than the base', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clean-'));
    await using local = await localCheckout({ 'a.txt': 'one\n' });
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=Me', '-c', 'user.email=me@localhost', '-C', local.source, ...args], {
        encoding: 'utf8',
      }).trim();
    git('commit', '-q', '--allow-empty', '-m', 'Newer: the answer');
    const newer = git('rev-parse', 'HEAD');
    git('branch', 'other');
    const checkouts = gitCheckouts({
      dataFolder: join(local.folder, 'second'),
      searchPath: process.env.PATH ?? '',
      caFile: null,
    });
    await using checkout = await checkouts.open(
      {
        run: 'r',
        repository: local.checkout.repository,
        access: { url: local.source, authorization: null },
        branch: 'main',
        commit: local.commit,
      },
      signal(),
    );

    const untar = spawn('tar', ['-x', '-C', folder, '--no-same-owner']);
    await pipeline(checkout.workTreeTar(signal()), untar.stdin);
    await new Promise((resolve) => untar.once('close', resolve));

    const inside = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim();
    expect(inside('status', '--porcelain')).toBe('');
    expect([inside('branch', '--format=%(refname)'), inside('remote'), inside('rev-parse', 'HEAD')]).toEqual([
      'refs/heads/main',
      '',
      local.commit,
    ]);
    expect(() => execFileSync('git', ['-C', folder, 'cat-file', '-e', newer], { stdio: 'ignore' })).toThrow();
    expect(existsSync(join(folder, '.git', 'hooks'))).toBe(false);
    await rm(folder, { recursive: true, force: true });
  });

  it('reads what a patch leaves: text, binaries, modes, deletions, odd names', async () => {
    await using local = await localCheckout({
      'a.txt': 'one\n',
      'gone.txt': 'x\n',
      'crlf.txt': 'a\r\nb\r\n',
      'run.sh': '#!/bin/sh\n',
    });
    const patch = patchOf(
      local.commit,
      'diff --git a/a.txt b/a.txt',
      '--- a/a.txt',
      '+++ b/a.txt',
      '@@ -1 +1 @@',
      '-one',
      '+eins',
      '\\ No newline at end of file',
      'diff --git a/crlf.txt b/crlf.txt',
      '--- a/crlf.txt',
      '+++ b/crlf.txt',
      '@@ -1,2 +1,2 @@',
      ' a\r',
      '-b\r',
      '+c\r',
      'diff --git a/gone.txt b/gone.txt',
      'deleted file mode 100644',
      '--- a/gone.txt',
      '+++ /dev/null',
      '@@ -1 +0,0 @@',
      '-x',
      'diff --git a/run.sh b/run.sh',
      'old mode 100644',
      'new mode 100755',
      ...addFile('with space ü.txt', '100644', 'x'),
    );

    const applied = await local.checkout.apply(patch, signal());

    expect(
      applied.kind === 'applied' &&
        applied.files.map((file) => [
          file.path,
          file.mode,
          file.contentBase64 && Buffer.from(file.contentBase64, 'base64').toString(),
        ]),
    ).toEqual([
      ['a.txt', '100644', 'eins'],
      ['crlf.txt', '100644', 'a\r\nc\r\n'],
      ['gone.txt', '100644', null],
      ['run.sh', '100755', '#!/bin/sh\n'],
      ['with space ü.txt', '100644', 'x\n'],
    ]);
  });

  // THREATS §6: what git itself refuses, and what it lets through for our own policy to see.
  it.each([
    ['../evil', '100644', 'rejected'],
    ['/tmp/evil', '100644', 'rejected'],
    ['.git/config', '100644', 'rejected'],
    ['.GIT/config', '100644', 'rejected'],
    ['git~1/config', '100644', 'rejected'],
    ['sub/.git/hooks/post-checkout', '100755', 'rejected'],
    ['.github/workflows/x.yml', '100644', 'applied'],
    ['link', '120000', 'applied'],
    ['fine.txt', '100644', 'applied'],
  ])('lets a patch to %s (%s) touch nothing on this machine: %s', async (path, mode, kind) => {
    await using local = await localCheckout({ 'a.txt': 'one\n' });
    const before = readdirSync(local.folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.includes('objects'))
      .sort();

    const applied = await local.checkout.apply(patchOf(local.commit, ...addFile(path, mode, 'evil')), signal());

    expect(applied.kind).toBe(kind);
    expect(applied.kind === 'applied' ? applied.files[0]?.mode : mode).toBe(mode);
    expect(
      readdirSync(local.folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => !name.includes('objects'))
        .sort(),
    ).toEqual(before);
    expect(existsSync('/tmp/evil')).toBe(false);
  });

  it('runs nothing that the repository names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'named-'));
    const evil = `touch ${join(folder, 'pwned')}`;
    await using local = await localCheckout({
      '.gitattributes': '* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n',
      '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "${evil}"\n`,
      '.lfsconfig': '[lfs]\n\turl = http://127.0.0.1:9/\n',
      'a.txt': 'one\n',
      'big.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
    });
    execFileSync('git', ['-C', local.source, 'config', 'uploadpack.packObjectsHook', evil]);
    mkdirSync(join(local.source, '.git', 'hooks'), { recursive: true });

    const applied = await local.checkout.apply(patchOf(local.commit, ...addFile('b.txt', '100644', 'x')), signal());

    expect(applied.kind).toBe('applied');
    expect(existsSync(join(folder, 'pwned'))).toBe(false);
    expect(Buffer.from((await local.checkout.read('big.bin', 1000, signal())) ?? '').toString()).toContain('git-lfs');
    await rm(folder, { recursive: true, force: true });
  });

  it('is fetched with a token that stands in no argument, file or address', async () => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'token-'));
    await using github = await startGitHub();
    const repo = await github.addRepository({
      owner: 'octo',
      name: 'adder',
      files: new Map([['a.txt', 'x'.repeat(100_000)]]),
    });
    const { token } = mintToken(github.state, { repository_ids: [repo.id], permissions: { contents: 'read' } });
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64');
    const commit = execFileSync('git', ['--git-dir', repo.folder, 'rev-parse', 'main'], { encoding: 'utf8' }).trim();
    const secrets = new Map([
      ['token', token],
      ['header', basic],
    ]);
    const seen = new Set<string>();
    const watching = setInterval(() => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          if (line.startsWith('git') || line.includes('/git'))
            for (const name of secretsIn(line, secrets)) seen.add(name);
        } catch {
          // The process has ended meanwhile.
        }
      }
    }, 2);

    const checkouts = gitCheckouts({ dataFolder, searchPath: process.env.PATH ?? '', caFile: null });
    const repository = { id: repo.id, owner: 'octo', name: 'adder', installation: 77, defaultBranch: 'main' };
    const access = { url: `${github.url}/octo/adder.git`, authorization: `Basic ${basic}` };
    await using checkout = await checkouts.open({ run: 'r', repository, access, branch: 'main', commit }, signal());
    clearInterval(watching);

    const written = spawnSync('grep', ['-rlaF', '-e', token, '-e', basic, dataFolder], { encoding: 'utf8' }).stdout;
    expect(await checkout.paths(signal())).toEqual(['a.txt']);
    expect([...seen]).toEqual([]);
    expect(written).toBe('');
    await expect(
      checkouts.open(
        {
          run: 'r',
          repository,
          access: { ...access, authorization: 'Basic bm9uc2Vuc2U=' },
          branch: 'main',
          commit: 'a'.repeat(40),
        },
        signal(),
      ),
    ).rejects.toMatchObject({ retry: 'never', message: expect.stringContaining('contents: read') });
    await rm(dataFolder, { recursive: true, force: true });
  });

  it('is refused by any protocol but https, and http of this machine', async () => {
    await using local = await localCheckout({ 'a.txt': 'x' });
    const checkouts = gitCheckouts({
      dataFolder: join(local.folder, 'other'),
      searchPath: process.env.PATH ?? '',
      caFile: null,
    });
    const open = (url: string) =>
      checkouts.open(
        {
          run: 'r',
          repository: local.checkout.repository,
          access: { url, authorization: null },
          branch: 'main',
          commit: local.commit,
        },
        signal(),
      );

    for (const url of [
      'http://example.com/x.git',
      'ssh://git@localhost/x',
      'git://localhost/x',
      'file:///etc',
      'ext::sh -c touch% /tmp/evil',
    ]) {
      await expect(open(url)).rejects.toMatchObject({ retry: 'never' });
    }
    expect(existsSync('/tmp/evil')).toBe(false);
  });
});
