import { z } from 'zod';

import type { CommandResult } from '../../core/command.ts';
import { defineTool, type ToolResult } from './tool.ts';

const shownCharacters = 30_000; // DEVSTRAL §2.3
const defaultSeconds = 300; // DEVSTRAL §2.2: the sandbox's command limit
const longestSeconds = 1800;

const description = `Runs a command in a bash shell that stays open.
* The working directory and variables last from one command to the next.
* One command at a time; join several with && or ;.
* Standard input is empty: a program that asks questions gets no answer, so use its non-interactive options.
* Start what is to keep running in the background and send its output to a file: server > server.log 2>&1 &
* A command that takes longer than ${defaultSeconds} seconds is killed with all it started; give \`timeout\` (seconds) for one that needs longer.
* There is no network.`;

/** The shell, under the name and with the parameters that Devstral was trained on. */
export const executeBash = defineTool({
  name: 'execute_bash',
  description,
  input: z.object({
    command: z.string().describe('The command to run.'),
    is_input: z
      .enum(['true', 'false'])
      .optional()
      .describe('Input to a running command; there is none here, so leave it out or say false.'),
    timeout: z
      .number()
      .positive()
      .max(longestSeconds)
      .optional()
      .describe('Seconds after which the command is killed.'),
  }),
  title: ({ command }) => firstLine(command),
  async run({ command, is_input, timeout = defaultSeconds }, { sandbox }, signal) {
    if (is_input === 'true' || command.trim() === '') {
      return shown(
        'ERROR: No command is running: each one has ended or was killed before its result was shown. Send a command.',
        'failed',
      );
    }
    return describeResult(await sandbox.run(command, { timeoutMs: timeout * 1000 }, signal), timeout);
  },
});

function describeResult(result: CommandResult, timeout: number): ToolResult {
  const output = shortened(result.output.trimEnd());
  const omitted =
    result.omittedBytes > 0 ? `\n[${result.omittedBytes} bytes of output were left out in the middle]` : '';
  switch (result.kind) {
    case 'exited': {
      const { exitCode, workingDirectory } = result;
      const notes = [
        `[The command completed with exit code ${exitCode}.]`,
        `[Current working directory: ${workingDirectory}]`,
        `[Command finished with exit code ${exitCode}]`,
      ];
      return shown(`${output}${omitted}\n${notes.join('\n')}`, exitCode === 0 ? 'ok' : 'failed');
    }
    case 'timed-out':
      return shown(
        `${output}${omitted}\n[The command timed out after ${timeout} seconds. It and everything it started were killed; the shell was restarted in the repository, without its variables. Run something shorter, or give a larger timeout.]\n[Command finished with exit code -1]`,
        'failed',
      );
    case 'shell-ended':
      return shown(
        `${output}${omitted}\n[The command ended the shell itself (exit code ${result.exitCode ?? 'unknown'}). It was restarted in the repository, without its variables.]`,
        'failed',
      );
  }
}

/** Half from the beginning, half from the end. */
function shortened(text: string): string {
  if (text.length <= shownCharacters) return text;
  const half = shownCharacters / 2;
  return `${text.slice(0, half)}\n[... Observation truncated due to length ...]\n${text.slice(-half)}`;
}

function firstLine(text: string): string {
  const [line = '', ...rest] = text.trim().split('\n');
  return rest.length > 0 ? `${line} …` : line;
}

function shown(text: string, outcome: 'ok' | 'failed'): ToolResult {
  return { kind: 'shown', text: text.trimStart(), outcome };
}
