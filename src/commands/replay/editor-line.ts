import parse from 'shell-quote/parse.js';

const flags = ['file_text', 'old_str', 'new_str', 'insert_line', 'view_range'];

/** `str_replace_editor view /a --view_range 1 30` → the editor's parameters; null when the line is more than that one command. */
export function parseEditorLine(line: string): Record<string, string> | null {
  // A variable keeps its name: what it was worth is not on record.
  const words = parse(line, (name) => `$${name}`).map(wordOf);
  const [, command, path, ...rest] = words;
  if (words.includes(null) || typeof command !== 'string' || typeof path !== 'string') return null;
  const input: Record<string, string> = { command, path };
  for (let at = 0; at < rest.length; ) {
    const [, flag, inline] = rest[at]?.match(/^--(\w+)(?:=([\s\S]*))?$/) ?? [];
    if (!flag || !flags.includes(flag)) return null;
    const taken = inline !== undefined ? [inline] : rest.slice(at + 1, at + 1 + (flag === 'view_range' ? 2 : 1));
    if (taken.length === 0) return null;
    input[flag] = flag === 'view_range' ? rangeOf(taken.join(' ')) : (taken[0] ?? '');
    at += inline !== undefined ? 1 : taken.length + 1;
  }
  return input;
}

type Word = ReturnType<typeof parse>[number];

function wordOf(word: Word): string | null {
  if (typeof word === 'string') return word;
  return 'pattern' in word ? word.pattern : null;
}

function rangeOf(text: string): string {
  return `[${(text.match(/-?\d+/g) ?? []).join(', ')}]`;
}
