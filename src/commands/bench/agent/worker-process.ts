import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { profiles } from '../../../adapters/openai/profiles.ts';
import { wireRequest } from '../../../adapters/openai/wire.ts';
import { systemClock } from '../../../adapters/system-clock.ts';
import { attemptTask } from '../../../agent/attempt-task.ts';
import { conversationOf } from '../../../agent/conversation-of.ts';
import { systemPrompt, taskPrompt } from '../../../agent/prompt.ts';
import { openTools } from '../../../agent/tools/all.ts';
import { environmentVariables, modelSettings, workSettings } from '../../../config.ts';
import type { JournalEntry } from '../../../core/run.ts';
import type { Task } from '../../../core/task.ts';
import { trajectoryOf } from '../../../core/trajectory.ts';
import { openGround, openLog, openModel, openStore } from '../../../wiring.ts';
import { openSandbox } from '../../replay/open-sandbox.ts';

// The worker alone: the real loop, journal, sandbox and model client. Prints what it measured as one line of JSON.

const [url = '', steps = 0, folder = ''] = z
  .tuple([z.url(), z.coerce.number().int().positive(), z.string()])
  .parse(process.argv.slice(2));
const signal = AbortSignal.timeout(10 * 60_000);
const variables = { ...environmentVariables(), MODEL_BASE_URL: url, MODEL_NAME: 'devstral' };
const work = { ...workSettings(variables), dataFolder: join(folder, `data-${steps}`) };
const log = openLog('error');

const repository = join(folder, `repository-${steps}`);
const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim();
execFileSync('git', ['init', '-q', '-b', 'main', repository]);
await writeFile(join(repository, 'a.txt'), 'one\n');
git('add', '-A');
git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', 'First');

const task: Task = {
  kind: 'issue',
  repository: { id: 1, owner: 'local', name: 'bench', installation: 0, defaultBranch: 'main' },
  issue: { number: 0, title: 'Bench', body: `A bench of ${steps} steps.`, author: 'you', url: '' },
  askedBy: { id: 1, login: 'you' },
  askedAt: new Date().toISOString(),
  request: { kind: 'command-line' },
};
const facts = { baseline: null, instructions: [], lastFailure: null };

await using runs = await openStore(work, log);
const model = await openModel(modelSettings(variables), log, signal);
await runs.accept(task, [`bench:${steps}`]);
await using claim = await runs.claim(signal);
if (!claim) throw new Error('No run to work on');
const run = claim.run.id;
const ground = openGround(work);
const at: number[] = [];
let peakMb = 0;
try {
  const base = { run, repository, name: 'bench', branch: 'main', commit: git('rev-parse', 'HEAD') };
  await using sandbox = await openSandbox(ground, base, signal);
  await attemptTask(
    {
      run,
      number: 1,
      task,
      sandbox,
      model,
      limits: { steps: steps + 5, tokens: 1e12, minutes: 60 },
      manner: { paper: false, extraTools: true },
      clock: systemClock,
      facts,
      before: { steps: [], condensations: [], checkpoint: null },
      stop: new AbortController().signal,
      append: async (entry: JournalEntry) => {
        await claim.append(entry);
        if (entry.kind === 'turn') at.push(performance.now());
      },
    },
    signal,
  );
  // Before anything is read back for the rivals' sake.
  peakMb = process.resourceUsage().maxRSS / 1024;
} finally {
  await ground.sandboxes.removeLeftovers(async () => false);
}

const trajectory = trajectoryOf(await claim.journal(), 1);
const prompts = { system: systemPrompt('/workspace'), task: taskPrompt(task, facts, '/workspace', '0'.repeat(16)) };
const tools = openTools({ extras: true }).map((tool) => tool.definition);
await writeFile(
  join(folder, `request-${steps}.json`),
  JSON.stringify({
    model: 'devstral',
    ...wireRequest(conversationOf(prompts, trajectory), tools, profiles.vllm),
  }),
);
await claim.finish({ kind: 'stopped', reason: 'The bench is over.' });
const stepMs = at.slice(1, steps + 1).map((ended, index) => ended - (at[index] ?? Number.NaN));
process.stdout.write(`${JSON.stringify({ stepMs, peakMb })}\n`);
