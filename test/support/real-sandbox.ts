import { randomBytes } from 'node:crypto';
import Docker from 'dockerode';

import { dockerSandboxes } from '../../src/adapters/docker/docker-sandboxes.ts';
import type { Sandbox } from '../../src/core/ports.ts';
import { localCheckout } from './local-checkout.ts';

/** A sandbox in a container of its own, over a repository of one file; disposing it removes everything. */
export async function realSandbox(signal: AbortSignal): Promise<{ sandbox: Sandbox } & AsyncDisposable> {
  const run = `r${randomBytes(4).toString('hex')}`;
  const docker = { socketPath: '/var/run/docker.sock' };
  const sandboxes = dockerSandboxes({ docker, owner: `test-${run}`, caCertificates: null });
  await using opened = new AsyncDisposableStack();
  // Its name makes it a commit like no other, so that its environment is shared with no other test.
  const { checkout } = opened.use(await localCheckout({ 'a.txt': run }));
  const plan = { language: 'none', image: 'base', setUp: [] };
  const environment = await sandboxes.prepare({ run, checkout, plan }, signal);
  opened.defer(async () => void (await new Docker(docker).getImage(environment.image).remove({ force: true })));
  const sandbox = opened.use(await sandboxes.open({ run, purpose: 'baseline', environment, checkout }, signal));
  const kept = opened.move();
  return { sandbox, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
