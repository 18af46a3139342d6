import { fetchPackage } from './fetch-package.ts';
import type { RealBug } from './real-bugs.ts';

/** What the demo's repository holds, and the same source as its fixing release has it. */
export interface DemoRepository {
  readonly files: Map<string, Buffer>;
  readonly fixed: Map<string, Buffer>;
}

/** The package as published with the bug, with the fixing release's tests laid over it; fetched now, kept nowhere. */
export async function demoRepository(bug: RealBug, folder: string): Promise<DemoRepository> {
  const before = await fetchPackage(`${bug.name}@${bug.version}`, folder);
  const after = await fetchPackage(`${bug.name}@${bug.fixedVersion}`, folder);
  const tests = [...after].filter(([path]) => isTest(path));
  const files = new Map([...[...before].filter(([path]) => !isTest(path)), ...tests, gitignore]);
  return { files, fixed: new Map([...after].filter(([path]) => isSource(path) && files.has(path))) };
}

const gitignore: [string, Buffer] = ['.gitignore', Buffer.from('node_modules/\n')];

function isTest(path: string): boolean {
  return path.startsWith('test/');
}

function isSource(path: string): boolean {
  return path.endsWith('.js') && !isTest(path) && !path.startsWith('dist/') && !path.startsWith('example/');
}
