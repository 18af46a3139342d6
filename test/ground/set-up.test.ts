import { appendFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { docker, id, type Machine, openMachine } from './machine.ts';

const setUp = 'scripts/set-up.sh';

let machine: Machine;
beforeEach(async () => {
  machine = await openMachine();
});
afterEach(async () => {
  const pid = await readFile(join(machine.state, 'engine-pid'), 'utf8').catch(() => '');
  if (pid) process.kill(Number(pid));
  await machine[Symbol.asyncDispose]();
});

const callsOf = async (program: string) => (await machine.calls()).filter((call) => call.startsWith(`${program} `));

describe('the packages', () => {
  it('are installed once, and again when the lockfile has changed', async () => {
    const first = await machine.run(setUp, ['packages']);
    const second = await machine.run(setUp, ['packages']);
    await appendFile(join(machine.project, 'package-lock.json'), '\n');
    const third = await machine.run(setUp, ['packages']);

    expect(first).toEqual({ exitCode: 0, stdout: 'set-up: installing packages with npm ci\n', stderr: '' });
    expect(second).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(third.stdout).toBe(first.stdout);
    expect(await machine.calls()).toHaveLength(2);
  });

  it('are installed again when the last time did not get to its end', async () => {
    await machine.program('npm', 'mkdir -p node_modules; echo "npm error network" >&2; exit 1');
    const failed = await machine.run(setUp, ['packages']);
    await machine.run(setUp, ['packages']);

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toBe('npm error network\nset-up: npm ci failed; the lines above say why.\n');
    expect(await machine.calls()).toHaveLength(2);
  });

  it('are not called installed when Node did not come with them', async () => {
    await machine.program('npm', 'mkdir -p node_modules');

    const { exitCode, stderr } = await machine.run(setUp, ['packages']);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^set-up: the package "node" did not bring its program\. .*ignore-scripts false.*\n$/);
  });
});

it('is refused when it is asked for a part that does not exist', async () => {
  const { exitCode, stderr } = await machine.run(setUp, ['everything']);

  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^set-up: "everything" is no part of set-up;.*\n$/);
});

