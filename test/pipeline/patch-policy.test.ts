import { describe, expect, it } from 'vitest';

import { judgePatch } from '../../src/pipeline/patch-policy.ts';

const file = (path: string, changes: { mode?: string; content?: string | null } = {}) => {
  const content = changes.content === undefined ? 'x' : changes.content;
  return {
    path,
    mode: changes.mode ?? '100644',
    added: 1,
    removed: 0,
    contentBase64: content === null ? null : Buffer.from(content).toString('base64'),
  };
};

describe('the patch policy', () => {
  it('accepts ordinary files, added, changed and deleted', () => {
    const files = [file('src/a.js'), file('bin/run', { mode: '100755' }), file('old.js', { content: null })];

    expect(judgePatch(files, ['old.js', 'src/a.js'])).toEqual({ kind: 'accepted', files });
  });

  it('calls nothing a patch of no files', () => {
    expect(judgePatch([], ['a'])).toEqual({ kind: 'empty' });
  });

  it.each([
    ['a link', file('x', { mode: '120000' }), 'mode 120000'],
    ['a submodule', file('x', { mode: '160000' }), 'mode 160000'],
    ['a set-user-id bit', file('x', { mode: '104755' }), 'mode 104755'],
    ['a workflow', file('.github/workflows/ci.yml'), 'protected path'],
    ['a workflow on a disk without case', file('.GitHub/Workflows/ci.yml'), 'protected path'],
    ['code owners', file('docs/CODEOWNERS'), 'protected path'],
    ['git’s own folder', file('sub/.git/config'), 'protected path'],
    ['submodules', file('.gitmodules'), 'protected path'],
    ['attributes', file('sub/.gitattributes'), 'protected path'],
    ['a zero-width sign in the name', file('.g\u200cit/config'), 'invisible'],
    ['a newline in the name', file('a\nb'), 'control'],
    ['a bidirectional sign in the name', file('a\u202eb.js'), 'invisible'],
    ['a name that differs only in case', file('README.MD'), 'only in case'],
    ['a large file', file('big.bin', { content: 'x'.repeat(1024 * 1024 + 3) }), 'larger than'],
  ])('refuses %s, and names it', (_name, refused, reason) => {
    const result = judgePatch([file('fine.js'), refused], ['README.md']);

    expect(result).toMatchObject({ kind: 'refused', reasons: [expect.stringContaining(reason)] });
    expect(result.kind === 'refused' && result.reasons[0]).toContain(JSON.stringify(refused.path));
  });

  it('refuses more files than a person would read', () => {
    const files = Array.from({ length: 201 }, (_, at) => file(`f${at}`));

    expect(judgePatch(files, [])).toMatchObject({ kind: 'refused', reasons: ['201 files; at most 200 are published'] });
  });

  it('lets a file be renamed in case, since the old name goes', () => {
    expect(judgePatch([file('readme.md', { content: null }), file('README.md')], ['readme.md']).kind).toBe('accepted');
  });
});
