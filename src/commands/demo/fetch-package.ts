import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';

import { OutsideError } from '../../core/errors.ts';

const execute = promisify(execFile);

/** Fetches a published package with npm and reads its files, by path from the package's root. `folder` takes the archive. */
export async function fetchPackage(specifier: string, folder: string): Promise<Map<string, Buffer>> {
  try {
    const { stdout } = await execute('npm', ['pack', specifier, '--json', '--pack-destination', folder], {
      cwd: folder,
    });
    return await filesOf(await readFile(join(folder, archiveName(stdout))));
  } catch (cause) {
    throw new OutsideError(`npm could not fetch ${specifier}; the demo needs an npm registry it can reach.`, {
      retry: 'soon',
      cause,
    });
  }
}

/** npm 11 answers with a list of packed packages, npm 12 with an object by name. */
function archiveName(json: string): string {
  const answer: unknown = JSON.parse(json);
  const first: unknown = Array.isArray(answer) ? answer[0] : Object.values(answer as object)[0];
  if (typeof first === 'object' && first !== null && 'filename' in first && typeof first.filename === 'string')
    return first.filename;
  throw new Error('npm pack did not say what it wrote');
}

async function filesOf(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  reader.end(gunzipSync(archive));
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    // Everything is under one folder, which npm calls `package`.
    if (entry.header.type === 'file') files.set(entry.header.name.replace(/^[^/]+\//, ''), Buffer.concat(chunks));
  }
  return files;
}
