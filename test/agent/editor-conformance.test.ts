import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import type { Sandbox } from '../../src/core/ports.ts';
import { editWith } from '../support/edit-with.ts';
import { realSandbox } from '../support/real-sandbox.ts';

// Recorded while the own test suite of openhands-aci (MIT, https://github.com/All-Hands-AI/openhands-aci, 9d22d0d) ran:
// calls, what was there before and after, and the observations word for word. $DIR stands for a folder; a name that
// begins with $DIR$DIR is a temporary file's.
const Held = z.union([
  z.strictObject({ utf8: z.string() }),
  z.strictObject({ latin1: z.string() }),
  z.strictObject({ bytes: z.number() }),
  z.strictObject({ dir: z.array(z.string()) }),
  z.null(),
]);
const Step = z.object({
  call: z.object({ path: z.string() }).catchall(z.unknown()),
  before: Held,
  after: Held,
  expect_output: z.string().optional(),
  expect_error: z.object({ message: z.string() }).optional(),
});
const Cases = z.array(z.object({ case: z.string(), steps: z.array(Step) }));
type Held = z.infer<typeof Held>;
type Step = z.infer<typeof Step>;

const cases = Cases.parse(JSON.parse(readFileSync(join(import.meta.dirname, 'editor_conformance.json'), 'utf8')));
const signal = () => AbortSignal.timeout(100_000);
const maxBytes = 20 * 1024 ** 2;

describe('the editor, beside the one that the model was trained with', () => {
  let opened: Awaited<ReturnType<typeof realSandbox>>;
  let sandbox: Sandbox;
  let compared = 0;
  beforeAll(async () => {
    opened = await realSandbox(signal());
    sandbox = opened.sandbox;
  });
  afterAll(async () => {
    await opened[Symbol.asyncDispose]();
  });

  it.each(cases.map((each, at) => [each.case.split('::')[1], at, each.steps] as const))(
    '%s',
    async (_name, at, steps) => {
      const history = new EditHistory();
      for (const [number, step] of steps.entries()) {
        const folder = folderOf(at, step);
        const here = <T>(text: T) => placed(text, folder);
        if (!isLeftBy(steps.slice(0, number), step)) await prepare(step, folder);

        const context = { sandbox, history, ...(isLinted(step) ? { lint: lintNothing } : {}) };
        const shown = await editWith(context, here(step.call));

        expect(shown).toBe(here(expectedOf(step)));
        await expectHeld(step, folder);
        await sandbox.execute(['/bin/rm', '-f', '/workspace/test.txt'], { timeoutMs: 10_000 }, signal());
        compared += 1;
      }
    },
  );

  it('has met every recorded step', () => {
    expect([cases.length, compared]).toEqual([55, 84]);
  });

  /** Brings the place of the call into the recorded state. */
  async function prepare({ call, before, expect_error }: Step, folder: string): Promise<void> {
    // A relative path was recorded with the file in the workspace where one is suggested, elsewhere where none is.
    if (expect_error?.message.includes('Maybe you meant'))
      await sandbox.writeFile(`${sandbox.workTree}/${call.path}`, Buffer.from(''), signal());
    const path = absolute(placed(call.path, folder), folder);
    if (path === '/tmp') return;
    if (before && 'dir' in before) return await makeDirectory(path, before.dir, call.path);
    const content = bytesOf(before, call.path);
    if (content) return await sandbox.writeFile(path, content, signal());
    expect(await sandbox.readFile(path, { maxBytes }, signal())).toEqual({ kind: 'missing' });
  }

  async function makeDirectory(path: string, names: readonly string[], asked: string): Promise<void> {
    // Only the first names of the large directory were recorded: its files go from file_0 to file_999.
    const isLarge = asked.endsWith('large_dir');
    const files = isLarge ? Array.from({ length: 1000 }, (_, at) => `file_${at}.txt`) : names;
    const isFile = (name: string) => name.includes('.txt') || /^\.hidden\d$/.test(name);
    const isLink = asked.endsWith('symlink_dir');
    const made = isLink ? `${path}-target` : path;
    const script = [
      `mkdir -p ${made} && cd ${made}`,
      ...files.filter((name) => !isFile(name)).map((name) => `mkdir -p ${name}`),
      ...files.filter(isFile).map((name) => `mkdir -p $(dirname ${name}) && : > ${name}`),
      isLink ? `ln -s ${made} ${path}` : ':',
    ];
    const done = await sandbox.execute(['/bin/bash', '-ec', script.join('\n')], { timeoutMs: 60_000 }, signal());
    expect(done).toMatchObject({ kind: 'exited', exitCode: 0 });
  }

  async function expectHeld({ call, after }: Step, folder: string): Promise<void> {
    const path = absolute(placed(call.path, folder), folder);
    if (path === '/tmp') return;
    if (after && 'dir' in after) {
      const find = ['/usr/bin/find', '-L', path, '-mindepth', '1', '-maxdepth', '2', '-printf', '%P\\n'];
      const listed = await sandbox.execute(find, { timeoutMs: 10_000 }, signal());
      const names = listed.output.trim().split('\n').sort();
      if (call.path.endsWith('large_dir')) expect(names).toEqual(expect.arrayContaining(after.dir));
      else expect(names).toEqual([...after.dir].sort());
      return;
    }
    const content = bytesOf(after, call.path);
    const found = await sandbox.readFile(path, { maxBytes }, signal());
    expect(found.kind).toBe(content ? 'file' : 'missing');
    if (found.kind === 'file' && content) expect(Buffer.compare(found.content, content)).toBe(0);
  }
});

