import { z } from 'zod';
import type { FileRead } from '../../core/command.ts';
import { OutsideError } from '../../core/errors.ts';
import { EditorError, invalidParameter } from './editor-error.ts';
import { listDirectory } from './list-directory.ts';
import { numbered } from './shown-text.ts';
import { TextFile, withPlainLineEnds } from './text-file.ts';
import { defineTool, type ToolContext } from './tool.ts';

// Words and numbers as in the editor that the model was trained with (DEVSTRAL §2.4).
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

interface Desk extends ToolContext {
  readonly signal: AbortSignal;
}

type Existing = Exclude<FileRead, { kind: 'missing' | 'directory' }>;

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
      return viewFile(path, textFile(path, found).text, input.view_range);
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

async function create(input: Input, found: FileRead, desk: Desk): Promise<string> {
  const { path } = input;
  if (found.kind !== 'missing')
    throw invalidParameter(
      'path',
      path,
      `File already exists at: ${path}. Cannot overwrite files using command \`create\`.`,
    );
  const text = required(input, 'file_text');
  if (!text.isWellFormed()) throw unsayable(path, 'utf-8', text.replace(/\P{Cs}/gu, ''));
  const content = Buffer.from(text);
  await write(path, content, desk);
  desk.history.note(path, content);
  return `File created successfully at: ${path}`;
}

async function replace(input: Input, found: Existing, desk: Desk): Promise<string> {
  const { path, new_str: newText = '' } = input;
  const oldText = required(input, 'old_str');
  const file = textFile(path, found);
  if (oldText === newText) throw mustDiffer(newText);
  const { at, wanted, put } = theOne(file.text, oldText, newText, path);
  const after = await commit(
    path,
    file,
    { from: at, to: at + wanted.length, put, same: () => mustDiffer(newText) },
    desk,
  );

  const line = lineOf(file.text, at);
  const first = Math.max(1, line - snippetLines);
  const last = line + snippetLines + put.split('\n').length - 1;
  const snippet = numbered(linesOf(after, first, last), `a snippet of ${path}`, first);
  const linted = await lint({ path, before: file.text, after }, desk);
  return `The file ${path} has been edited. ${snippet}${linted}Review the changes and make sure they are as expected. Edit the file again if necessary.`;
}

/** Where the text stands exactly once: as it was given or, when that is nowhere, without the blanks around it. */
function theOne(content: string, oldText: string, newText: string, path: string) {
  const given = withPlainLineEnds(oldText);
  const exact = occurrences(content, given);
  const use = exact.length > 0 ? { wanted: given, put: newText } : { wanted: given.trim(), put: newText.trim() };
  const found = exact.length > 0 ? exact : occurrences(content, use.wanted);
  const [at] = found;
  if (at === undefined)
    throw new EditorError(`No replacement was performed, old_str \`${oldText}\` did not appear verbatim in ${path}.`);
  if (found.length === 1) return { at, ...use };
  const lines = [...new Set(found.map((each) => lineOf(content, each)))].join(', ');
  throw new EditorError(
    `No replacement was performed. Multiple occurrences of old_str \`${use.wanted}\` in lines [${lines}]. Please ensure it is unique.`,
  );
}

async function insert(input: Input, found: Existing, desk: Desk): Promise<string> {
  const { path } = input;
  const after = required(input, 'insert_line');
  const put = required(input, 'new_str');
  const file = textFile(path, found);
  const count = lineCount(file.text);
  if (after < 0 || after > count)
    throw invalidParameter(
      'insert_line',
      String(after),
      `It should be within the range of allowed values: [0, ${count}]`,
    );
  const lines = file.text.split('\n');
  // A last line without an end stays without one: the new line begins with it instead.
  const isBehindOpenEnd = after === lines.length;
  const at = isBehindOpenEnd ? file.text.length : lines.slice(0, after).join('\n').length + Math.min(after, 1);
  const edited = await commit(path, file, { from: at, to: at, put: isBehindOpenEnd ? `\n${put}` : `${put}\n` }, desk);

  const first = Math.max(0, after - snippetLines) + 1;
  const last = after + withPlainLineEnds(put).split('\n').length + snippetLines;
  const snippet = numbered(linesOf(edited, first, last), 'a snippet of the edited file', first);
  const linted = await lint({ path, before: file.text, after: edited }, desk);
  return `The file ${path} has been edited. ${snippet}${linted}Review the changes and make sure they are as expected (correct indentation, no duplicate lines, etc). Edit the file again if necessary.`;
}

