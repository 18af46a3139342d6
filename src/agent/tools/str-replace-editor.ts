import { z } from 'zod';

import type { Sandbox } from '../../core/ports.ts';
import type { EditHistory } from './edit-history.ts';
import { defineTool } from './tool.ts';

// Words and numbers as in the editor that the model was trained with (DEVSTRAL §2.4).
const shownCharacters = 16_000;
const snippetLines = 4;
const fileBytes = 10 * 1024 ** 2;
const commands = ['view', 'create', 'str_replace', 'insert', 'undo_edit'] as const;

const description = `Views, creates and edits text files; what it did is kept for undo.
* \`view\` shows a file with line numbers (or only the lines of \`view_range\`), or a directory two levels deep.
* \`create\` makes a new file of \`file_text\`; it does not overwrite one that exists.
* \`str_replace\` replaces \`old_str\`, which must stand in the file exactly once, white space included, with \`new_str\`. Give enough lines around the change to make it unique.
* \`insert\` puts \`new_str\` after line \`insert_line\` (0: at the top).
* \`undo_edit\` takes the last edit of the file back.
Paths are absolute.`;

const Input = z.object({
  command: z.enum(commands).describe('What to do.'),
  path: z.string().describe('Absolute path of the file or directory.'),
  file_text: z.string().optional().describe('For create: the content of the file.'),
  old_str: z.string().optional().describe('For str_replace: the text to replace.'),
  new_str: z
    .string()
    .optional()
    .describe('For str_replace: the text to put there (default: nothing). For insert: the text to insert.'),
  insert_line: z.number().int().optional().describe('For insert: the line after which the text goes.'),
  view_range: z
    .array(z.number().int())
    .optional()
    .describe('For view: first and last line, from 1; -1 as the last is the end of the file.'),
});
type Input = z.infer<typeof Input>;

/** The editor, under the name and with the parameters that Devstral was trained on. */
export const strReplaceEditor = defineTool({
  name: 'str_replace_editor',
  description,
  repeats: 'since-checkpoint',
  input: Input,
  title: ({ command, path }) => `${command} ${path}`,
  async run(input, { sandbox, history }, signal) {
    try {
      return { kind: 'shown', text: await edit(input, { sandbox, history, signal }), outcome: 'ok' };
    } catch (error) {
      if (!(error instanceof EditorError)) throw error;
      return { kind: 'shown', text: `ERROR:\n${error.message}`, outcome: 'failed' };
    }
  },
});

/** A mistake of the call, in the words that the model is shown. */
class EditorError extends Error {
  override readonly name = 'EditorError';
}

interface Desk {
  readonly sandbox: Sandbox;
  readonly history: EditHistory;
  readonly signal: AbortSignal;
}

async function edit(input: Input, desk: Desk): Promise<string> {
  const { command, path } = input;
  if (!path.startsWith('/')) {
    const suggestion = `${desk.sandbox.workTree}/${path}`;
    const exists = (await read(suggestion, desk)).kind !== 'missing';
    throw new EditorError(
      invalid(
        'path',
        path,
        `The path should be an absolute path, starting with \`/\`.${exists ? ` Maybe you meant ${suggestion}?` : ''}`,
      ),
    );
  }
  switch (command) {
    case 'view':
      return await view(input, desk);
    case 'create':
      return await create(path, required(input, 'file_text'), desk);
    case 'str_replace':
      return await replace(path, required(input, 'old_str'), input.new_str ?? '', desk);
    case 'insert':
      return await insert(path, required(input, 'insert_line'), required(input, 'new_str'), desk);
    case 'undo_edit':
      return await undo(path, desk);
  }
}

