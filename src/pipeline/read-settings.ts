import { parseDocument } from 'yaml';
import { z } from 'zod';

import { OutsideError } from '../core/errors.ts';
import type { Checkout } from '../core/ports.ts';

/** What a repository may say in `.github/devstral.yml` on its default branch. Unknown keys are an error, so that a typo is not silence. */
export const RepositorySettings = z.strictObject({
  /** The command that runs the tests, from the repository's root. */
  test: z.string().min(1).optional(),
  /** Which of our images to work in. */
  image: z.enum(['base', 'node', 'python']).optional(),
  /** Commands that install what the tests need; they replace what we would have found. */
  setUp: z.array(z.string().min(1)).optional(),
});
export type RepositorySettings = z.infer<typeof RepositorySettings>;

const settingsPath = '.github/devstral.yml';
const settingsBytes = 64 * 1024; // THREATS A11

/** Checkout → its settings; a file that is there but wrong ends the run with the bad key named. */
export async function readSettings(checkout: Checkout, signal: AbortSignal): Promise<RepositorySettings> {
  if (!(await checkout.paths(signal)).includes(settingsPath)) return {};
  const bytes = await checkout.read(settingsPath, settingsBytes, signal);
  if (!bytes) throw wrong(`is larger than ${settingsBytes} bytes or not a regular file`);
  // No aliases: a few lines of them can stand for gigabytes.
  const document = parseDocument(new TextDecoder().decode(bytes), { schema: 'core' });
  const problem = document.errors[0];
  if (problem) throw wrong(problem.message.split('\n')[0] ?? 'is not YAML');
  return parseSettings(toPlain(document));
}

function toPlain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch (cause) {
    throw wrong('uses YAML aliases, which are not read', cause);
  }
}

function parseSettings(value: unknown): RepositorySettings {
  const parsed = RepositorySettings.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrong(
    parsed.error.issues.map((issue) => `${issue.path.join('.') || 'top level'}: ${issue.message}`).join('; '),
  );
}

function wrong(what: string, cause?: unknown): OutsideError {
  return new OutsideError(`${settingsPath} ${what}. Mend it on the default branch and ask again.`, {
    retry: 'never',
    cause,
  });
}
