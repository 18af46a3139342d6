import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';

import { OutsideError } from '../../core/errors.ts';
import type { Checkout, EnvironmentPlan } from '../../core/ports.ts';
import type { Environment } from '../../core/run.ts';
import { agentUser, keptTree, labels, processEnvironment, setUpContainer, workTree } from './container-template.ts';
import { isEngineError, removed, withEngine } from './engine.ts';
import { type ExecRequest, runExec } from './exec.ts';
import type { Host } from './host.ts';

const caPath = '/tmp/devstral-ca.pem';

// The same authorities for every tool that has a way of its own to be told (SIMULATORS: a container does not know what
// the host's NODE_EXTRA_CA_CERTS says).
const caVariables = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'PIP_CERT',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'CARGO_HTTP_CAINFO',
];

/** Set-up: the environment for one base commit and plan, kept as an image and made only once. */
export async function prepareEnvironment(
  host: Host,
  caCertificates: string | null,
  { run, checkout, plan }: { run: string; checkout: Checkout; plan: EnvironmentPlan },
  signal: AbortSignal,
): Promise<Environment> {
  const started = performance.now();
  const baseTag = `devstral-sandbox/${plan.image}:latest`;
  const base = await withEngine('find the sandbox image', () => host.docker.getImage(baseTag).inspect());
  const key = environmentKey(base.Id, checkout, plan);
  const tag = `devstral-environment:${key}`;
  const about = { baseImage: baseTag, language: plan.language, setUp: [...plan.setUp] };
  const kept = await findImage(host.docker, tag);
  if (kept) return { ...about, image: kept, logTail: '', cached: true, seconds: (performance.now() - started) / 1000 };

  const name = `devstral-${run}-set-up`;
  await removed(() => host.docker.getContainer(name).remove({ force: true, v: true }));
  const options = setUpContainer({ name, image: base.Id, labels: host.labelsOf(run, 'set-up'), limits: host.limits });
  const container = await withEngine('start set-up', () => host.docker.createContainer(options));
  try {
    await withEngine('start set-up', () => container.start());
    const log = await setUp(host, container, caCertificates, checkout, plan, signal);
    const image = await keepImage(container, key, checkout);
    return { ...about, image, logTail: log.slice(-2000), cached: false, seconds: (performance.now() - started) / 1000 };
  } finally {
    await removed(() => container.remove({ force: true, v: true }));
  }
}

function environmentKey(baseImage: string, checkout: Checkout, plan: EnvironmentPlan): string {
  const { id, owner, name } = checkout.repository;
  const parts = [baseImage, id, owner, name, checkout.commit, plan.image, plan.setUp];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}

async function findImage(docker: Docker, tag: string): Promise<string | null> {
  return await withEngine('look for a kept environment', async () => {
    try {
      return (await docker.getImage(tag).inspect()).Id;
    } catch (error) {
      if (isEngineError(error) && error.statusCode === 404) return null;
      throw error;
    }
  });
}

async function setUp(
  host: Host,
  container: Docker.Container,
  caCertificates: string | null,
  checkout: Checkout,
  plan: EnvironmentPlan,
  signal: AbortSignal,
): Promise<string> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(host.limits.setUpMs)]);
  await withEngine('bring the work tree in', () =>
    container.putArchive(checkout.workTreeTar(signal), { path: workTree }),
  );
  const environment = {
    ...processEnvironment,
    // Here the root is writable: what set-up leaves in the home folder of the image is there to be read later.
    HOME: '/home/agent',
    ...(caCertificates && Object.fromEntries(caVariables.map((name) => [name, caPath]))),
  };
  if (caCertificates) {
    await bringCertificates(container, caCertificates, signal);
  }
  let log = '';
  for (const command of plan.setUp) {
    const done = await asUser(
      container,
      { user: agentUser, environment, workingDirectory: workTree },
      command,
      host.limits.setUpMs,
      over,
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      if (over.aborted) return { kind: 'timed-out' as const, output: '' };
      throw error;
    });
    log += `$ ${command}\n${done.output}\n`;
    if (done.kind === 'exited' && done.exitCode === 0) continue;
    const how =
      done.kind === 'exited'
        ? `ended with exit code ${done.exitCode}`
        : `took longer than ${host.limits.setUpMs / 60_000} minutes`;
    throw new OutsideError(
      `Set-up failed: \`${command}\` ${how}. Last lines:\n${log.trimEnd().split('\n').slice(-15).join('\n')}`,
      { retry: 'never' },
    );
  }
  // Out of the place that will be a volume: a commit leaves volumes out, and what it keeps is read-only later.
  const move = `set -e; shopt -s dotglob nullglob; mkdir -p ${keptTree}; mv ${workTree}/* ${keptTree}/`;
  const moved = await asUser(
    container,
    { user: agentUser, environment: processEnvironment },
    move,
    host.limits.setUpMs,
    signal,
  );
  if (moved.kind !== 'exited' || moved.exitCode !== 0) {
    throw new OutsideError(`The environment could not be kept: ${moved.output}`, { retry: 'soon' });
  }
  return log;
}

async function bringCertificates(container: Docker.Container, pem: string, signal: AbortSignal): Promise<void> {
  const archive = pack();
  archive.entry({ name: caPath.replace('/tmp/', ''), mode: 0o644 }, pem);
  archive.finalize();
  await withEngine('bring certificates in', () => container.putArchive(Readable.from(archive), { path: '/tmp' }));
  // Some tools take one file for everything: the system's own authorities belong in it too.
  const join = `cat /etc/ssl/certs/ca-certificates.crt >> ${caPath}`;
  await asUser(container, { user: '0:0', environment: processEnvironment }, join, 10_000, signal);
}

function asUser(
  container: Docker.Container,
  request: Omit<ExecRequest, 'argv'>,
  command: string,
  timeoutMs: number,
  signal: AbortSignal,
) {
  return runExec(
    container,
    { ...request, argv: ['/bin/bash', '-c', command] },
    { timeoutMs, outputBytes: 256 * 1024 },
    async () => {},
    signal,
  );
}

async function keepImage(container: Docker.Container, key: string, checkout: Checkout): Promise<string> {
  return await withEngine('keep the environment', async () => {
    await container.stop({ t: 0 }).catch((error: unknown) => {
      if (!isEngineError(error) || error.statusCode !== 304) throw error;
    });
    // `changes` takes the run's own labels off again: the environment outlives the run.
    const changes = [
      `LABEL ${labels.run}= ${labels.purpose}=environment devstral.repository=${checkout.repository.id}`,
    ];
    const answer: unknown = await container.commit({ repo: 'devstral-environment', tag: key, changes });
    if (typeof answer === 'object' && answer !== null && 'Id' in answer && typeof answer.Id === 'string')
      return answer.Id;
    throw new OutsideError('The Docker Engine did not say what it committed.', { retry: 'soon' });
  });
}
