import { describe, expect, it } from 'vitest';

import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import { strReplaceEditor } from '../../src/agent/tools/str-replace-editor.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const edits = 10_000;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 32);
const random = generator(seed);

const cyrillic = '/workspace/cyrillic.py';
const wide = '/workspace/wide.txt';
const marked = '/workspace/marked.txt';
const paths = [cyrillic, wide, marked, '/workspace/a', '/workspace/b c', "/workspace/it's", '/workspace/d/e', '/f'];
const cookie = '# coding: cp1251\n#\n';
const pieces = [
  'a',
  'a',
  'b',
  'ab',
  ' ',
  '  ',
  '\t',
  '\n',
  '\n',
  '\n\n',
  '\r\n',
  '\r\n',
  '\r',
  'Я',
  'ж',
  'foo()',
  '{',
  '$&',
];
const beyondCyrillic = ['é', '中', '😀', '\u00a0', '\ud83d', '\u2028'];

type Edit = {
  command: string;
  path: string;
  file_text?: string;
  old_str?: string;
  new_str?: string;
  insert_line?: number;
};

describe('the editor, beside a plain model of it', () => {
  it(`leaves the same bytes and refuses the same in ${edits} random edits`, async () => {
    const sandbox = memorySandbox();
    const context = { sandbox, history: new EditHistory() };
    const model = new Model();
    let takingBack = { path: '', left: 0 };
    const differences: string[] = [];
    const counts: Record<string, number> = {};

    for (let number = 0; number < edits && differences.length < 3; number++) {
      disturb(model, sandbox.files);
      // Now and then everything is taken back that can be: deeper than is kept.
      if (chance(0.002)) takingBack = { path: pick(paths), left: 12 };
      const edit = takingBack.left-- > 0 ? { command: 'undo_edit', path: takingBack.path } : randomEdit(model);
      const before = model.files.get(edit.path)?.toString('latin1');
      const accepted = model.apply(edit);
      const prepared = strReplaceEditor.call(edit, context);
      const result = 'problem' in prepared ? null : await prepared.run(new AbortController().signal);

      const outcome = result?.kind === 'shown' ? result.outcome : null;
      const held = [sandbox.files, model.files].map((files) =>
        paths.map((path) => files.get(path)?.toString('latin1')),
      );
      const wrong = paths.filter((_path, at) => held[0]?.[at] !== held[1]?.[at]);
      if (outcome !== (accepted ? 'ok' : 'failed') || wrong.length > 0)
        differences.push(JSON.stringify({ number, edit, before, outcome, accepted, wrong }));
      const counted = `${edit.command} ${accepted ? 'done' : 'refused'}`;
      counts[counted] = (counts[counted] ?? 0) + 1;
    }

    expect(differences, `FUZZ_SEED=${seed}`).toEqual([]);
    // All kinds have happened often enough to mean something.
    for (const command of ['create', 'str_replace', 'insert', 'undo_edit'])
      for (const end of ['done', 'refused'])
        expect(counts[`${command} ${end}`], `${command} ${end}, FUZZ_SEED=${seed}`).toBeGreaterThan(100);
  });
});

/** The rules of the editor in the plainest way: files as lists of characters in which a CRLF is one. */
class Model {
  readonly files = new Map<string, Buffer>();
  readonly #undo = new Map<string, Buffer[]>();

  /** False when the edit is refused. */
  apply(edit: Edit): boolean {
    const old = this.files.get(edit.path);
    if (edit.command === 'create') return old === undefined && this.#create(edit.path, edit.file_text ?? '');
    if (old === undefined) return false;
    if (edit.command === 'undo_edit') return this.#takeBack(edit.path);
    const text = textOf(edit.path, old);
    if (text.includes('\0')) return false;
    const units = text.match(/\r\n|[\s\S]/g) ?? [];
    const place = edit.command === 'insert' ? insertion(units, edit) : replacement(units, edit);
    if (!place?.put.isWellFormed()) return false;
    const put = endOfLineAt(units, place.from) === '\r\n' ? place.put.replace(/\r?\n/g, '\r\n') : place.put;
    const fresh = [...units.slice(0, place.from), put, ...units.slice(place.to)].join('');
    const bytes = bytesOf(edit.path, old, fresh);
    if (!bytes || bytes.equals(old)) return false;
    this.#remember(edit.path, old);
    this.files.set(edit.path, bytes);
    return true;
  }

  #create(path: string, content: string): boolean {
    if (!content.isWellFormed()) return false;
    this.files.set(path, Buffer.from(content));
    this.#remember(path, Buffer.from(content));
    return true;
  }

  #takeBack(path: string): boolean {
    const before = this.#undo.get(path)?.pop();
    if (before) this.files.set(path, before);
    return before !== undefined;
  }

  #remember(path: string, bytes: Buffer): void {
    const kept = this.#undo.get(path) ?? [];
    kept.push(bytes);
    if (kept.length > 10) kept.shift();
    this.#undo.set(path, kept);
  }
}

interface Place {
  readonly from: number;
  readonly to: number;
  readonly put: string;
}

const isEnd = (unit: string | undefined) => unit === '\n' || unit === '\r\n';

