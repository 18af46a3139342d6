import { EditorError } from './editor-error.ts';
import { withPlainLineEnds } from './text-file.ts';

const listedLines = 100;

/** Where the text stands exactly once: as it was given or, when that is nowhere, without the blanks around it. */
export function findOnce(content: string, oldText: string, newText: string, path: string) {
  const given = withPlainLineEnds(oldText);
  const exact = occurrences(content, given);
  const use = exact.length > 0 ? { wanted: given, put: newText } : { wanted: given.trim(), put: newText.trim() };
  const found = exact.length > 0 ? exact : occurrences(content, use.wanted);
  const [at] = found;
  if (at === undefined)
    throw new EditorError(`No replacement was performed, old_str \`${oldText}\` did not appear verbatim in ${path}.`);
  if (found.length === 1) return { at, ...use };
  const lines = linesAt(content, found).join(', ');
  throw new EditorError(
    `No replacement was performed. Multiple occurrences of old_str \`${use.wanted}\` in lines [${lines}]. Please ensure it is unique.`,
  );
}

/** Where it stands, without overlaps. Nothing at all stands everywhere, which its first place in each line says as well. */
function occurrences(content: string, wanted: string): number[] {
  if (!wanted.isWellFormed()) return [];
  if (wanted === '')
    return content === '' ? [0] : [0, ...occurrences(content, '\n').map((at) => at + 1), content.length];
  const found: number[] = [];
  for (let at = content.indexOf(wanted); at >= 0; at = content.indexOf(wanted, at + wanted.length)) found.push(at);
  return found;
}

/** The numbers of the lines, each once; of very many the first. */
function linesAt(content: string, places: readonly number[]): (number | string)[] {
  const lines = new Set<number>();
  let line = 1;
  let counted = 0;
  for (const at of places) {
    line += content.slice(counted, at).split('\n').length - 1;
    counted = at;
    lines.add(line);
    if (lines.size > listedLines) return [...[...lines].slice(0, listedLines), '...'];
  }
  return [...lines];
}
