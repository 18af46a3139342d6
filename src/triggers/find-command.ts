import { runInNewContext } from 'node:vm';
import type { Html, Node, Paragraph, Root } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';

// ASCII only and without the `u` flag, under which `ſ` would be an `s`.
const commandLine = /^ {0,3}\/devstral[ \t]+fix(?:[ \t]+(.*))?$/i;
// 64 kB written to be slow keep the parser busy for half a minute; ordinary comments take milliseconds.
const parseMs = 1_000;

/**
 * Finds `/devstral fix` at the start of a line of ordinary text: not in a quote, list, table, code, link or HTML.
 * The instructions are the rest of that line and of its paragraph, as they were written.
 */
export function findCommand(body: string): { instructions: string } | null {
  if (!body.split(/\r?\n/).some((line) => commandLine.test(line))) return null;
  const root = parse(body);
  if (!root) return null;
  const html = htmlIn(root);
  for (const block of root.children) {
    if (block.type !== 'paragraph') continue;
    const command = commandIn(block, body);
    if (command && !isOpenElement(html.filter((node) => startOf(node) < command.offset))) return command;
  }
  return null;
}

function commandIn(paragraph: Paragraph, body: string): { instructions: string; offset: number } | null {
  let lineStart = startOf(paragraph);
  const lines = body.slice(lineStart, endOf(paragraph)).split(/(?<=\r?\n)/);
  for (const [index, line] of lines.entries()) {
    const offset = lineStart + line.search(/\S/);
    const match = commandLine.exec(line.replace(/\r?\n$/, ''));
    if (match && !paragraph.children.some((child) => child.type !== 'text' && covers(child, offset))) {
      const written = [`${match[1] ?? ''}\n`, ...lines.slice(index + 1)].join('');
      return { instructions: written.replaceAll('\r\n', '\n').trim(), offset };
    }
    lineStart += line.length;
  }
  return null;
}

/** Null when the text cannot be read in time, or nests deeper than the stack: nobody writes a request like that. */
function parse(body: string): Root | null {
  const read = () => fromMarkdown(body, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  try {
    // The one way to stop a synchronous call: V8 ends whatever runs, wherever it was made.
    return runInNewContext('read()', { read }, { timeout: parseMs }) as Root;
  } catch {
    return null;
  }
}

function htmlIn(node: Node): Html[] {
  if (node.type === 'html') return [node as Html];
  return 'children' in node ? (node.children as Node[]).flatMap(htmlIn) : [];
}

const voidElements = new Set(['br', 'hr', 'img', 'input', 'wbr', 'area', 'col', 'source']);

/** Whether these pieces of HTML, in order, leave an element open: what follows then stands inside it. */
function isOpenElement(pieces: readonly Html[]): boolean {
  const open: string[] = [];
  for (const piece of pieces) {
    const tags = piece.value.replaceAll(/<!--[\s\S]*?-->/g, '').matchAll(/<(\/?)([a-z][a-z0-9-]*)/gi);
    for (const [, slash, name = ''] of tags) {
      const element = name.toLowerCase();
      if (voidElements.has(element)) continue;
      if (!slash) open.push(element);
      else if (open.includes(element)) open.length = open.lastIndexOf(element);
    }
  }
  return open.length > 0;
}

function startOf(node: Node): number {
  return node.position?.start.offset ?? 0;
}

function endOf(node: Node): number {
  return node.position?.end.offset ?? 0;
}

function covers(node: Node, offset: number): boolean {
  return startOf(node) <= offset && offset < endOf(node);
}
