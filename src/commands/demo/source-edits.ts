/** One replacement in one file, as `str_replace` takes it, and where it begins (from 1). */
export interface SourceEdit {
  readonly path: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

const contextLines = 3;

/** The replacements that turn one text into another: one for each run of changed lines, with the lines around it. */
export function sourceEdits(path: string, before: string, after: string): SourceEdit[] {
  const old = before.split('\n');
  const fresh = after.split('\n');
  const edits: SourceEdit[] = [];
  for (const change of changes(old, fresh)) {
    const to = Math.min(old.length, change.old.to + contextLines);
    const from = firstUnique(before, old, Math.max(0, change.old.from - contextLines), to);
    const head = old.slice(from, change.old.from);
    const tail = old.slice(change.old.to, to);
    edits.push({
      path,
      line: from + 1,
      before: old.slice(from, to).join('\n'),
      after: [...head, ...fresh.slice(change.fresh.from, change.fresh.to), ...tail].join('\n'),
    });
  }
  return edits;
}

/** More lines above, until the text to replace stands in the file only once. */
function firstUnique(text: string, lines: readonly string[], from: number, to: number): number {
  const wanted = lines.slice(from, to).join('\n');
  const isUnique = wanted !== '' && text.indexOf(wanted) === text.lastIndexOf(wanted);
  return isUnique || from === 0 ? from : firstUnique(text, lines, from - 1, to);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Changed ranges by longest common subsequence; changes closer than their context become one, so that edits never overlap. */
function changes(old: readonly string[], fresh: readonly string[]): { old: Range; fresh: Range }[] {
  const common = commonLines(old, fresh);
  const found: { old: Range; fresh: Range }[] = [];
  let at = { old: 0, fresh: 0 };
  for (const next of [...common, { old: old.length, fresh: fresh.length }]) {
    if (next.old > at.old || next.fresh > at.fresh) {
      const last = found.at(-1);
      const range = { old: { from: at.old, to: next.old }, fresh: { from: at.fresh, to: next.fresh } };
      if (last && range.old.from - last.old.to <= 2 * contextLines) {
        found.pop();
        found.push({ old: { from: last.old.from, to: next.old }, fresh: { from: last.fresh.from, to: next.fresh } });
      } else {
        found.push(range);
      }
    }
    at = { old: next.old + 1, fresh: next.fresh + 1 };
  }
  return found;
}

function commonLines(old: readonly string[], fresh: readonly string[]): { old: number; fresh: number }[] {
  const width = fresh.length + 1;
  const length = new Uint32Array((old.length + 1) * width);
  const at = (row: number, column: number) => length[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = fresh.length - 1; column >= 0; column--) {
      length[row * width + column] =
        old[row] === fresh[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pairs: { old: number; fresh: number }[] = [];
  for (let row = 0, column = 0; row < old.length && column < fresh.length; ) {
    if (old[row] === fresh[column]) pairs.push({ old: row++, fresh: column++ });
    else if (at(row + 1, column) >= at(row, column + 1)) row++;
    else column++;
  }
  return pairs;
}
