import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';
import type { Checkout, EnvironmentPlan } from '../../core/ports.ts';
import { BlockedHost, type Environment } from '../../core/run.ts';
import { labels, setUpContainer } from './container-template.ts';
import { isEngineError, removed, withEngine } from './engine.ts';
import { openForwardProxy, type ProxySettings } from './forward-proxy.ts';
import type { Host } from './host.ts';
import { runSetUp } from './run-set-up.ts';

const blockedLabel = 'devstral.blocked';
const mostBlocked = 50;

/** What set-up may have of the world outside. */
export interface SetUpAccess {
  readonly caCertificates: string | null;
  readonly proxy: ProxySettings;
}

/** Set-up: the environment for one base commit and plan, kept as an image and made only once. */
export async function prepareEnvironment(
  host: Host,
  access: SetUpAccess,
  { run, checkout, plan }: { run: string; checkout: Checkout; plan: EnvironmentPlan },
  signal: AbortSignal,
): Promise<Environment> {
  const started = performance.now();
  const baseTag = `devstral-sandbox/${plan.image}:latest`;
  const base = await withEngine('find the sandbox image', () => host.docker.getImage(baseTag).inspect());
  const key = environmentKey(base.Id, checkout, plan, access.proxy);
  const tag = `devstral-environment:${key}`;
  const about = { baseImage: baseTag, language: plan.language, setUp: [...plan.setUp] };
  const kept = await findImage(host.docker, tag);
  if (kept) return { ...about, ...kept, logTail: '', cached: true, seconds: (performance.now() - started) / 1000 };

  await using opened = new AsyncDisposableStack();
  const name = `devstral-${run}-set-up`;
  await removed(() => host.docker.getContainer(name).remove({ force: true, v: true }));
  const proxy = plan.setUp.length > 0 ? opened.use(await openForwardProxy(host, access, run, signal)) : null;
  const container = await withEngine('start set-up', async () => {
    const marked = host.labelsOf(run, 'set-up');
    const network = proxy?.network ?? null;
    const options = setUpContainer({ name, image: base.Id, labels: marked, limits: host.limits, network });
    const created = await host.docker.createContainer(options);
    opened.defer(() => removed(() => created.remove({ force: true, v: true })));
    await created.start();
    return created;
  });
  const caCertificates = [access.caCertificates, proxy?.certificate].filter(Boolean).join('\n') || null;
  const { log, blocked } = await runSetUp({ host, container, proxy, caCertificates, checkout, plan }, signal);
  const noted = blocked.slice(0, mostBlocked);
  const image = await keepImage(container, key, checkout, noted);
  const seconds = (performance.now() - started) / 1000;
  return { ...about, image, blocked: noted, logTail: log.slice(-2000), cached: false, seconds };
}

function environmentKey(baseImage: string, checkout: Checkout, plan: EnvironmentPlan, proxy: ProxySettings): string {
  const { id, owner, name } = checkout.repository;
  // What may be reached belongs to it: a host that is allowed today was missing in what was kept yesterday.
  const reach = [proxy.allowHosts, proxy.privateHosts, Object.keys(proxy.credentials)];
  const parts = [baseImage, id, owner, name, checkout.commit, plan.image, plan.setUp, plan.setUp.length > 0 && reach];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}

async function findImage(docker: Docker, tag: string): Promise<Pick<Environment, 'image' | 'blocked'> | null> {
  return await withEngine('look for a kept environment', async () => {
    try {
      const { Id, Config } = await docker.getImage(tag).inspect();
      return { image: Id, blocked: blockedOf(Config.Labels?.[blockedLabel]) };
    } catch (error) {
      if (isEngineError(error) && error.statusCode === 404) return null;
      throw error;
    }
  });
}

function blockedOf(label: string | undefined): BlockedHost[] {
  if (!label) return [];
  return z.array(BlockedHost).parse(JSON.parse(Buffer.from(label, 'base64url').toString()));
}

async function keepImage(
  container: Docker.Container,
  key: string,
  checkout: Checkout,
  blocked: readonly BlockedHost[],
): Promise<string> {
  return await withEngine('keep the environment', async () => {
    await container.stop({ t: 0 }).catch((error: unknown) => {
      if (!isEngineError(error) || error.statusCode !== 304) throw error;
    });
    // `changes` takes the run's own labels off again: the environment outlives the run.
    const noted = Buffer.from(JSON.stringify(blocked)).toString('base64url');
    const changes = [
      `LABEL ${labels.run}= ${labels.purpose}=environment devstral.repository=${checkout.repository.id} ${blockedLabel}=${noted}`,
    ];
    const answer: unknown = await container.commit({ repo: 'devstral-environment', tag: key, changes });
    if (typeof answer === 'object' && answer !== null && 'Id' in answer && typeof answer.Id === 'string')
      return answer.Id;
    throw new OutsideError('The Docker Engine did not say what it committed.', { retry: 'soon' });
  });
}