async function view({ path, view_range }: Input, desk: Desk): Promise<string> {
  const found = await read(path, desk);
  if (found.kind === 'directory') {
    if (view_range)
      throw new EditorError(
        invalid(
          'view_range',
          view_range.join(', '),
          'The `view_range` parameter is not allowed when `path` points to a directory.',
        ),
      );
    return await viewDirectory(path, desk);
  }
  const content = await text(path, desk);
  const lines = content.split('\n');
  if (!view_range) return numbered(content, path);
  const [start = 0, end = 0] = view_range;
  const range = `[${view_range.join(', ')}]`;
  if (view_range.length !== 2)
    throw new EditorError(invalid('view_range', range, 'It should be a list of two integers.'));
  // A newline at the end begins no line of its own here.
  const count = content.endsWith('\n') ? lines.length - 1 : lines.length;
  if (start < 1 || start > Math.max(1, count)) {
    throw new EditorError(
      invalid(
        'view_range',
        range,
        `Its first element \`${start}\` should be within the range of lines of the file: [1, ${count}].`,
      ),
    );
  }
  if (end !== -1 && end < start) {
    throw new EditorError(
      invalid(
        'view_range',
        range,
        `Its second element \`${end}\` should be greater than or equal to the first element \`${start}\`.`,
      ),
    );
  }
  const note =
    end > count ? `NOTE: We only show up to ${count} since there're only ${count} lines in this file.\n` : '';
  const last = end === -1 || end > count ? count : end;
  return `${note}${numbered(lines.slice(start - 1, last).join('\n'), path, start)}`;
}

async function viewDirectory(path: string, { sandbox, signal }: Desk): Promise<string> {
  const find = ['/usr/bin/find', '-L', path, '-maxdepth', '2', '-not', '-path', '*/.*', '-printf', '%p%y\\n'];
  const listed = await sandbox.execute(find, { timeoutMs: 30_000 }, signal);
  const hidden = await sandbox.execute(
    ['/usr/bin/find', path, '-mindepth', '1', '-maxdepth', '1', '-name', '.*', '-printf', '.'],
    { timeoutMs: 30_000 },
    signal,
  );
  const paths = listed.output
    .split('\n')
    .filter(Boolean)
    .map((line) => (line.endsWith('d') ? `${line.slice(0, -1)}/` : line.slice(0, -1)));
  const count = hidden.output.length;
  const note =
    count > 0
      ? `\n\n${count} hidden files/directories in this directory are excluded. You can use 'ls -la ${path}' to see them.`
      : '';
  return capped(
    `Here's the files and directories up to 2 levels deep in ${path}, excluding hidden items:\n${paths.sort().join('\n')}${note}`,
  );
}

async function create(path: string, content: string, desk: Desk): Promise<string> {
  const found = await read(path, desk);
  if (found.kind === 'directory') throw new EditorError(onlyView(path));
  if (found.kind !== 'missing')
    throw new EditorError(
      invalid('path', path, `File already exists at: ${path}. Cannot overwrite files using command \`create\`.`),
    );
  await write(path, content, desk);
  desk.history.note(path, content);
  return `File created successfully at: ${path}`;
}

async function replace(path: string, oldText: string, newText: string, desk: Desk): Promise<string> {
  const content = await text(path, desk);
  if (oldText === newText)
    throw new EditorError(
      invalid('new_str', newText, 'No replacement was performed. `new_str` and `old_str` must be different.'),
    );
  const exact = occurrences(content, oldText);
  const [wanted, put] = exact.length > 0 ? [oldText, newText] : [oldText.trim(), newText.trim()];
  const found = exact.length > 0 ? exact : occurrences(content, wanted);
  const [at] = found;
  if (at === undefined)
    throw new EditorError(`No replacement was performed, old_str \`${oldText}\` did not appear verbatim in ${path}.`);
  if (found.length > 1) {
    const lines = found.map((each) => lineOf(content, each)).join(', ');
    throw new EditorError(
      `No replacement was performed. Multiple occurrences of old_str \`${wanted}\` in lines [${lines}]. Please ensure it is unique.`,
    );
  }
  const edited = `${content.slice(0, at)}${put}${content.slice(at + wanted.length)}`;
  await write(path, edited, desk);
  desk.history.note(path, content);
  const line = lineOf(content, at);
  const first = Math.max(1, line - snippetLines);
  const snippet = edited
    .split('\n')
    .slice(first - 1, line + snippetLines + put.split('\n').length - 1)
    .join('\n');
  return `The file ${path} has been edited. ${numbered(snippet, `a snippet of ${path}`, first)}Review the changes and make sure they are as expected. Edit the file again if necessary.`;
}

