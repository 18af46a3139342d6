import { describe, expect, it } from 'vitest';

import type { Sandbox } from '../../src/core/ports.ts';
import type { TestRun, TestStatus } from '../../src/core/verdict.ts';
import { findTestCommand } from '../../src/verification/find-test-command.ts';
import { judge } from '../../src/verification/judge.ts';
import { runTests } from '../../src/verification/run-tests.ts';
import { runners } from '../../src/verification/runners/all.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const runOf = (tests: Record<string, TestStatus>, changes: Partial<TestRun> = {}): TestRun => ({
  class: Object.values(tests).some((status) => status === 'failed') ? 'failed' : 'passed',
  reason: '',
  command: null,
  ran: '',
  exitCode: 0,
  tests: Object.entries(tests).map(([name, status]) => ({ file: 'test/a.js', name, status, message: '' })),
  logTail: '',
  seconds: 0,
  ...changes,
});

describe('the verdict', () => {
  it.each([
    ['verified', { a: 'failed', b: 'passed' }, { a: 'passed', b: 'passed' }, ['index.js'], 'repository'],
    ['verified', { a: 'failed', b: 'passed' }, { a: 'passed', b: 'passed' }, ['index.js', 'test/a.js'], 'patch'],
    ['verified', { a: 'error', b: 'failed' }, { a: 'passed', b: 'failed' }, ['index.js'], 'repository'],
    ['no-regressions', { a: 'passed', b: 'failed' }, { a: 'passed', b: 'failed' }, ['index.js'], null],
    ['no-regressions', { a: 'passed' }, { a: 'passed', fresh: 'passed' }, ['test/a.js'], null],
    ['regresses', { a: 'failed', b: 'passed' }, { a: 'passed', b: 'failed' }, ['index.js'], null],
    ['regresses', { a: 'failed', b: 'passed' }, { a: 'passed' }, ['index.js'], null],
    ['regresses', { a: 'failed', b: 'passed' }, { a: 'passed', b: 'skipped' }, ['index.js'], null],
    ['regresses', { a: 'failed', b: 'passed' }, { b: 'passed' }, ['test/a.js'], null],
    ['partly', { a: 'failed', b: 'passed' }, { a: 'passed', b: 'passed', fresh: 'failed' }, ['index.js'], 'repository'],
  ] as const)('is %s when %j becomes %j', (kind, before, after, changedPaths, provedBy) => {
    expect(judge({ baseline: runOf(before), patched: runOf(after), changedPaths })).toMatchObject({ kind, provedBy });
  });

  it.each(['timed-out', 'could-not-run'] as const)('is that nothing is known when a run %s', (ended) => {
    const good = runOf({ a: 'failed' });
    const bad = runOf({ a: 'passed' }, { class: ended, reason: 'because' });

    expect(judge({ baseline: good, patched: bad, changedPaths: [] })).toMatchObject({
      kind: 'unverifiable',
      headline: expect.stringContaining('with the patch: because'),
    });
    expect(judge({ baseline: bad, patched: good, changedPaths: [] })).toMatchObject({
      kind: 'unverifiable',
      headline: expect.stringContaining('before the patch: because'),
    });
  });
});

