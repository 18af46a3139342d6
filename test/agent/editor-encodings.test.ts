import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';

import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import { editWith } from '../support/edit-with.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const path = '/workspace/t.txt';

function editorOn(content: Uint8Array) {
  const sandbox = memorySandbox({ [path]: content });
  const context = { sandbox, history: new EditHistory() };
  return {
    bytes: () => sandbox.files.get(path),
    edit: (input: Record<string, unknown>) => editWith(context, { path, ...input }),
  };
}

const header = "Here's the result of running `cat -n` on /workspace/t.txt:\n";
const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('a file in another encoding', () => {
  it.each([
    ['windows-1251', 'Это тестовая строка, мир большой', 'мир', 'свет'],
    ['koi8-r', 'Это тестовая строка, мир большой', 'мир', 'свет'],
    ['windows-1252', 'Müller, Größe und Straße – „Übung“', 'Größe', 'Länge'],
    ['iso-8859-1', 'Café crème brûlée à la carte, très élégant', 'crème', 'thé'],
    ['iso-8859-2', 'Zażółć gęślą jaźń, proszę państwa', 'gęślą', 'łódź'],
    ['gb18030', '这是一个测试文件，你好世界', '世界', '朋友'],
    ['big5', '這是一個測試檔案，你好世界', '世界', '朋友'],
    ['shift_jis', 'これはテスト表示です、こんにちは世界', '世界', '表'],
    ['euc-jp', 'これはテスト表示です、こんにちは世界', '世界', '表'],
    ['euc-kr', '이것은 시험 파일입니다 안녕하세요 세계', '세계', '친구'],
  ])('%s is guessed, shown as text, edited in its bytes and taken back', async (encoding, line, old_str, new_str) => {
    const text = `import os\n\n# ${line}\nprint(1)\r\nend`;
    const before = iconv.encode(text, encoding);
    const editor = editorOn(before);

    const shown = await editor.edit({ command: 'view' });
    await editor.edit({ command: 'str_replace', old_str, new_str });
    const replaced = editor.bytes();
    await editor.edit({ command: 'insert', insert_line: 1, new_str });
    const inserted = editor.bytes();
    await editor.edit({ command: 'undo_edit' });
    const undone = editor.bytes();
    await editor.edit({ command: 'undo_edit' });

    expect(shown).toBe(`${header}     1\timport os\n     2\t\n     3\t# ${line}\n     4\tprint(1)\n     5\tend\n`);
    // Read by Node, which had no part in the writing.
    expect(new TextDecoder(encoding, { fatal: true }).decode(replaced)).toBe(text.replace(old_str, new_str));
    expect(new TextDecoder(encoding, { fatal: true }).decode(inserted)).toBe(
      text.replace(old_str, new_str).replace('\n', `\n${new_str}\n`),
    );
    expect(undone).toEqual(replaced);
    expect(editor.bytes()).toEqual(before);
  });

  it.each([
    ['utf-8', 'utf8'],
    ['utf-16le', 'utf16le'],
  ] as const)('%s keeps its byte order mark at the beginning', async (_name, encoding) => {
    const marked = (text: string) => Buffer.from(`\ufeff${text}`, encoding);
    const editor = editorOn(marked('a\r\nж 😀'));

    const shown = await editor.edit({ command: 'view' });
    await editor.edit({ command: 'insert', insert_line: 0, new_str: 'top' });
    await editor.edit({ command: 'str_replace', old_str: 'ж', new_str: '中\nb' });

    expect(shown).toBe(`${header}     1\ta\n     2\tж 😀\n`);
    expect(editor.bytes()).toEqual(marked('top\r\na\r\n中\r\nb 😀'));
  });

  it('utf-16 with the high byte first is read by its mark, without one it is taken for binary', async () => {
    const big = (text: string) => Buffer.from(text, 'utf16le').swap16();
    const editor = editorOn(big('\ufeffone\ntwo'));

    await editor.edit({ command: 'str_replace', old_str: 'two', new_str: 'ж' });

    expect(editor.bytes()).toEqual(big('\ufeffone\nж'));
    expect(await editorOn(big('one\ntwo')).edit({ command: 'view' })).toContain('File appears to be binary');
  });

  it.each([
    ['# -*- coding: koi8-r -*-', 'koi8-r', 'да'],
    ['# vim: set fileencoding=iso-8859-5 :', 'iso-8859-5', 'да'],
    ['<?xml version="1.0" encoding="windows-1253"?>', 'windows-1253', 'ναι'],
    [';; -*- coding: euc-jp-unix -*-', 'euc-jp', '字'],
    ['@charset "gbk";', 'gbk', '好'],
  ])('is believed where it says itself: %s', async (line, encoding, word) => {
    const editor = editorOn(iconv.encode(`${line}\n${word}\n`, encoding));

    const shown = await editor.edit({ command: 'view' });
    await editor.edit({ command: 'insert', insert_line: 2, new_str: word });

    expect(shown).toBe(`${header}     1\t${line}\n     2\t${word}\n     3\t\n`);
    expect(editor.bytes()).toEqual(iconv.encode(`${line}\n${word}\n${word}\n`, encoding));
  });

  it.each(['hex', 'base64', 'utf-16', 'utf-7', 'nonsense'])('is not believed when it says %s', async (name) => {
    const editor = editorOn(latin1(`# coding: ${name}\na\n`));

    await editor.edit({ command: 'insert', insert_line: 2, new_str: 'ж' });

    expect(editor.bytes()?.toString()).toBe(`# coding: ${name}\na\nж\n`);
  });

  it('is UTF-8 when it can be, whatever it says: so is every file that was created here', async () => {
    const editor = editorOn(Buffer.from('# coding: cp1251\nпривет\n'));

    expect(await editor.edit({ command: 'view' })).toContain('     2\tпривет\n');
  });

  it('is not changed by what it cannot say', async () => {
    const before = iconv.encode('# coding: cp1251\nпривет\n', 'cp1251');
    const editor = editorOn(before);

    const replaced = await editor.edit({ command: 'str_replace', old_str: 'привет', new_str: '中文 привет' });
    const inserted = await editor.edit({ command: 'insert', insert_line: 2, new_str: '😀' });
    const half = await editor.edit({ command: 'create', path: '/workspace/new', file_text: 'a\ud83d' });

    expect(replaced).toBe(
      'ERROR:\n/workspace/t.txt was not changed: its encoding, cp1251, cannot say "中文". Use other characters or escapes.',
    );
    expect(inserted).toContain('cannot say "😀"');
    expect(half).toBe(
      'ERROR:\n/workspace/new was not changed: its encoding, utf-8, cannot say "\\ud83d". Use other characters or escapes.',
    );
    expect(editor.bytes()).toEqual(before);
    expect(await editor.edit({ command: 'undo_edit' })).toContain('No edit history found');
  });

  it('keeps bytes that mean nothing, and is not edited between them', async () => {
    const utf8 = (text: string) => latin1(Buffer.from(text).toString('latin1').replaceAll('?', '\xff'));
    const before = utf8('жаба раз\n? два\nтри ж\n? четыре\nпять\n');
    const editor = editorOn(before);

    const shown = await editor.edit({ command: 'view' });
    await editor.edit({ command: 'str_replace', old_str: 'раз', new_str: 'один' });
    await editor.edit({ command: 'insert', insert_line: 5, new_str: 'шесть' });
    const between = await editor.edit({ command: 'str_replace', old_str: 'три', new_str: '3' });

    expect(shown).toContain('     2\t\ufffd два\n');
    expect(editor.bytes()).toEqual(utf8('жаба один\n? два\nтри ж\n? четыре\nпять\nшесть\n'));
    expect(between).toMatch(/bytes that are not valid in its encoding, utf-8, on both sides of the edit/);
  });
});

