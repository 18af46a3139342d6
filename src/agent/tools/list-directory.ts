import type { Sandbox } from '../../core/ports.ts';
import { EditorError } from './editor-error.ts';
import { clipped } from './shown-text.ts';

// How many are hidden here, then each path and its type. NUL ends them: a name may hold anything else. No more than can be shown.
const script = `cd -- "$1" || exit
/usr/bin/find -L . -mindepth 1 -maxdepth 1 -name '.*' -printf . 2>/dev/null | /usr/bin/wc -c
printf '\\0'
/usr/bin/find -L . -maxdepth 2 -name '.?*' -prune -o -printf '%P\\001%y\\0' 2>/dev/null | LC_ALL=C /usr/bin/sort -z | /usr/bin/head -c 100000`;

/** What is in a directory, two levels deep, in the words that the model was trained with. */
export async function listDirectory(path: string, sandbox: Sandbox, signal: AbortSignal): Promise<string> {
  const argv = ['/bin/bash', '-c', script, 'list-directory', path];
  const listed = await sandbox.execute(argv, { timeoutMs: 30_000 }, signal);
  const [hidden, ...entries] = listed.output.split('\0').slice(0, -1);
  if (listed.kind !== 'exited' || hidden === undefined)
    throw new EditorError(`${path} could not be listed: ${listed.output.trim() || listed.kind}`);

  const count = Number(hidden);
  const note = `\n\n${count} hidden files/directories in this directory are excluded. You can use 'ls -la ${path}' to see them.`;
  return `Here's the files and directories up to 2 levels deep in ${path}, excluding hidden items:\n${shown(path, entries)}${count > 0 ? note : ''}`;
}

function shown(root: string, entries: readonly string[]): string {
  const found = entries.map((entry) => {
    const [name = '', type] = entry.split('\x01');
    const path = name === '' ? root : `${root === '/' ? '' : root}/${name}`;
    return { line: path.replaceAll('\n', '\\n'), isDirectory: type === 'd' };
  });
  return clipped(found.map(({ line }) => line).join('\n'), 'directory')
    .split('\n')
    .map((line, at) => (found[at]?.isDirectory && found[at].line === line && line !== '/' ? `${line}/` : line))
    .join('\n');
}
