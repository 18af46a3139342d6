import { z } from 'zod';

import { defineTool, type Tool } from './tool.ts';

const shownCharacters = 16_000;
const shownLines = 200;
const limitMs = 60_000;

const description = `Searches files with ripgrep and shows matching lines as path:line:text. Files that git ignores and hidden files are left out.
* \`pattern\` is a regular expression; with \`fixed\` true it is plain text.
* \`path\` narrows it to a file or folder, \`glob\` to file names such as *.ts or !*.min.js.
* \`files_only\` true lists only the files that match.`;

/** Finding things, inside the sandbox, without the quoting that a shell needs. */
export function search(): Tool {
  return defineTool({
    name: 'search',
    description,
    repeats: 'never',
    input: z.object({
      pattern: z.string().min(1).describe('What to look for.'),
      path: z.string().optional().describe('Absolute path of a file or folder; default: the whole repository.'),
      glob: z.string().optional().describe('Only in files whose names match.'),
      ignore_case: z.boolean().optional().describe('Do not tell capitals from small letters.'),
      fixed: z.boolean().optional().describe('Take the pattern as plain text.'),
      files_only: z.boolean().optional().describe('List only the files.'),
    }),
    title: ({ pattern }) => pattern,
    async run({ pattern, path, glob, ignore_case, fixed, files_only }, { sandbox }, signal) {
      const argv = [
        'rg',
        '--no-config',
        '--color=never',
        '--no-heading',
        '--with-filename',
        '--sort=path',
        '--max-columns=300',
        '--max-columns-preview',
        files_only ? '--files-with-matches' : '--line-number',
        ...(ignore_case ? ['--ignore-case'] : []),
        ...(fixed ? ['--fixed-strings'] : []),
        ...(glob ? [`--glob=${glob}`] : []),
        `--regexp=${pattern}`,
        '--',
        path ?? sandbox.workTree,
      ];
      const result = await sandbox.execute(argv, { timeoutMs: limitMs }, signal);
      if (result.kind === 'timed-out')
        return {
          kind: 'shown',
          text: `ERROR: The search took longer than ${limitMs / 1000} seconds. Narrow it.`,
          outcome: 'failed',
        };
      if (result.exitCode === 1) return { kind: 'shown', text: 'No matches.', outcome: 'ok' };
      if (result.exitCode !== 0 && result.exitCode !== 2)
        return { kind: 'shown', text: `ERROR: ${result.output.trim()}`, outcome: 'failed' };
      return { kind: 'shown', text: capped(result.output.trimEnd()), outcome: result.exitCode === 0 ? 'ok' : 'failed' };
    },
  });
}

function capped(output: string): string {
  const lines = output.split('\n');
  const shown = lines.slice(0, shownLines).join('\n').slice(0, shownCharacters);
  if (shown.length === output.length) return shown.toWellFormed();
  const left = lines.length - shown.split('\n').length;
  return `${shown}\n[... ${left} more lines: narrow the pattern, the path or the glob ...]`.toWellFormed();
}