describe('line ends', () => {
  it('that are CRLF are shown and given as plain ones, and stay', async () => {
    const editor = editorOn(latin1('a\r\nb\r\nc'));

    const shown = await editor.edit({ command: 'str_replace', old_str: 'a\nb', new_str: 'x\ny\r\nz' });
    await editor.edit({ command: 'insert', insert_line: 4, new_str: 'd\ne' });

    expect(shown).toContain('     1\tx\n     2\ty\n     3\tz\n     4\tc\n');
    expect(editor.bytes()?.toString()).toBe('x\r\ny\r\nz\r\nc\r\nd\r\ne');
  });

  it('that are mixed stay as they are, and new ones are like those at their place', async () => {
    const editor = editorOn(latin1('a\nb\r\nc\n\r\n\rd\r\n'));

    await editor.edit({ command: 'insert', insert_line: 0, new_str: '0' });
    await editor.edit({ command: 'str_replace', old_str: 'b', new_str: 'B\nB' });
    await editor.edit({ command: 'str_replace', old_str: 'd', new_str: 'D\nD' });

    expect(editor.bytes()?.toString()).toBe('0\na\nB\r\nB\r\nc\n\r\n\rD\r\nD\r\n');
  });

  it('can be brought in where there were none', async () => {
    const editor = editorOn(latin1(''));

    await editor.edit({ command: 'insert', insert_line: 0, new_str: 'a\r\nb' });

    expect(editor.bytes()?.toString()).toBe('a\r\nb\n');
  });
});
