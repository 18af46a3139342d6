import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';

import type { CommandResult } from '../../core/command.ts';
import { OutsideError } from '../../core/errors.ts';
import type { Checkout, EnvironmentPlan } from '../../core/ports.ts';
import type { BlockedHost } from '../../core/run.ts';
import { agentUser, keptTree, processEnvironment, workTree } from './container-template.ts';
import { watchDisk } from './disk-watchdog.ts';
import { withEngine } from './engine.ts';
import { type ExecRequest, runExec } from './exec.ts';
import type { ForwardProxy } from './forward-proxy.ts';
import type { Host } from './host.ts';
import { setUpVariables } from './set-up-variables.ts';

const caPath = '/tmp/devstral-ca.pem';
const linesShown = 15;

// How the tools say that the network failed them, which another try may mend.
const networkFault =
  /\b(ECONNRESET|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|socket hang up|network timeout|connection (reset|timed out|broken)|read timed out|temporary failure|50[234] (bad gateway|service unavailable|gateway time-?out))/i;

/** What one set-up works with. */
export interface SetUp {
  readonly host: Host;
  readonly container: Docker.Container;
  /** Null: no command, no way out. */
  readonly proxy: ForwardProxy | null;
  readonly caCertificates: string | null;
  readonly checkout: Checkout;
  readonly plan: EnvironmentPlan;
}

/** Runs the plan's commands in the set-up container, and leaves the work tree where an image keeps it. */
export async function runSetUp(setUp: SetUp, signal: AbortSignal): Promise<{ log: string; blocked: BlockedHost[] }> {
  const { host, container, proxy, caCertificates, checkout, plan } = setUp;
  await withEngine('bring the work tree in', () =>
    container.putArchive(checkout.workTreeTar(signal), { path: workTree }),
  );
  if (caCertificates) await bringCertificates(container, caCertificates, signal);
  using disk = watchDisk(container, host.limits.setUpDiskBytes);
  const over = AbortSignal.any([signal, AbortSignal.timeout(host.limits.setUpMs), disk.full]);
  const environment = {
    ...processEnvironment,
    // Here the root is writable: what set-up leaves in the home folder of the image is there to be read later.
    HOME: '/home/agent',
    ...setUpVariables({ caPath: caCertificates && caPath, proxyUrl: proxy?.url ?? null }),
  };
  const request = { user: agentUser, environment, workingDirectory: workTree };
  const once = async (command: string): Promise<CommandResult> => {
    try {
      return await asUser(container, request, command, host.limits.setUpMs, over);
    } catch (error) {
      signal.throwIfAborted();
      if (over.aborted) return { kind: 'timed-out', output: '', omittedBytes: 0, seconds: 0 };
      throw error;
    }
  };
  let log = '';
  const blocked: BlockedHost[] = [];
  for (const command of plan.setUp) {
    for (let more = 1; ; more--) {
      const done = await once(command);
      const refused = ((await proxy?.refused()) ?? []).map((each) => ({ ...each, command }));
      log += `$ ${command}\n${done.output}\n`;
      blocked.push(...refused);
      if (done.kind === 'exited' && done.exitCode === 0) break;
      const again = more > 0 && !over.aborted && refused.length === 0 && networkFault.test(done.output);
      if (!again) throw failed(command, howEnded(done, host, disk.full), blocked, log);
    }
  }
  await keepTree(container, host.limits.setUpMs, over);
  return { log, blocked };
}

function howEnded(done: CommandResult, { limits }: Host, diskFull: AbortSignal): string {
  if (diskFull.aborted)
    return `filled the disk with more than ${Math.round(limits.setUpDiskBytes / 1e6)} MB (SETUP_DISK_MB)`;
  if (done.kind === 'exited') return `ended with exit code ${done.exitCode}`;
  return `took longer than ${limits.setUpMs / 60_000} minutes`;
}

function failed(command: string, how: string, blocked: readonly BlockedHost[], log: string): OutsideError {
  const kept = [...new Set(blocked.map(({ host, why }) => `Blocked: host ${host} (${why}).`))];
  const advice =
    kept.length > 0 ? `\n${kept.join('\n')}\nA host that set-up needs is allowed with SETUP_ALLOW_HOSTS.` : '';
  const lines = log.trimEnd().split('\n').slice(-linesShown).join('\n');
  return new OutsideError(`Set-up failed: \`${command}\` ${how}.${advice} Last lines:\n${lines}`, { retry: 'never' });
}

/** Out of the place that will be a volume: a commit leaves volumes out, and what it keeps is read-only later. */
async function keepTree(container: Docker.Container, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const move = `set -e; shopt -s dotglob nullglob; mkdir -p ${keptTree}; mv ${workTree}/* ${keptTree}/`;
  const request = { user: agentUser, environment: processEnvironment };
  const moved = await asUser(container, request, move, timeoutMs, signal);
  if (moved.kind !== 'exited' || moved.exitCode !== 0) {
    throw new OutsideError(`The environment could not be kept: ${moved.output}`, { retry: 'soon' });
  }
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
  const limits = { timeoutMs, outputBytes: 256 * 1024 };
  return runExec(container, { ...request, argv: ['/bin/bash', '-c', command] }, limits, async () => {}, signal);
}
