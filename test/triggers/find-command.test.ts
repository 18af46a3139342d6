import { describe, expect, it } from 'vitest';

import { findCommand } from '../../src/triggers/find-command.ts';

const fence = '```';

describe('the command in a comment', () => {
  it.each([
    ['alone', '/devstral fix', ''],
    ['with instructions', '/devstral fix only the parser', 'only the parser'],
    ['in capitals', '/DevStral FIX now', 'now'],
    ['with wide spaces', '/devstral \t fix \t now ', 'now'],
    ['indented by three spaces', '   /devstral fix', ''],
    ['after another line', 'Thanks!\n/devstral fix please', 'please'],
    ['after another paragraph', 'Thanks!\n\n/devstral fix please', 'please'],
    [
      'before more lines',
      '/devstral fix the parser\nbut leave `lexer.js` *alone*',
      'the parser\nbut leave `lexer.js` *alone*',
    ],
    ['with instructions on the next line only', '/devstral fix\nthe parser', 'the parser'],
    ['before another paragraph', '/devstral fix the parser\n\nThe rest is talk.', 'the parser'],
    ['with Windows line ends', 'Thanks!\r\n/devstral fix the parser\r\nonly\r\n', 'the parser\nonly'],
    ['after a hard line break', 'Thanks!  \n/devstral fix it', 'it'],
    ['after a quote', '> It breaks.\n\n/devstral fix it', 'it'],
    ['after a code block', `${fence}\n/devstral fix no\n${fence}\n\n/devstral fix yes`, 'yes'],
    ['after an HTML comment', '<!-- /devstral fix no -->\n\n/devstral fix yes', 'yes'],
    ['after a closed element', '<details>\n\nlong log<br>\n\n</details>\n\n/devstral fix yes', 'yes'],
    [
      'with an address in it',
      '/devstral fix as on www.example.com, ask a@example.com',
      'as on www.example.com, ask a@example.com',
    ],
    [
      'before formatted words',
      '/devstral fix **all** [of](http://example.com) it',
      '**all** [of](http://example.com) it',
    ],
  ])('is found %s', (_, body, instructions) => {
    expect(findCommand(body)).toMatchObject({ instructions });
  });

  it.each([
    ['in no words', ''],
    ['in the middle of a line', 'Try /devstral fix'],
    ['after a mention', '@bot /devstral fix'],
    ['in a quote', '> /devstral fix'],
    ['in a quote of a quote', '> > /devstral fix'],
    ['in a line that continues a quote', '> It breaks.\n/devstral fix'],
    ['in a mail reply', 'On Monday somebody wrote:\n> /devstral fix\n\nNo, thanks.'],
    ['in a fenced block', `${fence}\n/devstral fix\n${fence}`],
    ['in a fenced block that never ends', `${fence}\n/devstral fix`],
    ['in a block fenced with tildes', '~~~\n/devstral fix\n~~~'],
    ['indented as code by spaces', '    /devstral fix'],
    ['indented as code by a tab', '\t/devstral fix'],
    ['in inline code', '`/devstral fix`'],
    ['in inline code over two lines', '`code\n/devstral fix`'],
    ['in an HTML comment', '<!-- /devstral fix -->'],
    ['in an HTML comment of several lines', '<!--\n/devstral fix\n-->'],
    ['in an HTML comment with empty lines', '<!--\n\n/devstral fix\n\n-->'],
    ['in an HTML comment that never ends', '<!--\n\n/devstral fix'],
    ['in an HTML comment within a line', 'Hm <!-- a\n/devstral fix --> so'],
    ['in an element', '<div>\n/devstral fix\n</div>'],
    ['in an HTML quote with empty lines', '<blockquote>\n\n/devstral fix\n\n</blockquote>'],
    ['in a folded part', '<details><summary>log</summary>\n\n/devstral fix\n\n</details>'],
    ['in preformatted text', '<pre>\n/devstral fix\n</pre>'],
    ['in an attribute', '<img alt="\n/devstral fix\n">'],
    ['in the text of a link', '[see\n/devstral fix now](http://example.com)'],
    ['in the text of an image', '![see\n/devstral fix now](http://example.com)'],
    ['in the title of a link', '[see](http://example.com "title\n/devstral fix now\n")'],
    ['struck out', '~~no\n/devstral fix it~~'],
    ['in a list', '- /devstral fix'],
    ['in a numbered list', '1. /devstral fix'],
    ['in a task', '- [ ] /devstral fix'],
    ['in the second paragraph of a list', '- item\n\n  /devstral fix'],
    ['in a heading', '# /devstral fix'],
    ['in an underlined heading', '/devstral fix\n==='],
    ['in a table', '| a |\n|---|\n| /devstral fix |'],
    ['in a table without outer bars', 'a | b\n--|--\n/devstral fix | b'],
    ['in a footnote', 'a[^1]\n\n[^1]: /devstral fix'],
    ['in a link definition', '[a]: /devstral fix'],
    ['with a zero-width space inside', '/dev\u200Bstral fix'],
    ['with a zero-width space before', '\u200B/devstral fix'],
    ['with a zero-width joiner between', '/devstral\u200Dfix'],
    ['with a byte order mark before', '\uFEFF/devstral fix'],
    ['with a soft hyphen', '/dev\u00ADstral fix'],
    ['turned right to left', '\u202E/devstral fix'],
    ['with a full-width slash', '\uFF0Fdevstral fix'],
    ['in full-width letters', '/\uFF44\uFF45vstral fix'],
    ['with a Cyrillic letter', '/d\u0435vstral fix'],
    ['with a long s', '/dev\u017Ftral fix'],
    ['with a no-break space', '/devstral\u00A0fix'],
    ['with a no-break space after', '/devstral fix\u00A0'],
    ['on two lines', '/devstral\nfix'],
    ['after a lone carriage return', 'Hm\r/devstral fix'],
    ['before a lone carriage return', '/devstral fix\rnow'],
    ['with its slash as an entity', '&#47;devstral fix'],
    ['with its slash escaped', '\\/devstral fix'],
    ['glued together', '/devstralfix'],
    ['as part of a longer word', '/devstral fixes'],
    ['with a full stop', '/devstral fix.'],
    ['with two slashes', '//devstral fix'],
    ['as another command', '/devstral stop'],
    ['without its verb', '/devstral'],
    ['as a path', '/usr/devstral fix'],
  ])('is not found %s', (_, body) => {
    expect(findCommand(body)).toBeNull();
  });

  it.each([
    ['emphasis', '*a_'],
    ['quotes', '>'],
    ['links', '[a](b'],
    ['brackets', '['],
    ['footnotes', '[^a]'],
    ['elements', '<a '],
    ['strikes', '~~a'],
  ])(
    'ends, one way or the other, where 64 kB of %s are written to keep the parser busy',
    (_, piece) => {
      const body = `${piece.repeat(65_000 / piece.length)}\n\n/devstral fix`;

      const found = findCommand(body);

      expect([null, '']).toContain(found?.instructions ?? null);
    },
    10_000,
  );
});