describe('the test command', () => {
  const find = (files: Record<string, string>, test?: string) =>
    findTestCommand({
      paths: Object.keys(files),
      read: async (path) => files[path] ?? null,
      settings: test === undefined ? {} : { test },
    });
  const scripts = (all: Record<string, string>) => ({ 'package.json': JSON.stringify({ scripts: all }) });

  it.each([
    ['node --test', scripts({ test: 'node --test' }), 'node:test', 'node --test'],
    [
      'a script behind a script',
      scripts({ test: 'npm run lint && npm run unit', lint: 'eslint .', unit: 'mocha --recursive' }),
      'mocha',
      'mocha --recursive',
    ],
    [
      'coverage around it',
      scripts({ test: 'npm run tests-only', 'tests-only': "nyc tape 'test/**/*.js'" }),
      'tap',
      "tape 'test/**/*.js'",
    ],
    [
      'a compile step before it',
      scripts({ pretest: 'npm run build', build: 'tsc -p .', test: 'vitest run' }),
      'vitest',
      'tsc -p . && vitest run',
    ],
    ['jest with arguments', scripts({ test: 'jest --ci' }), 'jest', 'jest --ci'],
    ['a runner that nobody knows', scripts({ test: 'make check' }), 'unknown', 'make check'],
    ['pytest by its settings', { 'pyproject.toml': '[tool.pytest.ini_options]\n' }, 'pytest', 'python3 -m pytest'],
    ['pytest by its tests', { 'tests/test_a.py': 'def test_a():\n    assert True\n' }, 'pytest', 'python3 -m pytest'],
    ['unittest by its tests', { 'test_a.py': 'import unittest\n' }, 'unittest', 'python3 -m unittest discover'],
  ])('is found: %s', async (_name, files, runner, command) => {
    expect(await find(files)).toMatchObject({ runner, command });
  });

  it('is not found where there is none, and settings win where there is one', async () => {
    expect(await find(scripts({ test: 'echo "Error: no test specified" && exit 1' }))).toBeNull();
    expect(await find({ 'main.c': '' })).toBeNull();
    expect(await find(scripts({ test: 'jest' }), 'npx mocha')).toMatchObject({
      runner: 'mocha',
      command: 'npx mocha',
      source: '.github/devstral.yml (test)',
    });
  });
});

describe('a report', () => {
  const parse = (name: string, report: string) =>
    runners
      .find((runner) => runner.name === name)
      ?.parse(report)
      ?.map(({ file, name: test, status }) => [file, test, status]);

  it('of tape is a test for each comment, failed by one assertion, and cut short when it died', () => {
    const tape =
      'TAP version 13\n# adds\nok 1 one\nnot ok 2 two\n  ---\n    operator: equal\n  ...\n# skips\nok 3 x # SKIP later\n# doubles\nok 4 y\n\n1..4\n# tests 4\n# pass  3\n# fail  1\n';

    expect(parse('tap', tape)).toEqual([
      ['', 'adds', 'failed'],
      ['', 'skips', 'skipped'],
      ['', 'doubles', 'passed'],
    ]);
    expect(parse('tap', 'TAP version 13\n# adds\nok 1 one\n# dies\n')).toEqual([['', 'adds', 'passed']]);
    expect(parse('tap', 'Segmentation fault\n')).toBeUndefined();
  });

  it('of pytest knows errors, skips and expected failures', () => {
    const xml =
      '<?xml version="1.0"?><testsuites><testsuite name="pytest"><testcase classname="tests.test_a.TestA" name="test_one[x]" file="tests/test_a.py"/><testcase classname="tests.test_a" name="test_two" file="tests/test_a.py"><failure message="assert 1 == 2">trace</failure></testcase><testcase classname="tests.test_a" name="test_three" file="tests/test_a.py"><skipped type="pytest.xfail" message=""/></testcase><testcase classname="tests.test_a" name="test_four" file="tests/test_a.py"><skipped type="pytest.skip" message=""/></testcase><testcase classname="" name="tests.test_b" file="tests/test_b.py"><error message="collection failure">ImportError</error></testcase></testsuite></testsuites>';

    expect(parse('pytest', xml)).toEqual([
      ['tests/test_a.py', 'TestA::test_one[x]', 'passed'],
      ['tests/test_a.py', 'test_two', 'failed'],
      ['tests/test_a.py', 'test_three', 'xfail'],
      ['tests/test_a.py', 'test_four', 'skipped'],
      ['tests/test_b.py', 'tests.test_b', 'error'],
    ]);
  });

  it('of unittest is read from its lines', () => {
    const lines =
      "test_a (test_x.T.test_a) ... ok\ntest_b (test_x.T.test_b)\nA docstring. ... FAIL\ntest_c (test_x.T) ... skipped 'later'\ntest_d (test_x.T.test_d) ... expected failure\n\n======================================================================\nFAIL: test_b (test_x.T.test_b)\n\nRan 4 tests in 0.001s\n\nFAILED (failures=1)\n";

    expect(parse('unittest', lines)).toEqual([
      ['', 'test_x.T.test_a', 'passed'],
      ['', 'test_x.T.test_b', 'failed'],
      ['', 'test_x.T.test_c', 'skipped'],
      ['', 'test_x.T.test_d', 'xfail'],
    ]);
  });

  it('of jest and vitest names files, and one that could not be loaded', () => {
    const json = JSON.stringify({
      testResults: [
        {
          name: '/workspace/a.test.js',
          status: 'failed',
          message: '',
          assertionResults: [
            { fullName: 'adds', status: 'passed', failureMessages: [] },
            { fullName: 'subtracts', status: 'failed', failureMessages: ['no'] },
            { fullName: 'later', status: 'todo' },
          ],
        },
        { name: '/workspace/b.test.js', status: 'failed', message: 'SyntaxError', assertionResults: [] },
      ],
    });

    for (const runner of ['jest', 'vitest'])
      expect(parse(runner, json)).toEqual([
        ['/workspace/a.test.js', 'adds', 'passed'],
        ['/workspace/a.test.js', 'subtracts', 'failed'],
        ['/workspace/a.test.js', 'later', 'skipped'],
        ['/workspace/b.test.js', '(the file itself)', 'error'],
      ]);
  });

  it('of mocha counts a failing hook', () => {
    const json = JSON.stringify({
      tests: [
        { fullTitle: 'a adds', file: '/workspace/t.js', err: {} },
        { fullTitle: 'a later', file: '/workspace/t.js', err: {} },
      ],
      pending: [{ fullTitle: 'a later', file: '/workspace/t.js' }],
      failures: [{ fullTitle: 'a "before each" hook', file: '/workspace/t.js', err: { message: 'no' } }],
      passes: [],
    });

    expect(parse('mocha', json)).toEqual([
      ['/workspace/t.js', 'a adds', 'passed'],
      ['/workspace/t.js', 'a later', 'skipped'],
      ['/workspace/t.js', 'a "before each" hook', 'failed'],
    ]);
  });

  it.each(['node:test', 'jest', 'vitest', 'mocha', 'pytest'])('of %s that is none is not taken for one', (name) => {
    for (const text of ['', 'ok', '{}', '<html></html>', '[]']) expect(parse(name, text), text).toBeUndefined();
  });
});

