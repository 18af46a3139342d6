import { create, type Desk, insert, replace, undo } from './change-file.ts';
import { EditorError, invalidParameter, onlyView } from './editor-error.ts';
import { Input } from './editor-input.ts';
import { listDirectory } from './list-directory.ts';
import { lineCount, openText } from './open-text.ts';
import { numbered } from './shown-text.ts';
import { defineTool } from './tool.ts';

const fileBytes = 10 * 1024 ** 2; // DEVSTRAL §2.4

const description = `Views, creates and edits text files; what it did is kept for undo.
* \`view\` shows a file with line numbers (or only the lines of \`view_range\`), or a directory two levels deep.
* \`create\` makes a new file of \`file_text\`; it does not overwrite one that exists.
* \`str_replace\` replaces \`old_str\`, which must stand in the file exactly once, white space included, with \`new_str\`. Give enough lines around the change to make it unique.
* \`insert\` puts \`new_str\` after line \`insert_line\` (0: at the top).
* \`undo_edit\` takes the last edit of the file back.
Paths are absolute.`;

/** The editor, under the name and with the parameters that Devstral was trained on. */
export const strReplaceEditor = defineTool({
  name: 'str_replace_editor',
  description,
  repeats: 'since-checkpoint',
  input: Input,
  title: ({ command, path }) => `${command} ${path}`,
  async run(input, context, signal) {
    try {
      const text = await edit({ ...input, path: plainPath(input.path) }, { ...context, signal });
      return { kind: 'shown', text, outcome: 'ok' };
    } catch (error) {
      if (!(error instanceof EditorError)) throw error;
      return { kind: 'shown', text: `ERROR:\n${error.message.toWellFormed()}`, outcome: 'failed' };
    }
  },
});

async function edit(input: Input, desk: Desk): Promise<string> {
  const { command, path } = input;
  await checkPath(path, desk);
  const found = await desk.sandbox.readFile(path, { maxBytes: fileBytes }, desk.signal);
  if (found.kind === 'directory' && command === 'view') return await viewDirectory(input, desk);
  if (found.kind === 'directory') throw onlyView(path);
  if (command === 'create') return await create(input, found, desk);
  if (found.kind === 'missing')
    throw invalidParameter('path', path, `The path ${path} does not exist. Please provide a valid path.`);
  switch (command) {
    case 'view':
      return viewFile(path, openText(path, found).text, input.view_range);
    case 'str_replace':
      return await replace(input, found, desk);
    case 'insert':
      return await insert(input, found, desk);
    case 'undo_edit':
      return await undo(path, desk);
  }
}

/** One name a file, so that an edit is found for undo: no slash twice, none at the end, no `.` as a part. */
function plainPath(path: string): string {
  return path.replace(/\/(?:\.?\/)+/g, '/').replace(/(?<=.)\/\.?$/, '');
}

async function checkPath(path: string, { sandbox, signal }: Desk): Promise<void> {
  if (path.includes('\0') || !path.isWellFormed())
    throw invalidParameter('path', JSON.stringify(path), 'No file can have this name.');
  if (path.startsWith('/')) return;
  const suggestion = `${sandbox.workTree}/${plainPath(`/${path}`).slice(1)}`;
  const exists = (await sandbox.readFile(suggestion, { maxBytes: 0 }, signal)).kind !== 'missing';
  throw invalidParameter(
    'path',
    path,
    `The path should be an absolute path, starting with \`/\`.${exists ? ` Maybe you meant ${suggestion}?` : ''}`,
  );
}

async function viewDirectory({ path, view_range }: Input, { sandbox, signal }: Desk): Promise<string> {
  if (!view_range) return await listDirectory(path, sandbox, signal);
  throw invalidParameter(
    'view_range',
    `[${view_range.join(', ')}]`,
    'The `view_range` parameter is not allowed when `path` points to a directory.',
  );
}

function viewFile(path: string, content: string, view_range: Input['view_range']): string {
  if (!view_range) return numbered(content, path);
  const [start = 0, end = 0] = view_range;
  const wrong = (hint: string) => invalidParameter('view_range', `[${view_range.join(', ')}]`, hint);
  if (view_range.length !== 2) throw wrong('It should be a list of two integers.');
  const count = lineCount(content);
  if (start < 1 || start > Math.max(1, count))
    throw wrong(`Its first element \`${start}\` should be within the range of lines of the file: [1, ${count}].`);
  if (end !== -1 && end < start)
    throw wrong(`Its second element \`${end}\` should be greater than or equal to the first element \`${start}\`.`);

  const note =
    end > count ? `NOTE: We only show up to ${count} since there're only ${count} lines in this file.\n` : '';
  const last = end === -1 || end > count ? count : end;
  const lines = content.split('\n').slice(start - 1, last);
  return `${note}${numbered(lines.join('\n'), path, start)}`;
}