/** Takes the newest edit back, byte for byte, whatever the file has become since. */
async function undo(path: string, desk: Desk): Promise<string> {
  const before = desk.history.last(path);
  if (!before) throw new EditorError(`No edit history found for ${path}.`);
  await write(path, before, desk);
  desk.history.dropLast(path);
  return `Last edit to ${path} undone successfully. ${numbered(TextFile.of(before)?.text ?? '', path)}`;
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly put: string;
  /** The error when nothing would change. */
  readonly same?: () => EditorError;
}

/** Writes the edit and remembers what was before; gives the text as it is now. */
async function commit(path: string, file: TextFile, { from, to, put, same }: Edit, desk: Desk): Promise<string> {
  const spliced = file.splice(from, to, put);
  if (spliced.kind === 'unsayable') throw unsayable(path, file.encoding.name, spliced.characters);
  if (spliced.kind === 'unclear')
    throw invalidFile(
      path,
      `It has bytes that are not valid in its encoding, ${file.encoding.name}, on both sides of the edit. Edit it with a command instead.`,
    );
  if (same && Buffer.compare(spliced.bytes, file.bytes) === 0) throw same();
  await write(path, spliced.bytes, desk);
  desk.history.note(path, file.bytes);
  return spliced.text;
}

/** The content as text; everything that is none is an error in the editor's words. */
function textFile(path: string, found: Existing): TextFile {
  if (found.kind === 'too-large')
    throw invalidFile(
      path,
      `File is too large (${(found.bytes / 1024 ** 2).toFixed(1)}MB). Maximum allowed size is 10MB.`,
    );
  if (found.kind === 'unreadable') throw invalidFile(path, found.reason);
  const file = TextFile.of(found.content);
  if (file) return file;
  throw invalidFile(path, 'File appears to be binary and this file type cannot be read or edited by this tool.');
}

/** What the container refuses is the model's to know; an engine that is gone is not. */
async function write(path: string, content: Uint8Array, { sandbox, signal }: Desk): Promise<void> {
  try {
    await sandbox.writeFile(path, content, signal);
  } catch (error) {
    if (error instanceof OutsideError && error.retry === 'never') throw new EditorError(error.message);
    throw error;
  }
}

async function lint(change: { path: string; before: string; after: string }, desk: Desk): Promise<string> {
  if (!desk.lint) return '';
  const problems = await desk.lint(change, desk.signal);
  return problems.length === 0
    ? '\nNo linting issues found in the changes.\n'
    : `\nLinting issues found in the changes:\n${problems.join('\n')}\n`;
}

/** A newline at the end begins no line of its own here. */
function lineCount(content: string): number {
  return content.split('\n').length - (content === '' || content.endsWith('\n') ? 1 : 0);
}

function linesOf(content: string, first: number, last: number): string {
  return content
    .split('\n')
    .slice(first - 1, last)
    .join('\n');
}

function lineOf(content: string, at: number): number {
  return content.slice(0, at).split('\n').length;
}

/** Where it stands, without overlaps. Nothing stands before every character and at the end. */
function occurrences(content: string, wanted: string): number[] {
  if (!wanted.isWellFormed()) return [];
  if (wanted === '') return [0, ...Array.from(content, (_, at) => at + 1)];
  const found: number[] = [];
  for (let at = content.indexOf(wanted); at >= 0; at = content.indexOf(wanted, at + wanted.length)) found.push(at);
  return found;
}

function required<K extends 'file_text' | 'old_str' | 'new_str' | 'insert_line'>(
  input: Input,
  name: K,
): NonNullable<Input[K]> {
  const value = input[name];
  if (value === undefined) throw new EditorError(`Parameter \`${name}\` is required for command: ${input.command}.`);
  return value;
}

function onlyView(path: string): EditorError {
  return invalidParameter(
    'path',
    path,
    `The path ${path} is a directory and only the \`view\` command can be used on directories.`,
  );
}

function mustDiffer(newText: string): EditorError {
  return invalidParameter(
    'new_str',
    newText,
    'No replacement was performed. `new_str` and `old_str` must be different.',
  );
}

function invalidFile(path: string, why: string): EditorError {
  return new EditorError(`File validation failed for ${path}: ${why}`);
}

function unsayable(path: string, encoding: string, characters: string): EditorError {
  return new EditorError(
    `${path} was not changed: its encoding, ${encoding}, cannot say ${JSON.stringify(characters)}. Use other characters or escapes.`,
  );
}
