import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { JournalEntry } from '../../src/core/run.ts';
import { type ModelSimulation, startModel } from '../../src/simulation/model/model-server.ts';
import type { ScriptedTurn } from '../../src/simulation/model/script.ts';
import { adderFiles, scripts } from '../support/adder.ts';
import { devstral } from '../support/command.ts';

const pythonFiles = new Map([
  ['slug.py', 'def slug(text):\n    return text.replace(" ", "-")\n'],
  [
    'test_slug.py',
    'import unittest\n\nfrom slug import slug\n\n\nclass SlugTest(unittest.TestCase):\n    def test_spaces(self):\n        self.assertEqual(slug("a b"), "a-b")\n\n    def test_lower_case(self):\n        self.assertEqual(slug("A b"), "a-b")\n',
  ],
]);

const pythonScript: ScriptedTurn[] = [
  { text: '', calls: [{ name: 'execute_bash', arguments: { command: 'python3 -m unittest -v 2>&1 | tail -n 5' } }] },
  {
    text: '',
    calls: [
      {
        name: 'str_replace_editor',
        arguments: {
          command: 'str_replace',
          path: '/workspace/slug.py',
          old_str: 'text.replace',
          new_str: 'text.lower().replace',
        },
      },
    ],
  },
  { text: '', calls: [{ name: 'finish', arguments: { message: 'Lower case first.' } }] },
];

/** A folder with a git repository of these files in it; disposing it removes both. */
async function openRepository(
  files: ReadonlyMap<string, string>,
): Promise<{ folder: string; path: string; git(...args: string[]): string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'fix-'));
  const path = join(folder, 'project');
  for (const [name, content] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Me', '-c', 'user.email=me@localhost', '-C', path, ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-qm', 'First');
  return { folder, path, git, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

function environmentOf(model: ModelSimulation, folder: string): Record<string, string> {
  return { MODEL_BASE_URL: model.url, MODEL_NAME: 'devstral', HOME: folder };
}

describe('fix', () => {
  it('ends in a branch, a patch and a report for a JavaScript repository', async () => {
    await using repository = await openRepository(adderFiles);
    await using model = await startModel({ model: 'devstral', script: scripts.right });
    const out = join(repository.folder, 'out');

    const ran = await devstral(
      ['fix', '--repo', repository.path, '--issue', 'add() subtracts\n\nIt should add.', '--out', out, '--json'],
      environmentOf(model, repository.folder),
    );

    expect(ran.stderr).toBe('');
    expect(ran.exitCode).toBe(0);
    expect(JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      verdict: 'verified',
      fixed: 1,
      stillPassing: 1,
      newlyFailing: 0,
      patch: join(out, 'patch.diff'),
      trajectory: join(out, 'trajectory.jsonl'),
    });
    const branch = repository.git('branch', '--list', 'devstral/*', '--format=%(refname:short)');
    expect(repository.git('show', `${branch}:index.js`)).toContain('a + b');
    expect(await readFile(join(out, 'patch.diff'), 'utf8')).toContain('+exports.add = (a, b) => a + b;');
    expect(await readFile(join(out, 'report.md'), 'utf8')).toContain('✅ **Verified** — 1 fixed');
    const journal = (await readFile(join(out, 'trajectory.jsonl'), 'utf8')).trim().split('\n');
    const kinds = journal.map((line) => JournalEntry.parse(JSON.parse(line)).kind);
    expect(kinds.filter((kind) => kind === 'observation')).toHaveLength(scripts.right.length + 1);
    expect(kinds.at(-1)).toBe('stage');
    expect(repository.git('status', '--porcelain')).toBe('');
    expect(model.violations).toEqual([]);
  });

  it('does so for a Python repository, with plain lines for people', async () => {
    await using repository = await openRepository(pythonFiles);
    await using model = await startModel({ model: 'devstral', script: pythonScript });
    const issue = join(repository.folder, 'issue.md');
    await writeFile(issue, '# slug keeps capitals\n\n`slug("A b")` should be `a-b`.\n');

    const ran = await devstral(
      ['fix', '--repo', repository.path, '--issue', issue, '--out', join(repository.folder, 'out')],
      environmentOf(model, repository.folder),
    );

    expect(ran.stderr).toBe('');
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/Run the tests as they are …\n {2}failed: 1 of 2 tests pass/);
    expect(ran.stdout).toMatch(
      /Verdict: verified — 1 fixed, by the repository's own tests · 1 still passing · 0 newly failing\n$/,
    );
    const branch = repository.git('branch', '--list', 'devstral/*', '--format=%(refname:short)');
    expect(repository.git('show', `${branch}:slug.py`)).toContain('text.lower()');
  });

  it('says by its exit code that nothing was verified', async () => {
    await using repository = await openRepository(adderFiles);
    await using model = await startModel({ model: 'devstral', script: scripts.nothing });

    const ran = await devstral(
      ['fix', '--repo', repository.path, '--issue', 'add() subtracts', '--out', join(repository.folder, 'out')],
      environmentOf(model, repository.folder),
    );

    expect(ran.exitCode).toBe(3);
    expect(ran.stdout).toContain('No pull request (abstained)');
    expect(repository.git('branch', '--list', 'devstral/*')).toBe('');
  });

  it('keeps what was changed when it is interrupted, and leaves nothing else', async () => {
    await using repository = await openRepository(adderFiles);
    const endless = (_: unknown, turn: number): ScriptedTurn =>
      turn < 4
        ? (scripts.right[turn] ?? {})
        : { calls: [{ name: 'execute_bash', arguments: { command: `sleep 0.5; echo ${turn}` } }] };
    await using model = await startModel({ model: 'devstral', script: endless });
    const out = join(repository.folder, 'out');

    const ran = await devstral(
      ['fix', '--repo', repository.path, '--issue', 'add() subtracts', '--out', out],
      environmentOf(model, repository.folder),
      (child) => {
        const timer = setInterval(() => {
          if (model.requests.length < 6) return;
          clearInterval(timer);
          child.kill('SIGINT');
        }, 50);
      },
    );

    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toBe('Stopping; what the agent changed is kept. Once more stops at once.\n');
    expect(ran.stdout).toContain('No pull request (stopped): It was asked to stop');
    expect(await readFile(join(out, 'patch.diff'), 'utf8')).toContain('+exports.add = (a, b) => a + b;');
    expect(repository.git('branch', '--list', 'devstral/*')).toBe('');
  });

  it('refuses what is no repository and no issue with one line', async () => {
    const environment = { MODEL_BASE_URL: 'http://127.0.0.1:9/v1', MODEL_NAME: 'devstral' };

    const noRepository = await devstral(['fix', '--repo', tmpdir(), '--issue', 'x'], environment);
    const noIssue = await devstral(['fix', '--repo', tmpdir(), '--issue', ''], environment);

    expect([noRepository.exitCode, noRepository.stderr]).toEqual([
      2,
      `devstral: --repo names ${tmpdir()}, which is not the top folder of a git repository.\n`,
    ]);
    expect([noIssue.exitCode, noIssue.stderr]).toEqual([
      2,
      'devstral: --issue is empty; give a file, an issue URL or the text itself.\n',
    ]);
  });
});
