import { Command, Option } from 'commander';

import { SettingsError } from '../core/errors.ts';
import type { ScriptName } from './demo/demo-script.ts';
import { openDemo } from './demo/open-demo.ts';
import { findRealBug, type RealBug, realBugs } from './demo/real-bugs.ts';
import { showProgress } from './progress.ts';
import { resultLine, verdictLine } from './result-line.ts';

interface DemoOptions {
  readonly json?: true;
  readonly keep?: true;
  readonly package: string;
  readonly script: ScriptName;
}

/** `devstral demo`: a label becomes a pull request on this machine, with a real bug of a published package. */
export function demoCommand(): Command {
  const known = realBugs.map((bug) => `${bug.name}@${bug.version}`);
  return new Command('demo')
    .description('the whole way once on this machine: simulated GitHub and model, everything else is the product')
    .option('--json', 'print nothing but one line of JSON at the end')
    .option('--keep', 'leave the pages up until Ctrl-C')
    .addOption(new Option('--package <name@version>', `the bug: ${known.join(', ')}`).default(known[0] ?? ''))
    .addOption(
      new Option('--script <name>', 'what the scripted model does').choices(['right', 'wrong']).default('right'),
    )
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const bug = realBugNamed(options.package);
  const say = (line: string) => void (options.json || process.stdout.write(`${line}\n`));
  const progress = showProgress({ json: options.json ?? false, terminal: process.stdout.isTTY === true, write: say });
  say(`Real bug: ${bug.name}@${bug.version}, fixed in ${bug.fixedVersion}. Fetching both.`);
  await using demo = await openDemo(bug, options.script, { watch: progress.watch, say });

  const { run, journal } = await demo.ended();
  await progress.end();
  if (options.json) process.stdout.write(`${JSON.stringify(resultLine(run, journal))}\n`);
  if (run.outcome?.kind === 'pull-request') {
    say(`Pull request: ${run.outcome.url}${run.outcome.draft ? ' (draft)' : ''}`);
  } else {
    process.exitCode = 1;
    process.stderr.write(`devstral: ${verdictLine(run, journal)}\n`);
  }
  say(verdictLine(run, journal));
  if (options.keep) {
    process.stderr.write('The pages stay up until Ctrl-C.\n');
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  }
}

function realBugNamed(specifier: string): RealBug {
  const bug = findRealBug(specifier);
  if (bug) return bug;
  const known = realBugs.map((each) => `${each.name}@${each.version}`).join(', ');
  throw new SettingsError(`--package is ${specifier}; the demo knows ${known}.`);
}
