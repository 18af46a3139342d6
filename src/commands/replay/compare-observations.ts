import { formatPatch, structuredPatch } from 'diff';
import { splitFooter } from './footer.ts';
import { withoutNoise } from './noise.ts';

/** How what was seen now relates to what was seen then. */
export type Comparison =
  | { readonly kind: 'same' }
  /** The same but for times, process ids, addresses and what the recorder itself wrote around it. */
  | { readonly kind: 'noise' }
  | { readonly kind: 'differs'; readonly diff: string };

/** Compares exactly first, then without noise; what still differs comes as a short unified diff of the latter. */
export function compareObservations(recorded: string, replayed: string): Comparison {
  if (recorded === replayed) return { kind: 'same' };
  const [before, after] = comparable(recorded, replayed);
  return before === after ? { kind: 'noise' } : { kind: 'differs', diff: shortDiff(before, after) };
}

/** Footers count only as far as both sides have them: not every recorder writes them down. */
function comparable(recorded: string, replayed: string): [string, string] {
  const then = splitFooter(recorded);
  const now = splitFooter(replayed);
  const withDirectory = then.directory !== null && now.directory !== null;
  const withExitCode = then.exitCode !== null && now.exitCode !== null;
  const join = ({ body, directory, exitCode }: typeof then) =>
    [
      withoutNoise(body),
      ...(withDirectory ? [`[Current working directory: ${directory}]`] : []),
      ...(withExitCode ? [`[Command finished with exit code ${exitCode}]`] : []),
    ].join('\n');
  return [join(then), join(now)];
}

const shownLines = 40;
const lineCharacters = 240;
const diffMs = 2_000;

function shortDiff(before: string, after: string): string {
  const options = { context: 2, timeout: diffMs };
  const patch = structuredPatch('recorded', 'replayed', `${before}\n`, `${after}\n`, undefined, undefined, options);
  if (!patch) return 'They are too different to be shown side by side.';
  const text = formatPatch(patch);
  const lines = text
    .trimEnd()
    .split('\n')
    .filter((line) => !/^=+$/.test(line))
    .map((line) => (line.length > lineCharacters ? `${line.slice(0, lineCharacters)}…` : line));
  const left = lines.length - shownLines;
  return left > 0 ? [...lines.slice(0, shownLines), `… ${left} more lines`].join('\n') : lines.join('\n');
}
