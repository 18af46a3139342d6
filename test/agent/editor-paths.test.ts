import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import type { Sandbox } from '../../src/core/ports.ts';
import { editWith } from '../support/edit-with.ts';
import { realSandbox } from '../support/real-sandbox.ts';

const signal = () => AbortSignal.timeout(100_000);

describe('the paths of the editor, in a container', () => {
  let opened: Awaited<ReturnType<typeof realSandbox>>;
  let sandbox: Sandbox;
  beforeAll(async () => {
    opened = await realSandbox(signal());
    sandbox = opened.sandbox;
  });
  afterAll(async () => {
    await opened[Symbol.asyncDispose]();
  });
  const history = new EditHistory();
  const edit = (input: Record<string, unknown>) => editWith({ sandbox, history }, input);
  const sh = async (command: string) => (await sandbox.run(command, { timeoutMs: 20_000 }, signal())).output;

  it.each([
    '/workspace/with space.txt',
    `/workspace/it's "quoted" $HOME \`id\`.txt`,
    '/workspace/two\nlines.txt',
    '/workspace/-n',
    '/workspace/*?[a].txt',
    '/workspace/new/folders/ключ.txt',
    '/workspace/ends with newline\n',
  ])('may be any: %j', async (path) => {
    const created = await edit({ command: 'create', path, file_text: 'a\n' });
    await edit({ command: 'str_replace', path, old_str: 'a', new_str: 'b' });
    await edit({ command: 'insert', path, insert_line: 1, new_str: 'c' });
    await edit({ command: 'undo_edit', path });

    expect(created).toBe(`File created successfully at: ${path}`);
    expect(await edit({ command: 'view', path })).toBe(
      `Here's the result of running \`cat -n\` on ${path}:\n     1\tb\n     2\t\n`,
    );
    await sh('cd /workspace && git clean -fdxq');
  });

  it('may be written in several ways, and mean one file', async () => {
    await edit({ command: 'create', path: '/workspace//x/./y.txt', file_text: 'a' });
    await edit({ command: 'str_replace', path: '/workspace/x/y.txt/', old_str: 'a', new_str: 'b' });

    expect(await edit({ command: 'undo_edit', path: '/workspace/x//y.txt' })).toContain('     1\ta\n');
    expect(await sh('cat /workspace/x/y.txt')).toBe('a');
    expect(await edit({ command: 'view', path: './x/y.txt' })).toMatch(/Maybe you meant \/workspace\/x\/y.txt\?$/);
  });

  it('may be links: what they lead to is edited, and they stay', async () => {
    await sh('cd /workspace; printf a > target; chmod 755 target; ln -s target link; ln -s nowhere dangling');

    await edit({ command: 'str_replace', path: '/workspace/link', old_str: 'a', new_str: 'b' });
    await edit({ command: 'create', path: '/workspace/dangling', file_text: 'new' });

    expect(await sh('cat target nowhere; readlink link dangling; stat -c %a target')).toBe(
      'bnewtarget\nnowhere\n755\n',
    );
  });

  it('are shown two levels deep, in the order of their names, whatever the names are', async () => {
    await sh(
      `mkdir -p '/tmp/it s/b/c/d' /tmp/it\\ s/a; cd '/tmp/it s'; touch b.txt b/.hidden b/c/deep $'a/new\\nline' 'a/"$x"' ..dots .h; ln -s / a/root; ln -s nowhere a/none`,
    );

    const shown = await edit({ command: 'view', path: '/tmp/it s/' });
    const ranged = await edit({ command: 'view', path: '/tmp/it s', view_range: [1, 2] });

    expect(shown).toBe(
      `Here's the files and directories up to 2 levels deep in /tmp/it s, excluding hidden items:\n${[
        '',
        '/a/',
        '/a/"$x"',
        '/a/new\\nline',
        '/a/none',
        '/a/root/',
        '/b/',
        '/b.txt',
        '/b/c/',
      ]
        .map((name) => (name === '' ? '/tmp/it s/' : `/tmp/it s${name}`))
        .join(
          '\n',
        )}\n\n2 hidden files/directories in this directory are excluded. You can use 'ls -la /tmp/it s' to see them.`,
    );
    expect(ranged).toBe(
      'ERROR:\nInvalid `view_range` parameter: [1, 2]. The `view_range` parameter is not allowed when `path` points to a directory.',
    );
  });

  it('that the container refuses are told to the model', async () => {
    await sh('mkdir -p /tmp/closed && touch /tmp/file /tmp/closed/x /tmp/secret && chmod 0 /tmp/secret /tmp/closed');
    const tooLong = `/workspace/${'x'.repeat(300)}`;

    const calls = [
      { command: 'create', path: '/etc/x', file_text: 'x' },
      { command: 'str_replace', path: '/etc/hostname', old_str: '\n', new_str: 'x\n' },
      { command: 'create', path: '/tmp/file/x', file_text: 'x' },
      { command: 'create', path: tooLong, file_text: 'x' },
      { command: 'view', path: '/tmp/secret' },
      { command: 'view', path: '/tmp/closed' },
      { command: 'view', path: '/dev/null' },
      { command: 'insert', path: '/tmp', insert_line: 0, new_str: 'x' },
      { command: 'view', path: '/workspace/a\0b' },
    ];
    const answers: string[] = [];
    for (const call of calls) answers.push(await edit(call));

    expect(answers).toEqual([
      expect.stringMatching(/^ERROR:\n\/etc\/x could not be written: .*Read-only file system/),
      expect.stringMatching(/^ERROR:\n\/etc\/hostname could not be written: .*(Read-only|Permission denied)/),
      expect.stringMatching(/^ERROR:\n\/tmp\/file\/x could not be written: .*(Not a directory|File exists)/),
      expect.stringMatching(/^ERROR:\n.* could not be written: .*File name too long/),
      'ERROR:\nFile validation failed for /tmp/secret: permission denied',
      expect.stringMatching(/^ERROR:\n\/tmp\/closed could not be listed: .*Permission denied/),
      'ERROR:\nFile validation failed for /dev/null: not a regular file',
      'ERROR:\nInvalid `path` parameter: /tmp. The path /tmp is a directory and only the `view` command can be used on directories.',
      'ERROR:\nInvalid `path` parameter: "/workspace/a\\u0000b". No file can have this name.',
    ]);
    expect(await edit({ command: 'undo_edit', path: '/etc/hostname' })).toContain('No edit history found');
  });
});
