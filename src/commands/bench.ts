import { Argument, Command } from 'commander';

import { benches } from './bench/all.ts';
import { type Figure, formatFigures } from './bench/figure.ts';

/** `devstral bench <name>`: the one place for speed and memory. Each bench runs its rival beside it in the same run. */
export function benchCommand(): Command {
  const names = benches.map((bench) => bench.name);
  return new Command('bench')
    .description('measure speed and memory beside a rival, in the same run')
    .addArgument(new Argument('<name>', 'what to measure').choices(names))
    .option('--json', 'end with one line of JSON')
    .action(async (name: string, options: { json?: true }) => {
      const bench = benches.find((each) => each.name === name);
      const figures: Figure[] =
        (await bench?.run((line) => void (options.json || process.stdout.write(`${line}\n`)))) ?? [];
      if (!options.json) process.stdout.write(`${formatFigures(figures)}\n`);
      else process.stdout.write(`${JSON.stringify({ bench: name, figures })}\n`);
      if (figures.some((figure) => figure.ok === false)) process.exitCode = 1;
    });
}