async function insert(path: string, after: number, put: string, desk: Desk): Promise<string> {
  const content = await text(path, desk);
  const lines = content.split('\n');
  const count = content === '' ? 0 : content.endsWith('\n') ? lines.length - 1 : lines.length;
  if (after < 0 || after > count)
    throw new EditorError(
      invalid('insert_line', String(after), `It should be within the range of allowed values: [0, ${count}]`),
    );
  const fresh = put.split('\n');
  const edited = [...lines.slice(0, after), ...fresh, ...lines.slice(after)].join('\n');
  await write(path, edited, desk);
  desk.history.note(path, content);
  const first = Math.max(0, after - snippetLines);
  const snippet = edited
    .split('\n')
    .slice(first, after + fresh.length + snippetLines)
    .join('\n');
  return `The file ${path} has been edited. ${numbered(snippet, 'a snippet of the edited file', first + 1)}Review the changes and make sure they are as expected (correct indentation, no duplicate lines, etc). Edit the file again if necessary.`;
}

async function undo(path: string, desk: Desk): Promise<string> {
  await text(path, desk);
  const before = desk.history.takeBack(path);
  if (before === undefined) throw new EditorError(`No edit history found for ${path}.`);
  await write(path, before, desk);
  return `Last edit to ${path} undone successfully. ${numbered(before, path)}`;
}

async function read(path: string, { sandbox, signal }: Desk) {
  return await sandbox.readFile(path, { maxBytes: fileBytes }, signal);
}

/** A text file's content; everything else is an error in the editor's words. */
async function text(path: string, desk: Desk): Promise<string> {
  const found = await read(path, desk);
  const failed = (why: string) => new EditorError(`File validation failed for ${path}: ${why}`);
  switch (found.kind) {
    case 'missing':
      throw new EditorError(invalid('path', path, `The path ${path} does not exist. Please provide a valid path.`));
    case 'directory':
      throw new EditorError(onlyView(path));
    case 'too-large':
      throw failed(`File is too large (${(found.bytes / 1024 ** 2).toFixed(1)}MB). Maximum allowed size is 10MB.`);
    case 'unreadable':
      throw failed(found.reason);
    case 'file':
      return decoded(found.content) ?? refuseBinary(failed);
  }
}

function refuseBinary(failed: (why: string) => EditorError): never {
  throw failed('File appears to be binary and this file type cannot be read or edited by this tool.');
}

/** UTF-8 without NUL, or null: what is anything else would not be the same bytes when it is written back. */
function decoded(content: Uint8Array): string | null {
  if (content.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return null;
  }
}

async function write(path: string, content: string, { sandbox, signal }: Desk): Promise<void> {
  const refusal = await sandbox.writeFile(path, new TextEncoder().encode(content), signal).then(
    () => null,
    (error: unknown) => (signal.aborted ? Promise.reject(error) : error),
  );
  if (refusal) throw new EditorError(refusal instanceof Error ? refusal.message : String(refusal));
}

function numbered(content: string, what: string, first = 1): string {
  const lines = capped(content)
    .split('\n')
    .map((line, at) => `${String(first + at).padStart(6)}\t${line}`);
  return `Here's the result of running \`cat -n\` on ${what}:\n${lines.join('\n')}\n`;
}

function capped(content: string): string {
  if (content.length <= shownCharacters) return content;
  return `${content.slice(0, shownCharacters)}\n[... The rest is left out: find the place with \`grep -n\` and view it with \`view_range\` ...]`;
}

function occurrences(content: string, wanted: string): number[] {
  const found: number[] = [];
  if (wanted === '') return found;
  for (let at = content.indexOf(wanted); at >= 0; at = content.indexOf(wanted, at + wanted.length)) found.push(at);
  return found;
}

function lineOf(content: string, at: number): number {
  return content.slice(0, at).split('\n').length;
}

function required<K extends 'file_text' | 'old_str' | 'new_str' | 'insert_line'>(
  input: Input,
  name: K,
): NonNullable<Input[K]> {
  const value = input[name];
  if (value === undefined) throw new EditorError(`Parameter \`${name}\` is required for command: ${input.command}.`);
  return value;
}

function invalid(name: string, value: string, hint: string): string {
  return `Invalid \`${name}\` parameter: ${value}. ${hint}`;
}

function onlyView(path: string): string {
  return invalid(
    'path',
    path,
    `The path ${path} is a directory and only the \`view\` command can be used on directories.`,
  );
}