describe('a machine without a Docker Engine', () => {
  beforeEach(async () => {
    await machine.program('docker', docker);
    await writeFile(join(machine.state, 'registry'), '');
    await machine.run(setUp, ['packages']);
  });

  it('is told in one line what to do when we are not root', async () => {
    await machine.program('id', id(1000));
    await machine.program('apt-get', '');

    const { exitCode, stdout, stderr } = await machine.run(setUp);

    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^set-up: no Docker Engine answers, and it takes root .* Install Docker, start it.*\n$/);
    expect(await callsOf('apt-get')).toEqual([]);
  });

  it('is told the same when it has no client either, and when root has no apt-get', async () => {
    await machine.program('id', id(0));
    const noPackages = await machine.run(setUp);
    await machine.program('id', id(1000));
    await machine.program('docker', 'exit 127');
    const noClient = await machine.run(setUp);

    expect(noPackages.exitCode).toBe(1);
    expect(noPackages.stderr).toMatch(/^set-up: no Docker Engine answers.*\n$/);
    expect(noClient).toEqual(noPackages);
  });

  it('hears about its group when the engine refuses the user', async () => {
    await machine.program('docker', 'echo "permission denied while trying to connect" >&2; exit 1');
    await machine.program('id', id(1000));

    const { exitCode, stderr } = await machine.run(setUp);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^set-up: the Docker Engine is there but refuses this user; add the user to the group docker.*\n$/,
    );
  });

  it('gets none when DOCKER_HOST names another', async () => {
    await machine.program('id', id(0));
    await machine.program('apt-get', '');

    const { exitCode, stderr } = await machine.run(setUp, [], { DOCKER_HOST: 'tcp://127.0.0.1:9' });

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^set-up: the Docker Engine at DOCKER_HOST \(tcp:\/\/127\.0\.0\.1:9\) does not answer; .*\n$/,
    );
    expect(await callsOf('apt-get')).toEqual([]);
  });

  // A stand-in for the engine that apt-get brings: it comes up unless its words are in the way, and stays until we end it.
  const brings = (dockerd: string) =>
    `[ "$1" = install ] || exit 0
     printf '#!/bin/sh\\nstate=%s\\necho "dockerd $*" >>"$state/calls"\\n' "$state" >"$bin/dockerd"
     cat >>"$bin/dockerd" <<'END'
     ${dockerd}
     echo $$ >"$state/engine-pid"; touch "$state/up"; exec sleep 100
END
     chmod 0755 "$bin/dockerd"`;

  it('gets one installed and started when we are root, and is told so', async () => {
    await machine.program('id', id(0));
    await machine.program('apt-get', brings(''));

    const first = await machine.run(setUp);
    const second = await machine.run(setUp);

    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(
      /^set-up: installing with apt-get: docker\.io iptables\nset-up: starting the Docker Engine \(log: .*\/dockerd\.log\)\n/,
    );
    expect(await callsOf('dockerd')).toEqual(['dockerd ']);
    expect(second).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('has the engine started without iptables, and is told what that means, when nothing else works', async () => {
    await machine.program('id', id(0));
    await machine.program('iptables-legacy', '');
    await machine.program('ip6tables-legacy', '');
    await machine.program(
      'apt-get',
      brings(
        'case $* in *--iptables=false*) ;; *) echo "failed to create NAT chain: iptables failed" >&2; exit 1 ;; esac',
      ),
    );

    const { exitCode, stdout } = await machine.run(setUp);

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/cannot use nftables here; trying again with the older iptables\n/);
    expect(stdout).toMatch(/cannot use iptables here; trying again without: .* will have no network\n/);
    expect(await callsOf('dockerd')).toEqual([
      'dockerd ',
      'dockerd ',
      'dockerd --iptables=false --ip6tables=false --ip-masq=false',
    ]);
  });

  it('has the engine use the older iptables where only those work', async () => {
    await machine.program('id', id(0));
    await machine.program('iptables', 'exit 1');
    await machine.program('iptables-legacy', '');
    await machine.program('ip6tables-legacy', '');
    await machine.program('apt-get', brings('iptables -L || { echo "iptables failed" >&2; exit 1; }'));

    const { exitCode, stdout } = await machine.run(setUp);

    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('trying again without');
    expect(await callsOf('dockerd')).toEqual(['dockerd ', 'dockerd ']);
    expect(await callsOf('iptables-legacy')).toHaveLength(1);
  });

  it('sees the engine’s own last lines when it does not start', async () => {
    await machine.program('id', id(0));
    await machine.program('apt-get', brings('echo "cgroups: cannot find mount point" >&2; exit 1'));

    const { exitCode, stderr } = await machine.run(setUp);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^cgroups: cannot find mount point\nset-up: the Docker Engine did not start; the lines above, from .*\n$/,
    );
    expect(await callsOf('dockerd')).toHaveLength(1);
  });
});

