import type { FileRead } from '../../core/command.ts';
import { OutsideError } from '../../core/errors.ts';
import { EditorError, invalidFile, invalidParameter, mustDiffer, unsayable } from './editor-error.ts';
import { type Input, required } from './editor-input.ts';
import { findOnce } from './find-once.ts';
import { type Existing, lineCount, openText } from './open-text.ts';
import { numbered } from './shown-text.ts';
import { TextFile, withPlainLineEnds } from './text-file.ts';
import type { ToolContext } from './tool.ts';

const snippetLines = 4; // around an edit, as in the editor that the model was trained with (DEVSTRAL §2.4)

/** What the editor works with during one call. */
export interface Desk extends ToolContext {
  readonly signal: AbortSignal;
}

/** Makes a file; one that is there is not overwritten. */
export async function create(input: Input, found: FileRead, desk: Desk): Promise<string> {
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

/** Puts a text in the place of one that stands exactly once. */
export async function replace(input: Input, found: Existing, desk: Desk): Promise<string> {
  const { path, new_str: newText = '' } = input;
  const oldText = required(input, 'old_str');
  const file = openText(path, found);
  if (oldText === newText) throw mustDiffer(newText);
  const { at, wanted, put } = findOnce(file.text, oldText, newText, path);
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

/** Puts lines after a line. */
export async function insert(input: Input, found: Existing, desk: Desk): Promise<string> {
  const { path } = input;
  const after = required(input, 'insert_line');
  const put = required(input, 'new_str');
  const file = openText(path, found);
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
export async function undo(path: string, desk: Desk): Promise<string> {
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

function linesOf(content: string, first: number, last: number): string {
  return content
    .split('\n')
    .slice(first - 1, last)
    .join('\n');
}

function lineOf(content: string, at: number): number {
  return content.slice(0, at).split('\n').length;
}
