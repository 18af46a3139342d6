import { describe, expect, it } from 'vitest';

import type { Checkout } from '../../src/core/ports.ts';
import { readSettings } from '../../src/pipeline/read-settings.ts';

const signal = AbortSignal.timeout(60_000);

/** As much of a checkout as reading the settings needs. */
function withFile(content: string | null): Checkout {
  const part = {
    paths: async () => (content === null ? [] : ['.github/devstral.yml']),
    read: async (_path: string, maxBytes: number) =>
      content !== null && content.length <= maxBytes ? Buffer.from(content) : null,
  };
  return part as unknown as Checkout;
}

describe('a repository’s settings', () => {
  it('are read from one file', async () => {
    expect(await readSettings(withFile('test: npm run unit\nimage: node\nsetUp:\n  - npm ci\n'), signal)).toEqual({
      test: 'npm run unit',
      image: 'node',
      setUp: ['npm ci'],
    });
  });

  it('are empty without it, and when it is empty', async () => {
    expect(await readSettings(withFile(null), signal)).toEqual({});
    expect(await readSettings(withFile('# nothing yet\n'), signal)).toEqual({});
  });

  it.each([
    ['a key that nobody knows', 'tests: x\n', /tests/],
    ['a value of another kind', 'setUp: npm ci\n', /setUp: /],
    ['an image that is not ours', 'image: evil/image\n', /image: /],
    ['what is no YAML', 'test: "x\n', /devstral\.yml/],
    ['aliases', 'test: &a x\nimage: *a\n', /aliases|image/],
    ['a list', '- test\n', /top level/],
    ['a file that is too large', `test: ${'x'.repeat(70_000)}\n`, /larger than/],
  ])('end the run at %s, and say what to mend', async (_name, text, message) => {
    await expect(readSettings(withFile(text), signal)).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringMatching(message),
    });
  });
});
