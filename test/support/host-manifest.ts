import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const checkout = join(import.meta.dirname, '..', '..');

/** What the host looks like outside the data folder: paths with sizes and times, and the checkout's files by hash (I8). */
export async function hostManifest(): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for (const folder of ['/etc', homedir()]) await note(entries, folder, 1, false);
  for (const folder of ['src', 'sandbox', 'scripts']) await note(entries, join(checkout, folder), 8, true);
  // Scratch folders of ours have our name; whatever else is in the temporary folder belongs to others.
  for (const name of await readdir(tmpdir()))
    if (/^devstral-(index|work|patch|git)/.test(name)) entries.set(name, 'left in the temporary folder');
  return entries;
}

async function note(entries: Map<string, string>, folder: string, depth: number, hash: boolean): Promise<void> {
  for (const name of await readdir(folder)) {
    // Caches and histories of tools that other people's processes on this machine write to meanwhile.
    if (['.npm', '.cache', '.bash_history'].includes(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (!found) continue;
    if (found.isDirectory()) {
      entries.set(path, 'folder');
      if (depth > 0) await note(entries, path, depth - 1, hash);
    } else if (found.isFile()) {
      entries.set(
        path,
        hash
          ? createHash('sha256')
              .update(await readFile(path))
              .digest('hex')
          : `${found.size} ${found.mtimeMs}`,
      );
    }
  }
}
