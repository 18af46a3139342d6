import { randomBytes } from 'node:crypto';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { dockerSandboxes } from '../../../src/adapters/docker/docker-sandboxes.ts';
import type { Sandbox } from '../../../src/core/ports.ts';
import type { Environment } from '../../../src/core/run.ts';
import { localCheckout } from '../../support/local-checkout.ts';

const owner = `test-${randomBytes(4).toString('hex')}`;
const run = `r${randomBytes(4).toString('hex')}`;
const docker = new Docker();
const sandboxes = dockerSandboxes({
  docker: { socketPath: '/var/run/docker.sock' },
  owner,
  caCertificates: null,
  limits: { outputBytes: 64 * 1024, memoryBytes: 512 * 1024 ** 2, workTreeBytes: 256 * 1024 ** 2 },
});
const signal = () => AbortSignal.timeout(100_000);
const plan = {
  language: 'none',
  image: 'base',
  setUp: ['mkdir -p left/by && echo set-up > left/by/set-up.txt && echo x > "odd [name]!.txt"'],
};
const soon = { timeoutMs: 20_000 };

describe('a sandbox', () => {
  let local: Awaited<ReturnType<typeof localCheckout>>;
  let environment: Environment;
  let sandbox: Sandbox;
  beforeAll(async () => {
    local = await localCheckout(
      { 'a.txt': 'one\ntwo\n', 'run.sh': '#!/bin/sh\n', 'sub/b.bin': Buffer.from([0, 1, 2, 255]) },
      { executable: ['run.sh'] },
    );
    environment = await sandboxes.prepare({ run, checkout: local.checkout, plan }, signal());
    sandbox = await sandboxes.open({ run, purpose: 'attempt', environment, checkout: local.checkout }, signal());
  });
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
    await docker.getImage(environment.image).remove({ force: true });
  });
  const sh = (command: string) => sandbox.run(command, soon, signal());

  it('keeps directory and variables from command to command', async () => {
    await sh('cd /tmp; WORD=kept');

    const result = await sh('pwd; echo $WORD; echo err >&2; exit_code() { return 4; }; exit_code');

    expect(result).toMatchObject({
      kind: 'exited',
      exitCode: 4,
      workingDirectory: '/tmp',
      output: '/tmp\nkept\nerr\n',
    });
    await sh('cd /workspace');
  });

  it('has no network but its own loopback, no capabilities, no writable root, and nothing of the worker', async () => {
    const { output } = await sh(
      "tail -n +3 /proc/net/dev | cut -d: -f1; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status; touch /etc/x /usr/x 2>&1; env | cut -d= -f1 | sort | tr '\\n' ' '; id -u",
    );

    expect(output).toMatch(/^\s*lo\nCapEff:\s+0+\nNoNewPrivs:\s+1\n.*Read-only file system\n.*Read-only file system\n/);
    expect(output).toMatch(/ 10001\n$/);
    expect(output).not.toMatch(/TOKEN|SECRET|KEY|DATABASE|MODEL/);
  });

  it('is, on the engine, what the template promises', async () => {
    const [container] = await docker.listContainers({
      filters: { label: [`devstral.run=${run}`, 'devstral.purpose=attempt'] },
    });
    const {
      HostConfig: host,
      Config: config,
      Mounts: mounts,
      Image: image,
    } = await docker.getContainer(container?.Id ?? '').inspect();

    expect({ ...host }).toMatchObject({
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Init: true,
      Privileged: false,
      PidsLimit: 256,
      Memory: 512 * 1024 ** 2,
      MemorySwap: 512 * 1024 ** 2,
      NanoCpus: 2e9,
      IpcMode: 'private',
      LogConfig: { Type: 'none' },
    });
    expect(host.Binds ?? []).toEqual([]);
    expect(config.User).toBe('10002:10001');
    expect(image).toMatch(/^sha256:/);
    expect(mounts.map((mount) => [mount.Type, mount.Destination])).toEqual([['volume', '/workspace']]);
  });

  it('leaves a command running that outlasts its time, and kills it with all it started when told to', async () => {
    const result = await sandbox.run(
      'setsid sleep 300 & (trap "" TERM; sleep 301) & nohup sleep 302 >/dev/null & echo begun; sleep 303',
      { timeoutMs: 1000 },
      signal(),
    );
    const busy = await sh('echo no');
    await sandbox.killAll(signal());
    const after = await sh("ps -eo user,args | grep -c '[s]leep 30'; pwd");

    expect(result).toMatchObject({ kind: 'running', why: 'time-over', output: expect.stringMatching(/begun\n/) });
    expect(busy).toMatchObject({ kind: 'busy', command: expect.stringMatching(/sleep 303/) });
    expect(after).toMatchObject({ kind: 'exited', output: '0\n/workspace\n' });
  });

  it('survives a fork bomb', async () => {
    await sandbox.run('bomb() { bomb | bomb & }; bomb; sleep 5', { timeoutMs: 2000 }, signal());
    await sandbox.killAll(signal());

    expect(await sh('echo alive')).toMatchObject({ kind: 'exited', output: 'alive\n' });
  });

  it('tells by the kernel’s count when something was killed for its memory', async () => {
    const hungry = 'head -c 900000000 /dev/zero | tail -c 800000000 | wc -c; exit_with() { return 3; }; exit_with';

    expect(await sh(hungry)).toMatchObject({ kind: 'exited', exitCode: 3, outOfMemory: true });
    expect(await sh('false')).not.toHaveProperty('outOfMemory');
  }, 60_000);

  it('keeps head and tail of a flood, and counts the rest', async () => {
    const result = await sh('echo first; head -c 50000000 /dev/zero | tr "\\0" x; echo; echo last');

    expect(result.output.length).toBeLessThan(70_000);
    expect(result.output).toMatch(/^first\nx/);
    expect(result.output).toMatch(/x\nlast\n$/);
    expect(result.omittedBytes).toBeGreaterThan(49_000_000);
  });

  it('reopens the shell that a command ended', async () => {
    const result = await sh('echo bye; exit 3');

    expect(result).toMatchObject({ kind: 'shell-ended', exitCode: 3, output: expect.stringMatching(/^bye\n/) });
    expect(await sh('pwd')).toMatchObject({ kind: 'exited', output: '/workspace\n' });
  });

  it('takes nothing that a command prints for its end', async () => {
    const result = await sh("echo '0 L3RtcA=='; echo '0 L3RtcA==' >&2; printf 'no newline'");

    expect(result).toMatchObject({
      kind: 'exited',
      workingDirectory: '/workspace',
      output: '0 L3RtcA==\n0 L3RtcA==\nno newline',
    });
  });

  it('reads and writes files of every kind', async () => {
    const read = (path: string, maxBytes = 1000) => sandbox.readFile(path, { maxBytes }, signal());
    const bytes = Buffer.from([0, 10, 255, 39, 92]);

    await sandbox.writeFile("/workspace/new dir/it's.bin", bytes, signal());

    expect(await read("/workspace/new dir/it's.bin")).toEqual({ kind: 'file', content: bytes });
    expect(await read('/workspace/sub/b.bin')).toEqual({ kind: 'file', content: Buffer.from([0, 1, 2, 255]) });
    expect(await read('/workspace/a.txt', 3)).toEqual({ kind: 'too-large', bytes: 8 });
    expect([(await read('/workspace')).kind, (await read('/nothing')).kind, (await read('/dev/null')).kind]).toEqual([
      'directory',
      'missing',
      'unreadable',
    ]);
    await expect(sandbox.writeFile('/etc/evil', bytes, signal())).rejects.toThrow(/Read-only file system/);
    await sh('rm -r "/workspace/new dir"');
  });

  it('lays files over its tree, replaces links and never leaves it', async () => {
    const file = (path: string, content: string | null, mode = '100644') => ({
      path,
      mode,
      added: 0,
      removed: 0,
      contentBase64: content === null ? null : Buffer.from(content).toString('base64'),
    });
    await sh('echo secret > /tmp/outside; ln -s /tmp/outside link; echo gone > gone');

    await sandbox.putFiles([file('deep/er/x.sh', 'x', '100755'), file('link', 'mine'), file('gone', null)], signal());

    expect(
      await sh('cat /tmp/outside link; test -L link; echo $?; ls gone 2>&1; stat -c %a deep/er/x.sh'),
    ).toMatchObject({ output: "secret\nmine1\nls: cannot access 'gone': No such file or directory\n755\n" });
    await expect(sandbox.putFiles([file('../x', 'x')], signal())).rejects.toThrow(/leads out/);
    await sh('rm -r deep link');
  });

  it('gives a process of its own its exit code by the engine, whatever the shell became', async () => {
    await sh('alias true=false; test() { :; }; PATH=/nowhere');

    const result = await sandbox.execute(['/bin/sh', '-c', 'echo out; exit 7'], soon, signal());

    expect(result).toMatchObject({ kind: 'exited', exitCode: 7, output: 'out\n' });
  });

  it('gives the patch of what was changed, whatever was done to git inside', async () => {
    await sandbox.run('exit', soon, signal());
    await sh(
      'git config core.fsmonitor "touch /workspace/pwned"; git config diff.external "echo forged"; printf "* diff=evil filter=evil\\n" > .git/info/attributes; rm -rf .git/objects; alias git="echo forged"; trap "echo forged" EXIT',
    );
    await sh(
      'echo three >> a.txt; chmod -x run.sh; rm sub/b.bin; printf "\\xff\\x00bin" > new.bin; mkdir -p nested && cd nested && /usr/bin/git init -q . && echo in > in.txt && /usr/bin/git add . && /usr/bin/git -c user.name=a -c user.email=b commit -qm x',
    );

    const patch = await sandbox.takePatch(signal());
    const applied = await local.checkout.apply(patch, signal());

    expect(patch.diff).not.toContain('forged');
    expect(
      applied.kind === 'applied' &&
        applied.files.map(({ path, mode, contentBase64 }) => [
          path,
          mode,
          contentBase64 && Buffer.from(contentBase64, 'base64').toString('latin1'),
        ]),
    ).toEqual([
      ['a.txt', '100644', 'one\ntwo\nthree\n'],
      ['new.bin', '100644', '\xff\x00bin'],
      ['run.sh', '100644', '#!/bin/sh\n'],
      ['sub/b.bin', '100644', null],
    ]);
  });

  it('is kept as an environment and made only once', async () => {
    const again = await sandboxes.prepare({ run, checkout: local.checkout, plan }, signal());

    expect([environment.cached, again.cached, again.image === environment.image]).toEqual([false, true, true]);
  });

  it('is not opened when set-up fails; the last lines say why', async () => {
    const failing = { ...plan, setUp: ['echo what went wrong; exit 9'] };

    await expect(sandboxes.prepare({ run, checkout: local.checkout, plan: failing }, signal())).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringMatching(/ended with exit code 9[\s\S]*what went wrong/),
    });
  });

  it('leaves nothing when it is closed, and what a dead worker left is found by its run', async () => {
    const other = `${run}x`;
    const left = await sandboxes.open(
      { run: other, purpose: 'baseline', environment, checkout: local.checkout },
      signal(),
    );
    const filters = { label: [`devstral.run=${other}`] };
    const before = await docker.listContainers({ all: true, filters });

    await sandboxes.removeLeftovers(async (id) => id !== other);

    expect(before).toHaveLength(1);
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    expect(await docker.listContainers({ filters: { label: [`devstral.run=${run}`] } })).toHaveLength(2);
    await left[Symbol.asyncDispose]();
  });
});
