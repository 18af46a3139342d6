import { execFile } from 'node:child_process';
import { access, chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import type { Ran } from '../support/command.ts';

const checkout = join(import.meta.dirname, '..', '..');

/** A copy of the project on a machine that has the programs we give it and no others. */
export interface Machine extends AsyncDisposable {
  readonly project: string;
  /** Where the stand-ins keep what they know; `$state` in their text. */
  readonly state: string;
  /** Puts a program there: a shell script, which finds its state in `$state`. */
  program(name: string, script: string): Promise<void>;
  /** Runs a script of the project. */
  run(script: string, args?: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ran>;
  /** What the stand-ins were called with, a line each. */
  calls(): Promise<string[]>;
}

// What any Debian has. Everything else (docker, npm, apt-get, systemctl, chromium) a test adds, real or standing in.
const ordinary =
  'sh cat cksum chmod cp cut dirname grep gzip ls mkdir mktemp nohup rm sed setsid sha256sum sleep tail tar touch ln env mv';

/** Opens one, with these programs of the real machine besides the ordinary ones. */
export async function openMachine(real: readonly string[] = []): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'ground-'));
  const [project, bin, state] = [join(folder, 'project'), join(folder, 'bin'), join(folder, 'state')];
  for (const each of [project, bin, state]) await mkdir(each);
  for (const each of ['package.json', 'package-lock.json']) await copyFile(join(checkout, each), join(project, each));
  for (const each of ['scripts', 'sandbox']) await cp(join(checkout, each), join(project, each), { recursive: true });
  for (const name of [...ordinary.split(' '), ...real]) await symlink(await whereIs(name), join(bin, name));

  const machine: Machine = {
    project,
    state,
    async program(name, script) {
      const path = join(bin, name);
      await writeFile(
        path,
        `#!/bin/sh\nstate='${state}' bin='${bin}'\necho "${name} $*" >>"$state/calls"\n${script}\n`,
      );
      await chmod(path, 0o755);
    },
    run: (script, args = [], environment = {}) =>
      new Promise((resolve) => {
        const env = { PATH: bin, TMPDIR: folder, DEVSTRAL_DOCKERD_LOG: join(state, 'dockerd.log'), ...environment };
        const command = [join(project, script), ...args];
        execFile(join(bin, 'sh'), command, { env, timeout: 110_000 }, (error, stdout, stderr) => {
          const exitCode = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
          resolve({ exitCode, stdout, stderr });
        });
      }),
    calls: async () => (await readFile(join(state, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
  await machine.program('npm', npm);
  return machine;
}

// Installs Node and nothing else; packs a package that holds what the images link to.
const npm = `
case $1 in
  ci) mkdir -p node_modules/.bin && printf '#!/bin/sh\\necho v24\\n' >node_modules/.bin/node && chmod 0755 node_modules/.bin/node ;;
  pack) mkdir -p "$state/package/bin" && echo >"$state/package/bin/node" && tar -czf "$5/one.tgz" -C "$state" package ;;
esac`;

/**
 * A docker client: its engine answers when `$state/up` is there, its registry when `$state/registry` is, and its images are
 * the files of `$state/images`.
 */
export const docker = `
mkdir -p "$state/images"
file() { echo "$state/images/$(echo "$1" | sed 's|/|~|g')"; }
[ -e "$state/up" ] || { echo "\${refusal:-Cannot connect to the Docker daemon}" >&2; exit 1; }
case "$1 $2" in
  'version --format') case $3 in *Arch*) echo amd64 ;; *) echo 20.10 ;; esac ;;
  'image inspect') shift 4; for each; do cat "$(file "$each")" 2>/dev/null || exit 1; done ;;
  'pull --quiet') [ -e "$state/registry" ] && echo "$3" >"$(file "$3")" ;;
  'build --quiet') [ ! -e "$state/broken" ] || { echo 'no space left on device'; exit 1; }; shift 5; echo "$2" >"$(file "$2")" ;;
  'import --change') echo imported >"$(file "$5")" ;;
  'tag '*) cp "$(file "$2")" "$(file "$3")" ;;
  *) echo "unexpected: docker $*" >&2; exit 1 ;;
esac`;

/** Who runs the script: 0 is root. */
export const id = (uid: number) => `echo ${uid}`;

async function whereIs(program: string): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error(`${program} is not on this machine`);
}
