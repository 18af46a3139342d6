import type { Readable } from 'node:stream';
import type Docker from 'dockerode';

import { OutsideError } from '../../core/errors.ts';
import type { Patch } from '../../core/patch.ts';
import type { Checkout } from '../../core/ports.ts';
import { agentUser, workContainer, workTree } from './container-template.ts';
import { removed, withEngine } from './engine.ts';
import { type ExecRequest, runExec } from './exec.ts';
import type { Host } from './host.ts';
import { quoted } from './quoted.ts';

/** The container that sees the work tree read-only and says what changed in it. */
export interface Observer extends AsyncDisposable {
  /** Whatever lies untracked in the work tree now was left by set-up and is no part of any patch. */
  leaveOutUntracked(signal: AbortSignal): Promise<void>;
  takePatch(signal: AbortSignal): Promise<Patch>;
}

const patchBytes = 10 * 1024 ** 2;
const gitFolder = '/tmp/pristine';
const gitMs = 5 * 60_000;

// No configuration but this, none of the tree's: attributes of the tree name filters, but none is defined here.
const git = [
  `git --git-dir=${gitFolder} --work-tree=${workTree}`,
  '-c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.autocrlf=false -c core.quotePath=true',
  "-c safe.bareRepository=explicit -c safe.directory='*' -c core.untrackedCache=false -c advice.addEmbeddedRepo=false",
].join(' ');
const environment = {
  PATH: '/usr/bin:/bin',
  HOME: '/tmp',
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};
const request: Omit<ExecRequest, 'argv'> = { user: agentUser, environment, workingDirectory: '/' };

/** Starts it on our own base image, with a git directory that the agent never sees. The work tree may still be filled meanwhile. */
export async function openObserver(
  host: Host,
  {
    name,
    labels,
    volume,
    checkout,
  }: { name: string; labels: Record<string, string>; volume: string; checkout: Checkout },
  signal: AbortSignal,
): Promise<Observer> {
  const image = await withEngine('find the base image', () =>
    host.docker.getImage('devstral-sandbox/base:latest').inspect(),
  );
  const container = await withEngine('start the observer', async () => {
    const options = workContainer({
      name,
      image: image.Id,
      labels,
      limits: host.limits,
      volume: { name: volume, readOnly: true },
    });
    const created = await host.docker.createContainer(options);
    await created.start();
    return created;
  });
  const dispose = () => removed(() => container.remove({ force: true, v: true }));
  const run = (script: string, outputBytes: number, input?: Readable) =>
    runScript(container, script, outputBytes, input, signal);
  try {
    await run(
      `mkdir -p ${gitFolder} && tar -x --no-same-owner -C ${gitFolder} -f -`,
      4096,
      checkout.gitDirectoryTar(signal),
    );
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    leaveOutUntracked: async (until) => {
      await runScript(container, leaveOutScript(checkout.commit), 4096, undefined, until);
    },
    takePatch: async (until) => ({
      baseCommit: checkout.commit,
      diff: await runScript(container, diffScript(checkout.commit), 2 * patchBytes, undefined, until),
    }),
    [Symbol.asyncDispose]: dispose,
  };
}

// What running a project leaves behind and no patch is meant to hold, should the repository not ignore it itself.
const leavings = ['__pycache__/', '*.py[co]', '.pytest_cache/', 'node_modules/', '.venv/', '.nyc_output/'];

/** Notes every untracked path as excluded, with the signs that have a meaning in an exclude file escaped. */
function leaveOutScript(commit: string): string {
  return [
    'set -e',
    `${git} read-tree ${commit}`,
    `mkdir -p ${gitFolder}/info`,
    `${git} ls-files --others --directory --no-empty-directory -z | sed -z -e 's/[][\\\\*?!# ]/\\\\&/g' -e 's|^|/|' | tr '\\0' '\\n' > ${gitFolder}/info/exclude`,
    `printf '%s\\n' ${leavings.map(quoted).join(' ')} >> ${gitFolder}/info/exclude`,
  ].join('\n');
}

/**
 * The patch. A folder with a `.git` of its own would become a link to a commit nobody has: those entries are taken out of
 * the index again, so that their files are not published.
 */
function diffScript(commit: string): string {
  const diff = `${git} diff --cached --binary --full-index --no-renames --no-color --no-ext-diff --no-textconv ${commit} > /tmp/patch`;
  return [
    'set -e',
    `export GIT_INDEX_FILE=${gitFolder}/index`,
    `${git} read-tree ${commit}`,
    `${git} add --all -- . >/dev/null 2>&1`,
    `${git} ls-files --stage -z | sed -z -n 's/^160000 [0-9a-f]* [0-9]\\t//p' | ${git} update-index -z --force-remove --stdin`,
    `rm -f ${gitFolder}/info/attributes`,
    diff,
    // Text that is not UTF-8 would not survive as text: then everything goes as git's binary patch.
    `iconv -f utf-8 -t utf-8 /tmp/patch >/dev/null 2>&1 || { echo '* -diff' > ${gitFolder}/info/attributes; ${diff}; }`,
    `[ "$(stat -c %s /tmp/patch)" -le ${patchBytes} ] || { echo 'the patch is larger than ${patchBytes} bytes'; exit 1; }`,
    'base64 -w 0 /tmp/patch',
  ].join('\n');
}

async function runScript(
  container: Docker.Container,
  script: string,
  outputBytes: number,
  input: Readable | undefined,
  signal: AbortSignal,
): Promise<string> {
  const limits = { timeoutMs: gitMs, outputBytes, ...(input && { input }) };
  const done = await runExec(
    container,
    { ...request, argv: ['/bin/bash', '-c', script] },
    limits,
    async () => {},
    signal,
  );
  if (done.kind === 'exited' && done.exitCode === 0) return Buffer.from(done.output, 'base64').toString('utf8');
  throw new OutsideError(`The patch could not be taken: ${done.output.trim().slice(-500) || done.kind}`, {
    retry: 'never',
  });
}
