import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startModel } from '../../src/simulation/model/model-server.ts';
import type { ScriptedTurn } from '../../src/simulation/model/script.ts';
import { adderFiles } from '../support/adder.ts';
import { devstral } from '../support/command.ts';

const call = (name: string, input: Record<string, unknown>): ScriptedTurn => ({
  text: '',
  calls: [{ name, arguments: input }],
});

const script: ScriptedTurn[] = [
  call('execute_bash', { command: 'ls && cat README.md' }),
  call('execute_bash', { command: 'cd test && npm test' }),
  call('str_replace_editor', {
    command: 'str_replace',
    path: '/workspace/index.js',
    old_str: 'a - b',
    new_str: 'a + b',
  }),
  call('execute_bash', { command: 'pwd; npm test' }),
  call('finish', { message: 'It adds now.' }),
];

/** The adder's repository, and what `devstral fix` left of working on it. */
async function recordFix(folder: string): Promise<{ repository: string; trajectory: string; commit: string }> {
  const repository = join(folder, 'project');
  for (const [name, content] of adderFiles) {
    await mkdir(dirname(join(repository, name)), { recursive: true });
    await writeFile(join(repository, name), content);
  }
  git(repository, 'init', '-q', '-b', 'main');
  git(repository, 'add', '-A');
  git(repository, 'commit', '-qm', 'First');
  await using model = await startModel({ model: 'devstral', script });
  const out = join(folder, 'out');
  await devstral(['fix', '--repo', repository, '--issue', 'add() subtracts', '--out', out], {
    MODEL_BASE_URL: model.url,
    MODEL_NAME: 'devstral',
    HOME: folder,
  });
  return { repository, trajectory: join(out, 'trajectory.jsonl'), commit: git(repository, 'rev-parse', 'HEAD') };
}

function git(repository: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'user.name=Me', '-c', 'user.email=me@localhost', '-C', repository, ...args], {
    encoding: 'utf8',
  }).trim();
}

