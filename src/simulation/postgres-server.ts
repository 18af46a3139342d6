import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real Postgres server in a temporary folder, on a free port of the loopback interface; disposing it leaves nothing. */
export async function startPostgres(searchPath: string): Promise<{ url: string } & AsyncDisposable> {
  const bin = await binaries();
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  const user = await unprivileged();
  if (user) await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
  const data = join(folder, 'data');
  const port = await freePort();
  const as = {
    ...(user && { uid: user.uid, gid: user.gid }),
    env: { PATH: searchPath, LC_ALL: 'C', HOME: folder },
    cwd: folder,
  };
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'devstral', '-A', 'trust', '-E', 'UTF8', '--no-sync'], as);
  await run(
    join(bin, 'pg_ctl'),
    ['-D', data, '-w', '-l', join(folder, 'log'), '-o', `-p ${port} -h 127.0.0.1 -k ${folder}`, 'start'],
    as,
  );
  return {
    url: `postgres://devstral@127.0.0.1:${port}/postgres`,
    async [Symbol.asyncDispose]() {
      await run(join(bin, 'pg_ctl'), ['-D', data, '-w', '-m', 'immediate', 'stop'], as);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Debian keeps the server's programs by version, off the PATH. */
async function binaries(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = (await readdir(root).catch(() => [])).sort((one, other) => Number(other) - Number(one));
  if (versions[0]) return join(root, versions[0], 'bin');
  const { stdout } = await run('sh', ['-c', 'command -v initdb']);
  return join(stdout.trim(), '..');
}

/** Postgres refuses to run as root: then it runs as the system's own user for nobody's things. */
async function unprivileged(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const id = async (flag: string) => Number((await run('id', [flag, 'nobody'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/** Below the range that clients' own connections take their ports from (THREATS §4). */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
  throw new Error('No free port was found');
}
