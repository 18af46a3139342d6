import { z } from 'zod';

import type { TestCommand } from '../core/verdict.ts';
import { runners } from './runners/all.ts';
import { runnerPart } from './script-parts.ts';

/** What a repository holds, as far as finding its tests goes. */
export interface Source {
  readonly paths: readonly string[];
  readonly read: (path: string) => Promise<string | null>;
  /** From the settings file; it wins. */
  readonly settings: { readonly test?: string };
}

const Manifest = z.object({ scripts: z.record(z.string(), z.string()).optional() });

/** Finds how the tests are run, and says where that was read. Null: nothing was found, and nothing will be called verified. */
export async function findTestCommand(source: Source): Promise<TestCommand | null> {
  if (source.settings.test !== undefined) return fromSettings(source.settings.test, await scriptsOf(source));
  return fromScripts(await scriptsOf(source)) ?? (await fromPython(source)) ?? fromConventions(source);
}

async function scriptsOf(source: Source): Promise<Readonly<Record<string, string>>> {
  const text = await source.read('package.json');
  const parsed = Manifest.safeParse(text === null ? {} : parsedJson(text));
  return parsed.success ? (parsed.data.scripts ?? {}) : {};
}

function fromSettings(command: string, scripts: Readonly<Record<string, string>>): TestCommand {
  const found = runnerPart(command, scripts);
  const where = '.github/devstral.yml (test)';
  return found ? { ...found, source: where } : { runner: 'unknown', command, source: where };
}

function fromScripts(scripts: Readonly<Record<string, string>>): TestCommand | null {
  const script = scripts.test;
  if (script === undefined || /no test specified/.test(script)) return null;
  const found = runnerPart(script, scripts);
  if (found) return { ...found, source: 'package.json (scripts.test)' };
  return { runner: 'unknown', command: script, source: 'package.json (scripts.test)' };
}

async function fromPython({ paths, read }: Source): Promise<TestCommand | null> {
  for (const [path, mark] of pytestMarks) {
    const text = paths.includes(path) ? await read(path) : null;
    if (text !== null && mark.test(text)) return { runner: 'pytest', command: 'python3 -m pytest', source: path };
  }
  const tests = paths.filter((path) => /(^|\/)(test_[^/]*|[^/]*_test)\.py$/.test(path));
  const [first] = tests;
  if (first === undefined) return null;
  for (const path of tests.slice(0, 20)) {
    const text = (await read(path)) ?? '';
    if (/^\s*(?:import|from) pytest\b/m.test(text) || /^def test_/m.test(text))
      return { runner: 'pytest', command: 'python3 -m pytest', source: `${path} (written for pytest)` };
  }
  const folder = first.includes('/') ? first.slice(0, first.lastIndexOf('/')) : '.';
  const pattern = first.endsWith('_test.py') ? "-p '*_test.py' " : '';
  const top = folder === '.' ? '' : `-s ${folder} -t . `;
  return {
    runner: 'unittest',
    command: `python3 -m unittest discover ${top}${pattern}`.trim(),
    source: `${first} (unittest's naming)`,
  };
}

const pytestMarks: readonly (readonly [string, RegExp])[] = [
  ['pytest.ini', /./s],
  ['pyproject.toml', /^\[tool\.pytest|\bpytest\b/m],
  ['setup.cfg', /^\[tool:pytest\]|\bpytest\b/m],
  ['tox.ini', /^\[pytest\]|\bpytest\b/m],
  ['conftest.py', /./s],
  ['requirements-dev.txt', /^pytest\b/m],
  ['requirements.txt', /^pytest\b/m],
];

function fromConventions({ paths }: Source): TestCommand | null {
  const isTest = (path: string) => /(^|\/)(?:[^/]+\.test|test\/[^/]+|[^/]+-test)\.[cm]?js$/.test(path);
  const found = paths.find((path) => isTest(path) && !path.startsWith('node_modules/'));
  return found && paths.includes('package.json')
    ? { runner: 'node:test', command: 'node --test', source: `${found} (Node's naming)` }
    : null;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The runner of that name, or null for a command that none of ours reads. */
export function runnerNamed(name: string) {
  return runners.find((runner) => runner.name === name) ?? null;
}
