import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Runs a command in an image as sandboxes do: the agent's user, no network, nothing writable but what is given. */
async function inSandbox(image: string, command: string): Promise<string> {
  const limits = ['--network=none', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
  const writable = ['--tmpfs=/tmp:exec', '--tmpfs=/home/agent:uid=10001,gid=10001'].concat(
    '--tmpfs=/workspace:exec,uid=10001,gid=10001,mode=775',
  );
  const what = ['--user=10001:10001', `devstral-sandbox/${image}:latest`, 'bash', '-euc', command];
  const { stdout } = await run('docker', ['run', '--rm', ...limits, ...writable, ...what]);
  return stdout.trim();
}

describe('every sandbox image', () => {
  it.each(['base', 'node', 'python'])('%s has the tools that the agent reaches for', async (image) => {
    const tools = 'bash git rg patch make curl jq xz unzip tar gzip find grep sed awk diff file less ps kill timeout';

    const missing = await inSandbox(image, `for tool in ${tools}; do command -v $tool >/dev/null || echo $tool; done`);

    expect(missing).toBe('');
  });

  it.each(['base', 'node', 'python'])('%s has its two users, and a work tree that is the agent’s', async (image) => {
    const { stdout } = await run('docker', [
      ...['run', '--rm', '--network=none', `devstral-sandbox/${image}:latest`, 'sh', '-c'],
      'pwd; id agent; id holder; stat -c "%U:%G %a" /workspace /home/agent; . /etc/os-release; echo $VERSION_CODENAME',
    ]);

    expect(stdout.trim().split('\n')).toEqual([
      '/workspace',
      'uid=10001(agent) gid=10001(agent) groups=10001(agent)',
      'uid=10002(holder) gid=10001(agent) groups=10001(agent)',
      'agent:agent 775',
      'agent:agent 755',
      'bookworm',
    ]);
  });

  it.each(['base', 'node', 'python'])('%s is named by what it was made of, too', async (image) => {
    const { stdout } = await run('docker', ['image', 'inspect', '-f', '{{.RepoTags}}', `devstral-sandbox/${image}`]);

    expect(stdout).toMatch(new RegExp(`devstral-sandbox/${image}:[0-9a-f]{12}\\b`));
  });

  it.each(['base', 'node', 'python'])('%s holds nothing of the host: no variable, no certificate', async (image) => {
    const { stdout } = await run('docker', [
      'image',
      'inspect',
      '-f',
      '{{json .Config.Env}}',
      `devstral-sandbox/${image}`,
    ]);
    const added = await inSandbox(image, 'ls -A /usr/local/share/ca-certificates');

    expect(JSON.parse(stdout)).toEqual(['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']);
    expect(added).toBe('');
  });

  it('outlives the end of all of the agent’s processes when its first process is the holder’s', async () => {
    const start = [
      'run',
      '--detach',
      '--rm',
      '--network=none',
      '--user=10002:10001',
      '--init',
      'devstral-sandbox/base',
    ];
    const { stdout } = await run('docker', [...start, 'sleep', '100']);
    const container = stdout.trim();

    await run('docker', ['exec', '--detach', '--user=10001:10001', container, 'sleep', '100']);
    await run('docker', ['exec', '--user=10001:10001', container, 'sh', '-c', 'kill -KILL -1; true']).catch(() => {});

    const left = await run('docker', ['exec', '--user=10002:10001', container, 'ps', '-eo', 'user:9=,comm=']);
    await run('docker', ['kill', container]);
    const commands = left.stdout
      .trim()
      .split('\n')
      .filter((line) => !/\bps$/.test(line));
    expect(commands.map((line) => line.split(/\s+/)[0])).toEqual(['holder', 'holder']);
  });
});

describe('the node image', () => {
  it('runs the Node that this project runs on', async () => {
    expect(await inSandbox('node', 'node --version')).toBe(process.version);
  });

  it('has npm, yarn, pnpm and corepack without a network', async () => {
    const versions = await inSandbox('node', 'npm --version; yarn --version; pnpm --version; corepack --version');

    expect(versions).toMatch(/^11\.\d+\.\d+\n1\.22\.\d+\n10\.\d+\.\d+\n0\.\d+\.\d+$/);
  });

  it('runs a package’s own test script', async () => {
    const output = await inSandbox(
      'node',
      `cat >package.json <<<'{"scripts": {"test": "node --test"}}'
       cat >one.test.js <<<'require("node:test")("counts", () => {})'
       npm test`,
    );

    expect(output).toMatch(/pass 1\b/);
  });
});

describe('the python image', () => {
  it('makes a virtual environment with pip in it', async () => {
    const output = await inSandbox('python', 'python -m venv .venv && .venv/bin/pip --version');

    expect(output).toMatch(/^pip \d+.* from \/workspace\/\.venv/);
  });

  it('runs pytest', async () => {
    const output = await inSandbox('python', `echo 'def test_counts(): assert 1 + 1 == 2' >test_one.py; pytest -q`);

    expect(output).toMatch(/1 passed/);
  });

  it('builds a package with an extension in C, without a network', async () => {
    const output = await inSandbox(
      'python',
      `cat >answer.c <<'END'
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "answer", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_answer(void) {
  PyObject *made = PyModule_Create(&module);
  PyModule_AddIntConstant(made, "value", 42);
  return made;
}
END
       cat >setup.py <<'END'
from setuptools import Extension, setup
setup(name="answer", version="1", ext_modules=[Extension("answer", ["answer.c"])])
END
       python setup.py --quiet build_ext --inplace >/dev/null 2>&1
       python -c 'import answer; print(answer.value)'`,
    );

    expect(output).toBe('42');
  });
});
