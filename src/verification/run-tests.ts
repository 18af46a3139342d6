import { randomBytes } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';

import type { CommandResult } from '../core/command.ts';
import type { Clock, Sandbox } from '../core/ports.ts';
import type { TestCommand, TestResult, TestRun } from '../core/verdict.ts';
import { runnerNamed } from './find-test-command.ts';
import { identified } from './identified.ts';
import type { Runner } from './runners/runner.ts';

export interface TestRequest {
  readonly sandbox: Sandbox;
  readonly command: TestCommand;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const reportBytes = 64 * 1024 ** 2;
const tailCharacters = 4000;

/** Runs the suite once and reads what the runner reports. The exit code is the engine's word, the statuses are the report's. */
export async function runTests(
  { sandbox, command, timeoutMs, clock }: TestRequest,
  signal: AbortSignal,
): Promise<TestRun> {
  const started = clock.now().getTime();
  const runner = runnerNamed(command.runner);
  // Outside the work tree and under a name that no repository can know.
  const folder = `/tmp/devstral-${randomBytes(8).toString('hex')}`;
  const reportPath = `${folder}/report`;
  const { command: ran, environment } = runner?.invocation(command.command, reportPath) ?? {
    command: command.command,
    environment: {},
  };
  await sandbox.execute(['/bin/mkdir', '-p', folder], { timeoutMs: 10_000 }, signal);
  const script = `export PATH="${sandbox.workTree}/node_modules/.bin:$PATH"\n${ran}`;
  const result = await sandbox.execute(['/bin/bash', '-c', script], { timeoutMs, environment }, signal);
  const report = await readReport(sandbox, runner, reportPath, result, signal);
  const tests = report === null ? null : (runner?.parse(report) ?? null);
  const known = tests && identified(tests, sandbox.workTree);
  return {
    ...classify(result, runner, known, timeoutMs),
    command,
    ran: withVariables(environment, ran),
    exitCode: result.kind === 'exited' ? result.exitCode : null,
    tests: known ?? [],
    logTail: stripVTControlCharacters(result.output).slice(-tailCharacters),
    seconds: (clock.now().getTime() - started) / 1000,
  };
}

async function readReport(
  sandbox: Sandbox,
  runner: Runner | null,
  path: string,
  result: CommandResult,
  signal: AbortSignal,
): Promise<string | null> {
  if (!runner) return null;
  if (runner.reportsOn === 'output') return result.omittedBytes > 0 ? null : stripVTControlCharacters(result.output);
  const read = await sandbox.readFile(path, { maxBytes: reportBytes }, signal);
  return read.kind === 'file' ? new TextDecoder().decode(read.content) : null;
}

/** What the run is worth: what kept it from running is looked at first, and exit code and report must agree. */
function classify(
  result: CommandResult,
  runner: Runner | null,
  tests: readonly TestResult[] | null,
  timeoutMs: number,
): Pick<TestRun, 'class' | 'reason'> {
  const couldNot = (reason: string) => ({ class: 'could-not-run' as const, reason });
  if (result.kind === 'timed-out')
    return { class: 'timed-out', reason: `The tests took longer than ${timeoutMs / 60_000} minutes.` };
  const { exitCode } = result;
  if (result.outOfMemory)
    return couldNot('The tests ran out of memory (SANDBOX_MEMORY_MB): the kernel killed a part of them.');
  if (exitCode === 137) return couldNot('The tests were killed (exit code 137).');
  if (exitCode === 126 || exitCode === 127)
    return couldNot(`The test command cannot be run (exit code ${exitCode}): a program it names is not installed.`);
  if (!runner)
    return couldNot(
      `The test command ended with exit code ${exitCode}, but its runner is none whose report can be read, so nothing is known test by test.`,
    );
  if (tests === null) return couldNot(`${runner.name} left no report that can be read (exit code ${exitCode}).`);
  if (tests.length === 0) return couldNot(`${runner.name} collected no tests.`);
  const failing = tests.filter((test) => ['failed', 'error', 'timeout'].includes(test.status)).length;
  if (exitCode === 0 && failing > 0) return couldNot(`The exit code says passed, the report says ${failing} failed.`);
  if (exitCode !== 0 && failing === 0)
    return couldNot(`The exit code is ${exitCode} although the report shows no failure.`);
  return failing > 0
    ? { class: 'failed', reason: `${failing} of ${tests.length} tests fail.` }
    : { class: 'passed', reason: `${tests.length} tests, none fails.` };
}

function withVariables(environment: Readonly<Record<string, string>>, command: string): string {
  return [
    ...Object.entries(environment).map(([name, value]) =>
      /[^\w./=:-]/.test(value) ? `${name}='${value}'` : `${name}=${value}`,
    ),
    command,
  ].join(' ');
}
