import { Command } from 'commander';

import { appSettings, environmentVariables, modelSettings, workSettings } from '../config.ts';
import { openLog, startBot } from '../wiring.ts';

/** `devstral serve`: takes webhooks and works on them until it is told to stop. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('take webhooks from GitHub and work on them (settings come from the environment, see .env.example)')
    .action(serve);
}

async function serve(): Promise<void> {
  const variables = environmentVariables();
  const settings = { app: appSettings(variables), model: modelSettings(variables), work: workSettings(variables) };
  const log = openLog(settings.work.logLevel);
  if (settings.work.databaseUrl === null) {
    log.warn(
      {},
      'The embedded database survives a killed process but not a power cut; set DATABASE_URL for one that does',
    );
  }
  await using bot = await startBot(settings, log);
  log.info({ url: bot.url, data: settings.work.dataFolder }, 'Listening');
  await stopSignal();
  log.info({}, 'Stopping; runs go back into the queue');
}

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once, which a later start recovers from. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const once = () => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) {
        process.off(name, once);
        process.on(name, () => process.exit(1));
      }
      resolve();
    };
    process.on('SIGTERM', once).on('SIGINT', once);
  });
}
