import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import { describe, expect, it } from 'vitest';

import { inertBlock, inertCell, inertLine, inertTitle } from '../../src/reports/inert.ts';

const render = (markdown: string) =>
  micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
const tricks = [
  '@octocat',
  '@org/team',
  '&commat;octocat',
  '&#64;octocat',
  '@\u200boctocat',
  'Fixes #1',
  'closes: #2',
  'RESOLVES octo/other#3',
  'fixed GH-4',
  'closes https://github.com/o/r/issues/5',
  'octo/other#1',
  '#99',
  'deadbeefdeadbeefdeadbeefdeadbeefdeadbeef',
  'https://evil.example/phish',
  'www.evil.example',
  '[click](https://evil.example)',
  '![x](https://evil.example/x.png)',
  '<img src="https://evil.example/x.png">',
  '<a href="https://evil.example">x</a>',
  '<script>alert(1)</script>',
  '<!-- hidden',
  '<details>',
  '</details></details>',
  '<h1>APPROVED</h1>',
  '```\nout of the fence @me\n```',
  '````\nlonger\n````',
  '~~~\nother fence\n~~~',
  '`````````` @me',
  '` @me `',
  '``',
  '`',
  '|a|b|\n|-|-|',
  '# Heading',
  '---',
  '/merge',
  '@dependabot merge',
  '/ok-to-test',
  '\u202Egnp.exe',
  '\u{E0041}\u{E0042}',
  '\u001b[31mred\u001b[0m',
  '\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007',
  'a\u0000b',
  '\ud800',
  '[ref]: https://evil.example\n[ref]',
  '<https://evil.example>',
  '<me@evil.example>',
];

describe('text of the model', () => {
  it.each(tricks)('does nothing on the page: %j', (trick) => {
    for (const markdown of [
      inertBlock(`before\n${trick}\nafter`, 1000),
      inertLine(`x ${trick} y`),
      inertLine(trick),
      `| a |\n|---|\n| ${inertCell(trick)} |`,
    ]) {
      const html = render(`${markdown}\n\nOURS **bold**`);
      const outside = html.replace(/<code[^>]*>[\s\S]*?<\/code>/g, '');

      expect(html).toContain('<p>OURS <strong>bold</strong></p>');
      expect(outside).not.toMatch(/<(img|a|script|details|h1|hr|input)\b/);
      expect(outside).not.toMatch(/@\w|#\d|evil|https?:|APPROVED|merge/);
      // Nothing that cannot be seen: control, format, tag and half characters.
      expect(html).not.toMatch(/[^\P{C}\n\t]/u);
    }
  });

  it.each([
    '@octocat',
    '@org/team',
    'Fixes #1',
    'closes: #2',
    'resolved octo/other#3',
    'fix GH-4',
    'https://evil.example/x',
    '/merge',
    '#99',
  ])('does nothing in a title: %j', (trick) => {
    const title = inertTitle(`A ${trick}`, 100);

    expect(title).not.toMatch(/@[\w/]|#\d|GH-\d|https?:\/\/|\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b/i);
    expect(inertTitle(trick, 100)).not.toMatch(/^\//);
  });

  it('is cut on whole characters', () => {
    expect(inertLine('😀'.repeat(300), 10)).toBe(`\`${'😀'.repeat(9)}…\``);
    expect(inertBlock('', 10)).toBe('');
    expect(inertTitle('x'.repeat(300), 20)).toHaveLength(20);
  });
});