describe('replay', () => {
  let folder = '';
  let recorded: Awaited<ReturnType<typeof recordFix>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'replay-'));
    recorded = await recordFix(folder);
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const replay = (...args: string[]) => devstral(['replay', ...args], { HOME: folder });

  it('finds nothing but durations when a run of fix is done again', async () => {
    const { repository, trajectory, commit } = recorded;

    const ran = await replay(trajectory, '--repo', repository);

    expect(ran.stderr).toBe('');
    expect(ran.stdout.split('\n')).toEqual([
      `Replaying devstral journal attempt-1, recorded in /workspace, at commit ${commit.slice(0, 12)}`,
      '  1  execute_bash: ls && cat README.md   same',
      '  2  execute_bash: cd test && npm test   noise',
      '  3  str_replace_editor: str_replace /workspace/index.js   same',
      '  4  execute_bash: pwd; npm test   noise',
      '  5  finish: task completed: true   not compared: nothing to compare with',
      '  6  finish: task completed: true   same',
      '6 steps: 3 same · 2 same but for noise · 0 differ · 1 not compared',
      '',
    ]);
    expect(ran.exitCode).toBe(0);
  });

  it('shows the one step that comes out differently when the repository has changed since', async () => {
    const { repository, trajectory, commit } = recorded;
    git(repository, 'switch', '-q', '-c', 'changed');
    await writeFile(join(repository, 'README.md'), '# adder\n\nAdds two numbers.\n');
    git(repository, 'commit', '-qam', 'Say how many');

    const ran = await replay(trajectory, '--repo', repository);
    const asRecorded = await replay(trajectory, '--repo', repository, '--commit', commit, '--json');

    expect(ran.exitCode).toBe(3);
    expect(ran.stdout).toContain(
      `It was recorded at another commit; to start from that: --commit ${commit}\n  1  execute_bash: ls && cat README.md   DIFFERS\n     --- recorded\n     +++ replayed\n`,
    );
    expect(ran.stdout).toContain('\n     -Adds numbers.\n     +Adds two numbers.\n');
    expect(ran.stdout).toMatch(/\n6 steps: 2 same · 2 same but for noise · 1 differs · 1 not compared\n$/);
    expect(asRecorded.exitCode).toBe(0);
    expect(JSON.parse(asRecorded.stdout)).toMatchObject({
      format: 'devstral journal',
      instance: 'attempt-1',
      root: '/workspace',
      commit,
      counts: { same: 3, noise: 2, differs: 0, notCompared: 1, notReplayed: 0 },
    });
  });

  it('does again what SWE-agent recorded elsewhere, in its own words and paths', async () => {
    const { repository, commit } = recorded;
    const file = join(folder, 'adder.traj');
    const edited = [
      "The file /testbed/index.js has been edited. Here's the result of running `cat -n` on a snippet of /testbed/index.js:",
      '     1\texports.add = (a, b) =>',
      '     2\t  a + b; // it\'s a "sum"',
      '     3\t',
      '     4\texports.twice = (a) => a * 2;',
      '     5\t',
      'Review the changes and make sure they are as expected. Edit the file again if necessary.',
    ].join('\n');
    const trajectory = [
      { action: 'cd /testbed && pwd', observation: '/testbed' },
      {
        action: `str_replace_editor str_replace /testbed/index.js --old_str '(a, b) => a - b;' --new_str '(a, b) =>\n  a + b; // it'"'"'s a "sum"'`,
        observation: edited,
      },
      { action: 'node -p "require(\'/testbed/index.js\').add(2, 3)"', observation: '6' },
      { action: 'true', observation: 'Your command ran successfully and did not produce any output.' },
      { action: 'submit', observation: 'diff --git …' },
    ];
    await writeFile(file, JSON.stringify({ trajectory, history: [], info: {} }));

    const ran = await replay(file, '--repo', repository, '--commit', commit, '--json');

    expect(ran.stderr).toBe('');
    const line = JSON.parse(ran.stdout);
    expect(line.root).toBe('/testbed');
    expect(line.steps.map((step: { result: { kind: string } }) => step.result.kind)).toEqual([
      'noise',
      'same',
      'differs',
      'noise',
      'not-compared',
    ]);
    expect(line.steps[2].result.diff).toContain('-6\n+5');
    expect(ran.exitCode).toBe(3);
  });

  it('names what it could not do again or had nothing to compare with, and does the rest', async () => {
    const { repository, commit } = recorded;
    const root = '/workspace/octo__adder__1.0';
    const file = join(folder, 'adder.json');
    const event = (id: number, action: string, args: object) => ({ id, source: 'agent', action, args });
    const result = (cause: number, observation: string, content: string, extras: object = {}) => ({
      id: cause + 1,
      source: 'agent',
      cause,
      observation,
      content,
      extras,
    });
    const events = [
      event(1, 'run', { command: `cd ${root}/test && ls && node -p __dirname` }),
      result(1, 'run', 'adder.test.js\n.', { metadata: { exit_code: 0, working_dir: `${root}/test` } }),
      event(3, 'edit', { command: 'create', path: `${root}/a.js`, file_text: `console.log('${root}', __filename);` }),
      result(3, 'edit', `File created successfully at: ${root}/a.js`),
      event(5, 'run', { command: 'node ../a.js && false' }),
      result(5, 'run', `${root} ${root}/a.js`, { metadata: { exit_code: 1, working_dir: `${root}/test` } }),
      event(7, 'browse', { url: 'http://localhost' }),
      result(7, 'browse', 'a page'),
      event(9, 'finish', { final_thought: 'Done.' }),
    ];
    await writeFile(file, JSON.stringify(events));

    const ran = await replay(file, '--repo', repository, '--commit', commit);

    expect(ran.stderr).toBe('');
    expect(ran.stdout.split('\n').slice(1)).toEqual([
      `  1  execute_bash: cd ${root}/test && ls && node -p __dirname   noise`,
      `  2  str_replace_editor: create ${root}/a.js   same`,
      '  3  execute_bash: node ../a.js && false   noise',
      '  4  browse   not replayed: there is no such tool here',
      '  5  finish: task completed: true   not compared: nothing to compare with',
      '5 steps: 1 same · 2 same but for noise · 0 differ · 1 not compared · 1 not replayed',
      '',
    ]);
    expect(ran.exitCode).toBe(0);
  });

  it('leaves the repository and the trajectory as they are', async () => {
    const { repository, trajectory } = recorded;

    expect(git(repository, 'status', '--porcelain')).toBe('');
    expect((await readFile(trajectory, 'utf8')).trim().split('\n').length).toBeGreaterThan(10);
  });

  it('says in one line what is wrong with what it was given', async () => {
    const { repository, trajectory } = recorded;

    const refusals = await Promise.all([
      replay(join(folder, 'nothing.json'), '--repo', repository),
      replay(join(repository, 'package.json'), '--repo', repository),
      replay(trajectory, '--repo', folder),
      replay(trajectory, '--repo', repository, '--commit', 'v9'),
      replay(trajectory, '--repo', repository, '--root', '/'),
      replay(trajectory, '--repo', repository, '--instance', 'attempt-2'),
    ]);

    expect(refusals.map(({ exitCode }) => exitCode)).toEqual(refusals.map(() => 2));
    expect(refusals.map(({ stderr }) => stderr)).toEqual([
      `devstral: ${folder}/nothing.json is not a file; give the file that holds the trajectory.\n`,
      `devstral: ${repository}/package.json is in no format that can be replayed; those are: devstral journal, OpenHands, SWE-agent, messages.\n`,
      `devstral: --repo names ${folder}, which is not the top folder of a git repository.\n`,
      `devstral: --commit is v9, which is no commit of ${repository}; fetch it there first.\n`,
      'devstral: --root is /; give the absolute path that the repository had, such as /testbed.\n',
      `devstral: ${trajectory} has no attempt-2; --instance may be one of: attempt-1 = #1.\n`,
    ]);
  });
});
