import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';

import type { Sandboxes } from '../../core/ports.ts';
import { defaultLimits, labels, type SandboxLimits, workContainer } from './container-template.ts';
import { DockerSandbox } from './docker-sandbox.ts';
import { type DockerConnection, openEngine, removed, withEngine } from './engine.ts';
import { prepareEnvironment } from './environment.ts';
import type { ProxySettings } from './forward-proxy.ts';
import type { Host } from './host.ts';
import { openObserver } from './observer.ts';

export type { DockerConnection } from './engine.ts';

export interface DockerSettings {
  readonly docker: DockerConnection;
  /** Whose containers these are: bots that share an engine must not sweep away each other's. */
  readonly owner: string;
  /** Certificate authorities, as PEM text, that set-up trusts besides the image's own. */
  readonly caCertificates: string | null;
  readonly limits?: Partial<SandboxLimits>;
  /** What set-up may reach besides the usual registries. */
  readonly proxy?: Partial<ProxySettings>;
}

/** Sandboxes as containers of a Docker Engine. */
export function dockerSandboxes(settings: DockerSettings): Sandboxes {
  const docker = openEngine(settings.docker);
  const limits = { ...defaultLimits, ...settings.limits };
  const host: Host = {
    docker,
    limits,
    labelsOf: (run, purpose) => ({ [labels.owner]: settings.owner, [labels.run]: run, [labels.purpose]: purpose }),
  };
  const proxy = { allowHosts: [], privateHosts: [], credentials: {}, ...settings.proxy };
  const access = { caCertificates: settings.caCertificates, proxy };
  return {
    prepare: (request, signal) => prepareEnvironment(host, access, request, signal),

    async open({ run, purpose, environment, checkout }, signal) {
      signal.throwIfAborted();
      await using opened = new AsyncDisposableStack();
      const name = `devstral-${run}-${purpose}-${randomBytes(3).toString('hex')}`;
      const marked = host.labelsOf(run, purpose);
      const volume = await createVolume(host, name, marked);
      opened.defer(() => removed(() => volume.remove({ force: true })));
      const container = await withEngine('open a sandbox', async () => {
        const options = workContainer({
          name,
          image: environment.image,
          labels: marked,
          limits,
          volume: { name, readOnly: false },
        });
        const created = await docker.createContainer(options);
        opened.defer(() => removed(() => created.remove({ force: true, v: true })));
        await created.start();
        return created;
      });
      const sandbox = new DockerSandbox(host, container);
      const watching =
        purpose === 'attempt'
          ? openObserver(host, { name: `${name}-observer`, labels: marked, volume: name, checkout }, signal)
          : null;
      // Both are waited for, so that whatever was opened is closed again when one of them fails.
      const [filled, watched] = await Promise.allSettled([sandbox.fill(signal), watching]);
      const observer = watched.status === 'fulfilled' ? watched.value : null;
      if (observer) opened.use(observer);
      if (filled.status === 'rejected') throw filled.reason;
      if (watched.status === 'rejected') throw watched.reason;
      if (observer) {
        await observer.leaveOutUntracked(signal);
        sandbox.observeWith(observer);
      }
      const keep = opened.move();
      sandbox.closeWith(() => keep.disposeAsync());
      return sandbox;
    },

    async removeLeftovers(isAlive) {
      const mine = { label: [`${labels.owner}=${settings.owner}`] };
      const verdicts = new Map<string, boolean>();
      const isLeft = async (marked: Record<string, string> | undefined) => {
        const run = marked?.[labels.run] ?? '';
        if (!verdicts.has(run)) verdicts.set(run, !(await isAlive(run)));
        return verdicts.get(run) === true;
      };
      for (const found of await withEngine('list containers', () =>
        docker.listContainers({ all: true, filters: mine }),
      )) {
        if (await isLeft(found.Labels))
          await removed(() => docker.getContainer(found.Id).remove({ force: true, v: true }));
      }
      const { Volumes } = await withEngine('list volumes', () => docker.listVolumes({ filters: mine }));
      for (const found of Volumes ?? []) {
        if (await isLeft(found.Labels)) await removed(() => docker.getVolume(found.Name).remove({ force: true }));
      }
      for (const found of await withEngine('list networks', () => docker.listNetworks({ filters: mine }))) {
        if (await isLeft(found.Labels)) await removed(() => docker.getNetwork(found.Id).remove());
      }
    },
  };
}

/** The work tree's own file system: sized, executable, in memory, owned by the agent's user. */
async function createVolume(host: Host, name: string, marked: Record<string, string>): Promise<Docker.Volume> {
  return await withEngine('make a volume', async () => {
    await host.docker.createVolume({
      Name: name,
      Labels: marked,
      Driver: 'local',
      DriverOpts: {
        type: 'tmpfs',
        device: 'tmpfs',
        o: `size=${host.limits.workTreeBytes},uid=10001,gid=10001,mode=0755,nosuid,nodev`,
      },
    });
    return host.docker.getVolume(name);
  });
}
