import { Command } from 'commander';

/** `devstral bench <name>`: the one place for speed and memory. */
export function benchCommand(): Command {
  return new Command('bench').description('measure speed and memory beside a rival');
}
