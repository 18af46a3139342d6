import { setTimeout } from 'node:timers/promises';
import pino from 'pino';

import { appSettings, modelSettings, workSettings } from '../../src/config.ts';
import type { JournalEntry, Run } from '../../src/core/run.ts';
import { type Bot, startBot } from '../../src/wiring.ts';
import { expectInvariants } from './invariants.ts';
import { type Outside, type OutsideOptions, openOutside } from './outside.ts';

/** A bot in this process, with everything around it. */
export interface Scenario extends Outside {
  readonly bot: Bot;
  /** The ids of the runs that have begun. */
  readonly runs: ReadonlySet<string>;
  readonly log: readonly string[];
  /** Waits until this many runs have ended, and gives them. */
  ended(count?: number): Promise<Run[]>;
  journal(run: string): Promise<JournalEntry[]>;
  expectInvariants(): Promise<void>;
}

/** Opens one, settings read as the product reads them. */
export async function openScenario(options: OutsideOptions): Promise<Scenario> {
  await using opened = new AsyncDisposableStack();
  const outside = opened.use(await openOutside(options));
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(line) });
  const runs = new Set<string>();
  const { environment } = outside;
  const settings = {
    work: workSettings(environment),
    app: appSettings(environment),
    model: modelSettings(environment),
  };
  const bot = opened.use(await startBot(settings, logger, (run) => void runs.add(run)));
  outside.github.deliverTo(`${bot.url}/api/github/webhooks`);

  const keep = opened.move();
  return {
    ...outside,
    bot,
    runs,
    log,
    journal: (run) => bot.runs.journal(run),
    async ended(count = 1) {
      for (let waitedMs = 0; ; waitedMs += 50) {
        const found = await Promise.all([...runs].map((run) => bot.runs.find(run)));
        const done = found.filter((run) => run?.state === 'ended').filter((run) => run !== null);
        if (done.length >= count) return done;
        if (waitedMs > 90_000)
          throw new Error(`Only ${done.length} of ${count} runs ended. Log:\n${log.slice(-20).join('')}`);
        await setTimeout(50);
      }
    },
    expectInvariants: () => expectInvariants(outside, { store: bot.runs, ids: runs, log }),
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}
