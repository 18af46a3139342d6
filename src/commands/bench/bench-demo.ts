import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { SettingsError } from '../../core/errors.ts';
import type { JournalEntry, Stage } from '../../core/run.ts';
import { recall } from '../../pipeline/recall.ts';
import { openDemo } from '../demo/open-demo.ts';
import { realBugs } from '../demo/real-bugs.ts';
import { compared, type Figure, plain } from './figure.ts';

const execute = promisify(execFile);
const stages: readonly Stage[] = ['preparing', 'baseline', 'working', 'verifying', 'publishing', 'done'];

/**
 * Wall time of each stage of the demo's run, and what of the whole is our own: without set-up's commands, the model's
 * answers and the tests. The rival does only the tests, twice, with bare `docker run` on the same environment.
 */
export async function benchDemo(say: (line: string) => void): Promise<Figure[]> {
  const [bug] = realBugs;
  if (!bug) throw new SettingsError('The demo knows no bug to measure with.');
  const reached = new Map<Stage, number>();
  const watch = (entry: JournalEntry) => {
    if (entry.kind === 'stage') reached.set(entry.stage, performance.now());
  };
  say(`Running the demo with ${bug.name}@${bug.version} …`);
  const { run, journal } = await ended(bug, watch);
  const baseline = recall(journal, 'baseline')?.run;
  const patched = recall(journal, 'verdict')?.verdict.patched;
  const environment = recall(journal, 'environment')?.environment;
  if (!baseline || !patched || !environment || !run.endedAt) throw new Error('The demo ended before it was verified');

  say('Running the same tests twice with bare docker run …');
  const bare =
    (await bareSeconds(environment.image, baseline.ran)) + (await bareSeconds(environment.image, patched.ran));

  const secondsOf = (from: Stage, to: Stage) =>
    ((reached.get(to) ?? Number.NaN) - (reached.get(from) ?? Number.NaN)) / 1000;
  const whole = (run.endedAt.getTime() - run.receivedAt.getTime()) / 1000;
  const model = journal.reduce((sum, entry) => sum + (entry.kind === 'turn' ? entry.turn.seconds : 0), 0);
  const tools = journal.reduce((sum, entry) => sum + (entry.kind === 'observation' ? entry.observation.seconds : 0), 0);
  const tests = baseline.seconds + patched.seconds;
  return [
    ...stages.slice(0, -1).map((stage, at) => plain(stage, secondsOf(stage, stages[at + 1] ?? 'done'), 's')),
    plain('whole run', whole, 's'),
    plain("of it set-up's commands", environment.cached ? 0 : environment.seconds, 's'),
    plain("of it the model's answers", model, 's'),
    plain("of it the agent's commands", tools, 's'),
    plain('of it the tests', tests, 's'),
    plain('our own part', whole - (environment.cached ? 0 : environment.seconds) - model - tools - tests, 's'),
    // The two test runs with their sandboxes, opened and closed, beside the bare containers.
    compared(
      'tests without and with the patch',
      secondsOf('baseline', 'working') + secondsOf('verifying', 'publishing'),
      's',
      bare,
      2,
    ),
  ];
}

async function ended(bug: Parameters<typeof openDemo>[0], watch: (entry: JournalEntry) => void) {
  await using demo = await openDemo(bug, 'right', { watch, say: () => {} });
  return await demo.ended();
}

async function bareSeconds(image: string, command: string): Promise<number> {
  const script = `cp -a /environment/workspace/. /workspace/ && cd /workspace && export PATH=/workspace/node_modules/.bin:$PATH && ${command}; true`;
  const started = performance.now();
  await execute(
    'docker',
    ['run', '--rm', '--network', 'none', '--user', '10001:10001', '--entrypoint', '/bin/bash', image, '-c', script],
    { maxBuffer: 64 * 1024 ** 2 },
  );
  return (performance.now() - started) / 1000;
}
