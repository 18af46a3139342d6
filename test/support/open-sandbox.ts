import { randomBytes } from 'node:crypto';
import Docker from 'dockerode';

import { dockerSandboxes } from '../../src/adapters/docker/docker-sandboxes.ts';
import type { Sandbox, Sandboxes } from '../../src/core/ports.ts';
import { localCheckout } from './local-checkout.ts';

/** A real container with these files checked out, as an attempt gets one; disposing it leaves nothing. */
export async function openSandbox(
  files: Readonly<Record<string, string>>,
  image: 'base' | 'node' | 'python' = 'base',
): Promise<{ sandbox: Sandbox; sandboxes: Sandboxes } & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const signal = AbortSignal.timeout(100_000);
  const sandboxes = dockerSandboxes({
    docker: { socketPath: '/var/run/docker.sock' },
    owner: `test-${randomBytes(4).toString('hex')}`,
    caCertificates: null,
    limits: {},
  });
  const { checkout } = opened.use(await localCheckout(files));
  const run = `r${randomBytes(4).toString('hex')}`;
  const plan = { language: 'none', image, setUp: [] };
  const environment = await sandboxes.prepare({ run, checkout, plan }, signal);
  opened.defer(() => new Docker().getImage(environment.image).remove({ force: true }));
  const sandbox = opened.use(await sandboxes.open({ run, purpose: 'attempt', environment, checkout }, signal));
  const keep = opened.move();
  return { sandbox, sandboxes, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}
