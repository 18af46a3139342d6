import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import pino, { type Logger } from 'pino';

import { type DockerConnection, dockerSandboxes } from './adapters/docker/docker-sandboxes.ts';
import { gitCheckouts } from './adapters/git/git-checkouts.ts';
import { openDoor } from './adapters/github/door.ts';
import { gitHubForge } from './adapters/github/github-forge.ts';
import { checkModel, openAiModel } from './adapters/openai/openai-model.ts';
import { openRuns } from './adapters/postgres/postgres-runs.ts';
import { systemClock } from './adapters/system-clock.ts';
import type { AppSettings, ModelSettings, WorkSettings } from './config.ts';
import { SettingsError } from './core/errors.ts';
import type { Checkouts, Forge, Model, Runs, Sandboxes } from './core/ports.ts';
import type { JournalEntry } from './core/run.ts';
import { receiveDelivery } from './pipeline/receive-delivery.ts';
import { removeLeftovers, workLoop } from './pipeline/work-loop.ts';
import type { World } from './pipeline/world.ts';
import { triggers } from './triggers/all.ts';

/** The one place that names concrete adapters. */

/** The log: JSON lines on stderr, so that stdout stays with the command's own result. */
export function openLog(level: WorkSettings['logLevel']): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}

/** The store and queue of these settings. */
export async function openStore(work: WorkSettings, log: Logger): Promise<Runs> {
  const database = work.databaseUrl
    ? ({ kind: 'server', url: work.databaseUrl } as const)
    : ({ kind: 'embedded', folder: resolve(work.dataFolder) } as const);
  return await openRuns({ database, log });
}

/** The model of these settings, after it has answered once and named the model we are to use. */
export async function openModel(settings: ModelSettings, log: Logger, signal: AbortSignal): Promise<Model> {
  const { name: model, timeoutMs: requestTimeoutMs, dialect, ...rest } = settings;
  const wanted = { ...rest, model, requestTimeoutMs, dialect: dialect ?? undefined, log };
  const contextTokens = await checkModel(wanted, signal);
  if (contextTokens < settings.contextTokens)
    log.warn({ contextTokens }, 'The model’s server has less context than MODEL_CONTEXT_TOKENS; using what it has');
  return openAiModel({ ...wanted, contextTokens });
}

/** Everything a run needs, with this forge and model. */
export function openWorld(
  work: WorkSettings,
  parts: {
    forge: Forge;
    model: Model;
    log: Logger;
    watch?: (run: string, entry: JournalEntry) => void;
    stop?: AbortSignal;
  },
): World {
  const { attempts, testsMs, deadlineMs } = work;
  return {
    forge: parts.forge,
    model: parts.model,
    log: parts.log,
    clock: systemClock,
    ...openGround(work),
    attempts,
    stop: parts.stop ?? new AbortController().signal,
    testsMs,
    deadlineMs,
    watch: parts.watch ?? (() => {}),
  };
}

/** Where code is put and run, without anybody who asks for it or writes it. */
export function openGround(work: WorkSettings): { readonly checkouts: Checkouts; readonly sandboxes: Sandboxes } {
  const { caFile, caCertificates, searchPath, sandbox: limits, proxy } = work;
  return {
    checkouts: gitCheckouts({ dataFolder: resolve(work.dataFolder), caFile, searchPath }),
    sandboxes: dockerSandboxes({
      docker: dockerConnection(work.dockerHost),
      owner: ownerOf(work),
      caCertificates,
      limits,
      proxy,
    }),
  };
}

/** Whose containers these are: bots that share an engine but not a store must not sweep away each other's. */
function ownerOf(work: WorkSettings): string {
  const store = work.databaseUrl ?? resolve(work.dataFolder);
  return createHash('sha256').update(store).digest('hex').slice(0, 12);
}

function dockerConnection(host: string | null): DockerConnection {
  if (!host) return { socketPath: '/var/run/docker.sock' };
  const url = URL.canParse(host) ? new URL(host) : null;
  if (url?.protocol === 'unix:') return { socketPath: url.pathname };
  if (url?.protocol === 'tcp:' || url?.protocol === 'http:') {
    return { protocol: 'http', host: url.hostname, port: Number(url.port || 2375) };
  }
  throw new SettingsError(`DOCKER_HOST is ${host}; use unix:///path/to/docker.sock or tcp://host:port.`);
}

/** A bot that takes webhooks and works on them until it is disposed. */
export interface Bot extends AsyncDisposable {
  readonly url: string;
  readonly runs: Runs;
}

const sweepMs = 60_000; // I5: nothing of a run is left a minute after its end
const stopMs = 25_000; // THREATS R3: hand back or finish within 25 s

/** Opens store, engine and model, then the door; nothing is accepted before all of them have answered. */
export async function startBot(
  settings: { work: WorkSettings; model: ModelSettings; app: AppSettings },
  log: Logger,
  watch?: (run: string, entry: JournalEntry) => void,
): Promise<Bot> {
  await using opened = new AsyncDisposableStack();
  const stop = new AbortController();
  const { app, work } = settings;
  const runs = opened.use(await openStore(work, log));
  const model = await openModel(settings.model, log, stop.signal);
  const forge = gitHubForge({
    appId: app.appId,
    privateKey: app.privateKey,
    baseUrl: app.apiUrl,
    webUrl: app.webUrl,
    log,
  });
  const world = openWorld(work, { forge, model, log, ...(watch && { watch }) });
  await removeLeftovers(world, (run) => isAlive(runs, run));
  const loops = Array.from({ length: work.workers }, () => workLoop(runs, world, stop.signal));
  opened.defer(async () => {
    stop.abort(new Error('The bot is stopping'));
    await settledWithin(stopMs, [...loops, sweeping]);
  });
  const sweeping = sweep(world, runs, stop.signal);
  const door = opened.use(
    await openDoor({
      host: app.host,
      port: app.port,
      secret: app.webhookSecret,
      log,
      ready: () => runs.ready(),
      receive: async (delivery) => {
        const received = await receiveDelivery(delivery, { triggers, runs });
        log.info({ delivery: delivery.id, event: delivery.event, received }, 'Delivery received');
      },
    }),
  );
  const keep = opened.move();
  return { url: door.url, runs, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}

/** Waits for work to hand itself back, but no longer than this: what is still held then is recovered at the next start. */
async function settledWithin(ms: number, work: readonly Promise<void>[]): Promise<void> {
  const done = new AbortController();
  const patience = systemClock.sleep(ms, done.signal).catch(() => {});
  await Promise.race([Promise.allSettled(work).then(() => done.abort()), patience]);
}

async function isAlive(runs: Runs, id: string): Promise<boolean> {
  const run = await runs.find(id);
  return run !== null && run.state !== 'ended';
}

async function sweep(world: World, runs: Runs, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await world.clock.sleep(sweepMs, signal);
      await removeLeftovers(world, (run) => isAlive(runs, run));
    } catch (error) {
      if (!signal.aborted) world.log.warn({ err: error }, 'Could not look for leftovers; trying again in a minute');
    }
  }
}
