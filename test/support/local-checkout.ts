import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { gitCheckouts } from '../../src/adapters/git/git-checkouts.ts';
import type { Checkout } from '../../src/core/ports.ts';

/** A checkout of a repository made of these files, by real git; disposing it removes everything. */
export async function localCheckout(
  files: Readonly<Record<string, string | Buffer>>,
  options: { executable?: readonly string[] } = {},
): Promise<{ checkout: Checkout; source: string; folder: string; commit: string } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'checkout-'));
  const source = join(folder, 'source');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), content);
  }
  for (const path of options.executable ?? []) chmodSync(join(source, path), 0o755);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Me', '-c', 'user.email=me@localhost', '-C', source, ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-qm', 'First');
  const commit = git('rev-parse', 'HEAD');
  const checkouts = gitCheckouts({
    dataFolder: join(folder, 'data'),
    searchPath: process.env.PATH ?? '',
    caFile: null,
  });
  const repository = { id: 1, owner: 'octo', name: 'adder', installation: 0, defaultBranch: 'main' };
  const checkout = await checkouts.open(
    { run: 'testrun', repository, access: { url: source, authorization: null }, branch: 'main', commit },
    AbortSignal.timeout(60_000),
  );
  return {
    checkout,
    source,
    folder,
    commit,
    async [Symbol.asyncDispose]() {
      await checkout[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
