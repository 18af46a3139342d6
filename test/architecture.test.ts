import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

// DESIGN's import table. A folder that is not listed may not exist; `*` may import anything.
const mayImport: Record<string, readonly string[] | '*'> = {
  core: [],
  triggers: ['core'],
  agent: ['core'],
  verification: ['core'],
  reports: ['core'],
  pipeline: ['core', 'triggers', 'agent', 'verification', 'reports'],
  adapters: ['core'],
  simulation: ['core'],
  commands: '*',
  'wiring.ts': '*',
  'main.ts': '*',
  'config.ts': ['core'],
};

// SDKs of the outside world belong to one adapter each.
const sdks: Record<string, readonly RegExp[]> = {
  docker: [/^dockerode$/],
  github: [/^probot$/, /^@octokit\//],
  openai: [/^openai$/],
  postgres: [/^pg$/, /^pg-boss$/, /^@electric-sql\//, /^drizzle-orm/],
};

interface Import {
  readonly file: string;
  readonly from: string;
}

const source = join(import.meta.dirname, '..', 'src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports: Import[] = files.flatMap((file) =>
  [
    ...readFileSync(join(source, file), 'utf8').matchAll(
      /^(?:import|export)\b[^'"]*?from\s+'([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm,
    ),
  ].map((match) => ({ file, from: match[1] ?? match[2] ?? match[3] ?? '' })),
);
const folderOf = (file: string) => file.split('/')[0] ?? file;
const targetOf = ({ file, from }: Import) => relative(source, join(source, dirname(file), from));

describe('the architecture', () => {
  it('sees the source', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(imports.length).toBeGreaterThan(files.length);
    for (const folder of Object.keys(mayImport))
      expect(
        files.some((file) => folderOf(file) === folder),
        folder,
      ).toBe(true);
  });

  it('has no folder that DESIGN does not name', () => {
    const unknown = [...new Set(files.map(folderOf))].filter((folder) => !(folder in mayImport));

    expect(unknown).toEqual([]);
  });

  it('imports among our own folders only as the table allows', () => {
    const wrong = imports.filter((each) => {
      if (!each.from.startsWith('.')) return false;
      const from = folderOf(each.file);
      const to = folderOf(targetOf(each));
      const allowed = mayImport[from];
      return from !== to && allowed !== '*' && !allowed?.includes(to);
    });

    expect(wrong).toEqual([]);
  });

  it('lets no adapter import another', () => {
    const wrong = imports.filter((each) => {
      const target = each.from.startsWith('.') ? targetOf(each) : '';
      return (
        each.file.startsWith('adapters/') &&
        target.startsWith('adapters/') &&
        target.split('/')[1] !== each.file.split('/')[1]
      );
    });

    expect(wrong).toEqual([]);
  });

  it('keeps each SDK in its own adapter', () => {
    const wrong = imports.filter((each) => {
      const owner = Object.keys(sdks).find((name) => sdks[name]?.some((pattern) => pattern.test(each.from)));
      return owner !== undefined && !each.file.startsWith(`adapters/${owner}/`);
    });

    expect(wrong).toEqual([]);
  });

  it('gives core nothing but zod and types of Node', () => {
    const wrong = imports.filter(
      (each) =>
        folderOf(each.file) === 'core' && !each.from.startsWith('.') && !['zod', 'node:stream'].includes(each.from),
    );

    expect(wrong).toEqual([]);
  });

  it('reads the environment in config.ts only', () => {
    const readers = files.filter((file) => /process\.env\b/.test(readFileSync(join(source, file), 'utf8')));

    expect(readers).toEqual(['config.ts']);
  });
});
