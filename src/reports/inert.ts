import { stripVTControlCharacters } from 'node:util';

// What the model or a repository wrote, made so that GitHub does nothing with it: no mention, no closing keyword, no
// reference, no link or image, no HTML, no way out of where it stands (THREATS E1–E4, E9). Code is the one place where
// GitHub leaves text alone: it decodes entities before it looks for mentions, so that escaping alone is not enough.

/** Text for people to read as it is, in a fence that it cannot close. Empty text gives an empty string. */
export function inertBlock(text: string, maxCharacters: number): string {
  const clean = shortened(visible(text).trim(), maxCharacters);
  if (clean === '') return '';
  const fence = '`'.repeat(Math.max(3, longestRun(clean) + 1));
  return `${fence}text\n${clean}\n${fence}`;
}

/** One line of such text, as a code span. */
export function inertLine(text: string, maxCharacters = 200): string {
  const clean = shortened(visible(text).replace(/\s+/g, ' ').trim(), maxCharacters);
  if (clean === '') return '';
  const ticks = '`'.repeat(longestRun(clean) + 1);
  // A space on both sides: otherwise a backtick at an end would join the fence.
  const pad = clean.startsWith('`') || clean.endsWith('`') || (clean.startsWith(' ') && clean.endsWith(' ')) ? ' ' : '';
  return `${ticks}${pad}${clean}${pad}${ticks}`;
}

/** A code span in a table's cell, where even code must escape the bar. */
export function inertCell(text: string, maxCharacters = 200): string {
  return inertLine(text, maxCharacters).replaceAll('|', '\\|');
}

/**
 * A title or a commit's subject, where there is no code: the signs that make a mention, a reference or a closing keyword
 * are parted from what follows by a word joiner, which shows as nothing.
 */
export function inertTitle(text: string, maxCharacters: number): string {
  const clean = visible(text).replace(/\s+/g, ' ').trim();
  const parted = clean
    .replace(/@(?=[\w/-])/g, '@\u2060')
    .replace(/#(?=\d)/g, '#\u2060')
    .replace(/\b(GH)-(?=\d)/gi, '$1-\u2060')
    .replace(/(https?):\/\//gi, '$1:\u2060//')
    .replace(/\b(clos|fix|resolv)(e[sd]?|es|ed)?(?=\W)/gi, (word) => `${word.slice(0, 1)}\u2060${word.slice(1)}`)
    .replace(/^\//, '\u2060/');
  return shortened(parted, maxCharacters);
}

/** Text without what cannot be seen: control, bidi, zero-width and tag characters, and half characters. */
export function visible(text: string): string {
  return stripVTControlCharacters(text.toWellFormed())
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{C}\n\t]/gu, '')
    .replace(/[\u2028\u2029\u115F\u1160\u3164\uFFA0\u2800]|[\u{E0100}-\u{E01EF}\uFE00-\uFE0F]/gu, '');
}

/** Cut on whole characters, with a sign that it was cut. */
function shortened(text: string, maxCharacters: number): string {
  const characters = [...text];
  return characters.length <= maxCharacters ? text : `${characters.slice(0, maxCharacters - 1).join('')}…`;
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
}
