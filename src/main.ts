#!/usr/bin/env node
import { Command, CommanderError } from 'commander';

import { benchCommand } from './commands/bench.ts';
import { demoCommand } from './commands/demo.ts';
import { fixCommand } from './commands/fix.ts';
import { replayCommand } from './commands/replay.ts';
import { serveCommand } from './commands/serve.ts';
import { OutsideError, SettingsError } from './core/errors.ts';

// Exit codes, as the README lists them: 0 done, 1 the run or the bot failed, 2 it could not start with what it was given,
// 3 (fix) the run ended without a verified fix, (replay) something came out differently.

const program = new Command('devstral')
  .description('Fixes issues with Devstral and proves the fix with the repository’s own tests.')
  .exitOverride()
  .addCommand(serveCommand())
  .addCommand(fixCommand())
  .addCommand(replayCommand())
  .addCommand(demoCommand())
  .addCommand(benchCommand());
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** One clear line for what people can mend; a stack trace only for what is our own mistake. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SettingsError || error instanceof OutsideError) {
    process.stderr.write(`devstral: ${error.message}\n`);
    return 2;
  }
  process.stderr.write(
    `devstral: an error of ours, please report it:\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return 1;
}
