import type { Checkouts, Sandbox, Sandboxes } from '../../core/ports.ts';
import { planEnvironment } from '../../pipeline/plan-environment.ts';
import { readSettings } from '../../pipeline/read-settings.ts';

/** A sandbox as an attempt at this commit would get it: the checkout, its environment as the pipeline plans it, no network. */
export async function openSandbox(
  ground: { checkouts: Checkouts; sandboxes: Sandboxes },
  request: { run: string; repository: string; name: string; branch: string; commit: string },
  signal: AbortSignal,
): Promise<Sandbox> {
  const { run, repository: url, name, branch, commit } = request;
  await using opened = new AsyncDisposableStack();
  const repository = { id: 1, owner: 'local', name, installation: 0, defaultBranch: branch };
  const access = { url, authorization: null };
  const checkout = opened.use(await ground.checkouts.open({ run, repository, access, branch, commit }, signal));
  const manifest = await checkout.read('package.json', 1024 * 1024, signal);
  const settings = await readSettings(checkout, signal);
  const plan = planEnvironment(await checkout.paths(signal), manifest && new TextDecoder().decode(manifest), settings);
  const environment = await ground.sandboxes.prepare({ run, checkout, plan }, signal);
  return await ground.sandboxes.open({ run, purpose: 'attempt', environment, checkout }, signal);
}