function replacement(units: readonly string[], { old_str = '', new_str = '' }: Edit): Place | null {
  if (old_str === new_str || !old_str.isWellFormed()) return null;
  const wanted = old_str.split('\r\n').join('\n');
  for (const [find, put] of [
    [wanted, new_str],
    [wanted.trim(), new_str.trim()],
  ] as const) {
    const found: number[] = [];
    for (let at = 0; at <= units.length; at++) {
      if (at < (found.at(-1) ?? -find.length - 1) + Math.max(1, find.length)) continue;
      if (find.split('').every((letter, plus) => letter === (isEnd(units[at + plus]) ? '\n' : units[at + plus])))
        found.push(at);
    }
    if (found.length > 1) return null;
    if (found[0] !== undefined) return { from: found[0], to: found[0] + find.length, put };
  }
  return null;
}

function insertion(units: readonly string[], { insert_line = 0, new_str = '' }: Edit): Place | null {
  const ends = units.flatMap((unit, at) => (isEnd(unit) ? [at] : []));
  const isOpen = units.length > 0 && !isEnd(units.at(-1));
  if (insert_line < 0 || insert_line > ends.length + (isOpen ? 1 : 0)) return null;
  if (insert_line > ends.length) return { from: units.length, to: units.length, put: `\n${new_str}` };
  const at = insert_line === 0 ? 0 : (ends[insert_line - 1] ?? 0) + 1;
  return { from: at, to: at, put: `${new_str}\n` };
}

function endOfLineAt(units: readonly string[], from: number): string | undefined {
  return units.slice(from).find(isEnd) ?? units.slice(0, from).findLast(isEnd);
}

function textOf(path: string, bytes: Buffer): string {
  if (path === wide) return bytes.subarray(2).toString('utf16le');
  if (path === marked) return bytes.subarray(3).toString();
  if (path !== cyrillic) return bytes.toString();
  return Array.from(bytes, (byte) => String.fromCharCode(byte < 0xc0 ? byte : byte - 0xc0 + 0x410)).join('');
}

/** Null when the file's encoding cannot say it. */
function bytesOf(path: string, old: Buffer, text: string): Buffer | null {
  if (path === wide) return Buffer.concat([old.subarray(0, 2), Buffer.from(text, 'utf16le')]);
  if (path === marked) return Buffer.concat([old.subarray(0, 3), Buffer.from(text)]);
  if (path !== cyrillic) return Buffer.from(text);
  const codes = text.split('').map((letter) => letter.charCodeAt(0));
  if (codes.some((code) => code > 0x7f && (code < 0x410 || code > 0x44f))) return null;
  return Buffer.from(codes.map((code) => (code > 0x7f ? code - 0x410 + 0xc0 : code)));
}

/** Now and then something else writes or removes a file: a command of the model's, in life. */
function disturb(model: Model, files: Map<string, Buffer>): void {
  for (const path of paths) {
    const held = model.files.get(path);
    const isFixed = [cyrillic, wide, marked].includes(path);
    if (isFixed ? held && held.length < 1500 && !chance(0.01) : !held || (held.length < 1500 && !chance(0.01)))
      continue;
    model.files.delete(path);
    files.delete(path);
    if (!isFixed && chance(0.9)) continue;
    const content = fresh(path);
    model.files.set(path, content);
    files.set(path, content);
  }
}

function fresh(path: string): Buffer {
  if (path === wide) return Buffer.from(`\ufeff${text(40, 0.1)}`.toWellFormed(), 'utf16le');
  if (path === marked) return Buffer.from(`\ufeff${text(40, 0.1)}`);
  if (path === cyrillic) return bytesOf(path, Buffer.of(), cookie + text(40, 0)) ?? Buffer.of();
  return Buffer.from(text(40, 0.1) + (chance(0.05) ? '\0' : ''));
}

function randomEdit(model: Model): Edit {
  const path = pick(paths);
  const held = model.files.get(path);
  const command = pick(['create', 'str_replace', 'str_replace', 'str_replace', 'insert', 'insert', 'undo_edit']);
  // A no-break space after some letters would be valid UTF-8.
  const put = chance(0.1) ? '' : text(8, 0.05).replaceAll('\u00a0', path === cyrillic ? 'é' : '\u00a0');
  // The line that says what the encoding is stays where it is.
  const content = held ? textOf(path, held).slice(path === cyrillic ? cookie.length : 0) : '';
  if (command === 'create') return { command, path, file_text: text(30, 0.05) };
  if (command === 'insert') {
    const lines = content.split('\n').length + (path === cyrillic ? 2 : 0);
    return {
      command,
      path,
      new_str: put,
      insert_line: (path === cyrillic ? 2 : -1) + Math.floor(random() * (lines + 2)),
    };
  }
  if (command === 'undo_edit') return { command, path };
  const old_str = oldText(content);
  return { command, path, old_str, ...(chance(0.05) ? {} : { new_str: chance(0.05) ? old_str : put }) };
}

function oldText(content: string): string {
  const from = Math.floor(random() * content.length);
  const part = content.slice(from, from + 1 + Math.floor(random() * 20));
  const kind = random();
  if (kind < 0.03) return '';
  if (kind < 0.1) return text(4, 0.1) || 'zz';
  if (kind < 0.25) return ` \n${part.trim()}\t`;
  if (kind < 0.5) return part;
  return part.replaceAll('\r\n', '\n');
}

function text(most: number, rare: number): string {
  return Array.from({ length: Math.floor(random() * most) }, () => pick(chance(rare) ? beyondCyrillic : pieces)).join(
    '',
  );
}

function pick<T>(from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('Nothing to pick from');
  return picked;
}

function chance(probability: number): boolean {
  return random() < probability;
}

/** Mulberry32: the same numbers for the same seed. */
function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