describe('a run of the suite', () => {
  const tapCommand = { runner: 'tap', command: 'tape test.js', source: '' };
  const run = (result: Partial<Awaited<ReturnType<Sandbox['execute']>>>, command = tapCommand) => {
    const sandbox: Sandbox = {
      ...memorySandbox(),
      execute: async () =>
        ({
          kind: 'exited',
          exitCode: 0,
          workingDirectory: '',
          output: '',
          omittedBytes: 0,
          seconds: 0,
          ...result,
        }) as never,
    };
    return runTests(
      { sandbox, command, timeoutMs: 1000, clock: { now: () => new Date(), sleep: async () => {} } },
      new AbortController().signal,
    );
  };
  const good = 'TAP version 13\n# a\nok 1 x\n1..1\n';
  const bad = 'TAP version 13\n# a\nnot ok 1 x\n1..1\n';

  it.each([
    ['passed', { output: good, exitCode: 0 }],
    ['failed', { output: bad, exitCode: 1 }],
    ['could-not-run', { output: bad, exitCode: 0 }],
    ['could-not-run', { output: good, exitCode: 1 }],
    ['could-not-run', { output: good, exitCode: 137 }],
    ['could-not-run', { output: 'sh: tape: not found', exitCode: 127 }],
    ['could-not-run', { output: 'hello', exitCode: 0 }],
    ['could-not-run', { output: 'TAP version 13\n1..0\n', exitCode: 0 }],
    ['timed-out', { kind: 'timed-out' }],
  ] as const)('is called %s by %j', async (expected, result) => {
    const ran = await run(result);

    expect(ran.class).toBe(expected);
    expect(ran.reason).not.toBe('');
  });

  it('is never called passed when no runner of ours can read it', async () => {
    expect(
      await run({ output: '1000 tests passed' }, { runner: 'unknown', command: 'make test', source: '' }),
    ).toMatchObject({ class: 'could-not-run', tests: [] });
  });
});
