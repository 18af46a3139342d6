import { describe, expect, it } from 'vitest';

import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import { editWith } from '../support/edit-with.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';

const path = '/workspace/t.txt';

/** Opens an editor on one file; `edit` gives what the model is shown. */
function editorOn(content: string) {
  const sandbox = memorySandbox({ [path]: content, '/workspace/dir/x': 'x' });
  const context = { sandbox, history: new EditHistory() };
  return {
    content: () => sandbox.files.get(path)?.toString(),
    edit: (input: Record<string, unknown>) => editWith(context, { path, ...input }),
  };
}

const ten = Array.from({ length: 10 }, (_, at) => `line ${at + 1}`).join('\n');
const review = 'Review the changes and make sure they are as expected. Edit the file again if necessary.';

// Wordings as in the editor that the model was trained with (DEVSTRAL §2.4).
describe('the editor', () => {
  it.each([
    ['a file', {}, "Here's the result of running `cat -n` on /workspace/t.txt:\n     1\ta\n     2\tb\n     3\t\n"],
    ['some lines', { view_range: [2, 2] }, "Here's the result of running `cat -n` on /workspace/t.txt:\n     2\tb\n"],
    [
      'up to the end',
      { view_range: [1, -1] },
      "Here's the result of running `cat -n` on /workspace/t.txt:\n     1\ta\n     2\tb\n",
    ],
    [
      'more than there is',
      { view_range: [1, 10] },
      "NOTE: We only show up to 2 since there're only 2 lines in this file.\nHere's the result of running `cat -n` on /workspace/t.txt:\n     1\ta\n     2\tb\n",
    ],
    [
      'nothing that begins behind the end',
      { view_range: [7, 9] },
      'ERROR:\nInvalid `view_range` parameter: [7, 9]. Its first element `7` should be within the range of lines of the file: [1, 2].',
    ],
    [
      'nothing backwards',
      { view_range: [2, 1] },
      'ERROR:\nInvalid `view_range` parameter: [2, 1]. Its second element `1` should be greater than or equal to the first element `2`.',
    ],
    [
      'no file that is not there',
      { path: '/workspace/no' },
      'ERROR:\nInvalid `path` parameter: /workspace/no. The path /workspace/no does not exist. Please provide a valid path.',
    ],
    [
      'no relative path',
      { path: 't.txt' },
      'ERROR:\nInvalid `path` parameter: t.txt. The path should be an absolute path, starting with `/`. Maybe you meant /workspace/t.txt?',
    ],
  ])('shows %s', async (_name, input, expected) => {
    expect(await editorOn('a\nb\n').edit({ command: 'view', ...input })).toBe(expected);
  });

  it('creates a file, and does not overwrite one', async () => {
    const editor = editorOn('x');

    expect(await editor.edit({ command: 'create', path: '/workspace/new', file_text: '' })).toBe(
      'File created successfully at: /workspace/new',
    );
    expect(await editor.edit({ command: 'create', file_text: 'y' })).toBe(
      'ERROR:\nInvalid `path` parameter: /workspace/t.txt. File already exists at: /workspace/t.txt. Cannot overwrite files using command `create`.',
    );
    expect(await editor.edit({ command: 'create', path: '/workspace/other' })).toBe(
      'ERROR:\nParameter `file_text` is required for command: create.',
    );
    expect(editor.content()).toBe('x');
  });

  it('replaces what stands there once, and shows four lines around it', async () => {
    const editor = editorOn(ten);

    const shown = await editor.edit({ command: 'str_replace', old_str: 'line 6', new_str: 'SIX' });

    expect(shown).toBe(
      `The file /workspace/t.txt has been edited. Here's the result of running \`cat -n\` on a snippet of /workspace/t.txt:\n     2\tline 2\n     3\tline 3\n     4\tline 4\n     5\tline 5\n     6\tSIX\n     7\tline 7\n     8\tline 8\n     9\tline 9\n    10\tline 10\n${review}`,
    );
    expect(editor.content()).toBe(ten.replace('line 6', 'SIX'));
  });

  it('leaves every byte outside the edit as it is', async () => {
    const editor = editorOn('\uFEFFa\r\n\tb \r\nc');

    await editor.edit({ command: 'str_replace', old_str: 'b ', new_str: 'B' });

    expect(editor.content()).toBe('\uFEFFa\r\n\tB\r\nc');
  });

  it.each([
    [
      'what is not there',
      { old_str: 'zzz', new_str: 'y' },
      'ERROR:\nNo replacement was performed, old_str `zzz` did not appear verbatim in /workspace/t.txt.',
    ],
    [
      'what is there twice',
      { old_str: 'a', new_str: 'y' },
      'ERROR:\nNo replacement was performed. Multiple occurrences of old_str `a` in lines [1, 3]. Please ensure it is unique.',
    ],
    [
      'something by itself',
      { old_str: 'b', new_str: 'b' },
      'ERROR:\nInvalid `new_str` parameter: b. No replacement was performed. `new_str` and `old_str` must be different.',
    ],
    ['without saying what', { new_str: 'b' }, 'ERROR:\nParameter `old_str` is required for command: str_replace.'],
  ])('does not replace %s', async (_name, input, expected) => {
    const editor = editorOn('a\nb\na\n');

    expect(await editor.edit({ command: 'str_replace', ...input })).toBe(expected);
    expect(editor.content()).toBe('a\nb\na\n');
  });

  it.each([
    ['a line once', 'a a\nb\na\n', 'a', '[1, 3]'],
    ['nothing as standing everywhere', 'a\n\n😀', '', '[1, 2, 3]'],
    ['blanks that are not there as nothing', 'a', ' ', '[1]'],
    ['a hundred lines and no more', 'a\n'.repeat(5_000_000), 'a', '98, 99, 100, ...]'],
  ])('names %s where there are several', async (_name, content, old_str, lines) => {
    const shown = await editorOn(content).edit({ command: 'str_replace', old_str, new_str: 'x' });

    expect(shown).toMatch(/^ERROR:\nNo replacement was performed\. Multiple occurrences of old_str/);
    expect(shown).toContain(`${lines}. Please ensure it is unique.`);
  });

  it('replaces nothing in an empty file', async () => {
    const editor = editorOn('');

    await editor.edit({ command: 'str_replace', old_str: '', new_str: 'x' });

    expect(editor.content()).toBe('x');
  });

  it('shows 16,000 characters at once, none of them cut in two', async () => {
    const exact = await editorOn('😀'.repeat(16_000)).edit({ command: 'view' });
    const over = await editorOn(`${'😀'.repeat(16_000)}a`).edit({ command: 'view' });

    expect(exact.endsWith('😀\n')).toBe(true);
    expect(over).toContain('😀<response clipped><NOTE>Due to the max output limit');
    expect(over.match(/😀/gu)).toHaveLength(16_000);
  });

  it('opens what has 10 MB, and nothing above', async () => {
    const [fits, over] = [editorOn('a'.repeat(10 * 1024 ** 2)), editorOn('a'.repeat(10 * 1024 ** 2 + 1))];

    expect(await fits.edit({ command: 'view' })).toContain('<response clipped>');
    expect(await over.edit({ command: 'insert', insert_line: 0, new_str: 'x' })).toBe(
      'ERROR:\nFile validation failed for /workspace/t.txt: File is too large (10.0MB). Maximum allowed size is 10MB.',
    );
  });

  it('finds what was given with blanks around it', async () => {
    const editor = editorOn('one two three');

    await editor.edit({ command: 'str_replace', old_str: '\n two \n', new_str: ' 2 ' });

    expect(editor.content()).toBe('one 2 three');
  });

  it('inserts after a line, at the top and at the end, but not beyond', async () => {
    const editor = editorOn('a\nb\n');

    await editor.edit({ command: 'insert', insert_line: '1', new_str: 'x' });
    await editor.edit({ command: 'insert', insert_line: 0, new_str: 'top' });
    await editor.edit({ command: 'insert', insert_line: 4, new_str: 'end' });

    expect(editor.content()).toBe('top\na\nx\nb\nend\n');
    expect(await editor.edit({ command: 'insert', insert_line: 9, new_str: 'x' })).toBe(
      'ERROR:\nInvalid `insert_line` parameter: 9. It should be within the range of allowed values: [0, 5]',
    );
  });

  it('takes edits back, ten deep', async () => {
    const editor = editorOn('0');
    for (let at = 1; at <= 12; at++)
      await editor.edit({ command: 'str_replace', old_str: String(at - 1), new_str: String(at) });

    const shown = await editor.edit({ command: 'undo_edit' });
    for (let at = 0; at < 9; at++) await editor.edit({ command: 'undo_edit' });

    expect(shown).toBe(
      "Last edit to /workspace/t.txt undone successfully. Here's the result of running `cat -n` on /workspace/t.txt:\n     1\t11\n",
    );
    expect(editor.content()).toBe('2');
    expect(await editor.edit({ command: 'undo_edit' })).toBe('ERROR:\nNo edit history found for /workspace/t.txt.');
  });

  it('shows what a linter finds', async () => {
    const sandbox = memorySandbox({ [path]: 'a\n' });
    const lint = async ({ before, after }: { before: string; after: string }) => [
      `${before.trim()} became ${after.trim()}`,
    ];

    const shown = await editWith(
      { sandbox, history: new EditHistory(), lint },
      { command: 'str_replace', path, old_str: 'a', new_str: 'b' },
    );

    expect(shown).toContain(`     2\t\n\nLinting issues found in the changes:\na became b\n${review}`);
  });

  it('reads before it writes, and does nothing else', async () => {
    const sandbox = memorySandbox({ [path]: 'a\n' });
    const asked: string[] = [];
    const counting = new Proxy(sandbox, {
      get: (target, name, receiver) => {
        if (typeof name === 'string' && name !== 'files') asked.push(name);
        return Reflect.get(target, name, receiver);
      },
    });
    const context = { sandbox: counting, history: new EditHistory() };

    await editWith(context, { command: 'view', path });
    await editWith(context, { command: 'str_replace', path, old_str: 'a', new_str: 'b' });
    await editWith(context, { command: 'insert', path, insert_line: 1, new_str: 'b' });
    await editWith(context, { command: 'undo_edit', path });
    await editWith(context, { command: 'create', path: '/workspace/new', file_text: '' });

    const once = ['readFile', 'writeFile'];
    expect(asked).toEqual(['readFile', ...once, ...once, ...once, ...once]);
  });

  it('refuses what is no text', async () => {
    expect(await editorOn('a\0b').edit({ command: 'view' })).toBe(
      'ERROR:\nFile validation failed for /workspace/t.txt: File appears to be binary and this file type cannot be read or edited by this tool.',
    );
    expect(await editorOn('x').edit({ command: 'str_replace', path: '/workspace/dir', old_str: 'a' })).toMatch(
      /is a directory and only the `view` command can be used/,
    );
  });
});