/** A folder for each case. Where a listing is cut off the length of its name counts: the recorded one had 60 characters. */
function folderOf(at: number, step: Step): string {
  const folder = `/tmp/case-${at}`;
  return step.call.path.endsWith('large_dir') ? folder.padEnd(60, '_') : folder;
}

function absolute(path: string, folder: string): string {
  return path.startsWith('/') ? path : `${folder}/${path}`;
}

/** The recorded thing with our folder in it; $TMP is the path that was suggested, to the end of the sentence. */
function placed<T>(recorded: T, folder: string): T {
  const filled = JSON.stringify(recorded).replaceAll('$DIR$DIR', `${folder}/`).replaceAll('$DIR', folder);
  return JSON.parse(filled.replaceAll('$TMP', '/workspace/test.txt?'));
}

function expectedOf({ expect_output, expect_error }: Step): string {
  return expect_output ?? `ERROR:\n${expect_error?.message}`;
}

/** Whether the file is what the last step on it made: then it is not written anew. */
function isLeftBy(earlier: readonly Step[], { call, before }: Step): boolean {
  const last = earlier.findLast((each) => each.call.path === call.path && call.path.startsWith('/'));
  return last !== undefined && JSON.stringify(last.after) === JSON.stringify(before);
}

function isLinted(step: Step): boolean {
  return step.expect_output?.includes('No linting issues') ?? false;
}

/** There is no linter of .txt: it finds nothing in them. */
async function lintNothing({ path }: { path: string }): Promise<string[]> {
  expect(path).toMatch(/\.txt$/);
  return [];
}

function bytesOf(held: Held, path: string): Buffer | null {
  if (!held || 'dir' in held) return null;
  if ('utf8' in held) return Buffer.from(held.utf8);
  if ('latin1' in held) return Buffer.from(held.latin1, 'latin1');
  // Only the size was recorded: of 16,000 lines that say the same, and of a file above the limit.
  const content = path.endsWith('large_test.txt') ? 'Line 1\n'.repeat(16_000) : 'a'.repeat(11 * 1024 ** 2);
  expect(content.length).toBe(held.bytes);
  return Buffer.from(content);
}