describe('the sandbox images', () => {
  beforeEach(async () => {
    await machine.program('docker', docker);
    await machine.program('id', id(1000));
    await writeFile(join(machine.state, 'up'), '');
    await machine.run(setUp, ['packages']);
  });
  const builds = async () => (await callsOf('docker')).filter((call) => call.startsWith('docker build'));

  it('start from a registry’s Debian where a registry answers, and are built once', async () => {
    await writeFile(join(machine.state, 'registry'), '');

    const first = await machine.run(setUp);
    const second = await machine.run(setUp);

    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toBe(
      'set-up: pulling debian:bookworm-slim\n' +
        ['base', 'node', 'python'].map((name) => `set-up: building the sandbox image ${name}\n`).join(''),
    );
    expect(second).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await builds())[0]).toContain('BASE=debian:bookworm-slim');
    expect(await builds()).toHaveLength(3);
  });

  it('start from one made of Debian’s packages where none answers', async () => {
    await machine.program('mmdebstrap', 'for last; do :; done; touch "$last"');

    const { exitCode, stdout } = await machine.run(setUp);

    expect(exitCode).toBe(0);
    expect(stdout).toContain('no image registry answers; making the base image from Debian packages');
    expect((await builds())[0]).toContain('BASE=devstral-sandbox/debian:bookworm');
    expect(await callsOf('mmdebstrap')).toHaveLength(1);
  });

  it('end in one clear message where neither is to be had', async () => {
    const { exitCode, stderr } = await machine.run(setUp);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^set-up: the base image cannot be made: .* Install mmdebstrap, or run docker pull .*\n$/);
    expect(await builds()).toEqual([]);
  });

  it('are built again when their own files change, and only those', async () => {
    await writeFile(join(machine.state, 'registry'), '');
    await machine.run(setUp);
    const before = (await builds()).length;
    await appendFile(join(machine.project, 'sandbox', 'Dockerfile.python'), 'RUN true\n');

    const { stdout } = await machine.run(setUp);

    expect(stdout).toBe('set-up: building the sandbox image python\n');
    expect((await builds()).length - before).toBe(1);
  });

  it('are named again, not built again, when `latest` means an older one', async () => {
    await writeFile(join(machine.state, 'registry'), '');
    await machine.run(setUp);
    await writeFile(join(machine.state, 'images', 'devstral-sandbox~node:latest'), 'older\n');

    const { stdout } = await machine.run(setUp);

    expect(stdout).toBe('');
    expect(await readFile(join(machine.state, 'images', 'devstral-sandbox~node:latest'), 'utf8')).toMatch(
      /devstral-sandbox\/node:[0-9a-f]{12}/,
    );
    expect(await builds()).toHaveLength(3);
  });

  it('show the builder’s last lines when one cannot be built, and leave nothing behind', async () => {
    await writeFile(join(machine.state, 'registry'), '');
    await writeFile(join(machine.state, 'broken'), '');

    const failed = await machine.run(setUp);
    await rm(join(machine.state, 'broken'));
    const again = await machine.run(setUp);

    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toBe(
      'no space left on device\nset-up: the sandbox image base could not be built; the lines above say why.\n',
    );
    expect(again.exitCode).toBe(0);
    expect(await readdir(join(machine.state, '..'))).toEqual(['bin', 'project', 'state']);
  });
});

describe('what only the tests need', () => {
  beforeEach(async () => {
    await machine.program('docker', docker);
    for (const name of ['up', 'registry']) await writeFile(join(machine.state, name), '');
    await machine.program('initdb', '');
  });

  it('is installed and announced when we are root', async () => {
    await machine.program('id', id(0));
    await machine.program('apt-get', '[ "$1" = update ] || { echo >"$bin/chromium" && chmod 0755 "$bin/chromium"; }');

    const first = await machine.run(setUp, ['test']);
    const second = await machine.run(setUp, ['test']);

    expect(first.exitCode).toBe(0);
    expect(first.stdout).toContain('set-up: installing with apt-get: chromium\n');
    expect(second).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('is asked for in one line when we are not', async () => {
    await machine.program('id', id(1000));

    const { exitCode, stderr } = await machine.run(setUp, ['test']);

    expect(exitCode).toBe(1);
    expect(stderr).toBe('set-up: the tests look at pages in a real browser; install chromium.\n');
  });

  it('is not asked for by the product', async () => {
    await machine.program('id', id(1000));

    const { exitCode } = await machine.run(setUp);

    expect(exitCode).toBe(0);
  });
});

describe('on this machine', () => {
  it('a second run does no work and says nothing', async () => {
    await using here = await openMachine(['docker', 'id']);
    const first = await here.run(setUp);
    const stamp = join(here.project, 'node_modules', '.devstral-set-up');
    const before = await stat(stamp);

    const second = await here.run(setUp);

    expect(first.exitCode).toBe(0);
    expect(second).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect((await stat(stamp)).mtimeMs).toBe(before.mtimeMs);
    expect(await here.calls()).toHaveLength(1);
  });
});
