import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

import type { TerminalResult, Watch } from '../../core/command.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from './tool.ts';

const shownCharacters = 30_000; // DEVSTRAL §2.3
const quietSecondsTrained = 30; // DEVSTRAL §2.2
const limitSeconds = 300; // DEVSTRAL §2.2: the sandbox's command limit
const longestSeconds = 1800;
const typedBytes = 4000; // what a terminal takes on one line before it throws the rest away
const interruptsIgnored = 2;

const description = `Runs a command in a bash terminal that stays open.
* The working directory and variables last from one command to the next.
* One command at a time; join several with && or ;. Do not use \`set -e\`, and do not end the shell.
* A command that prints nothing new for ${quietSecondsTrained} seconds, or outlasts its \`timeout\`, goes on running, and you are told so with exit code -1. Then an empty \`command\` shows what it has printed since, and \`is_input\` "true" types to it: a line of text, or C-c, C-d, C-z.
* With \`timeout\` (seconds) silence does not matter: use it for what is known to be slow, such as long test suites.
* Start what is to keep running in the background and send its output to a file: server > server.log 2>&1 &
* There is no network.`;

const Input = z.object({
  command: z
    .string()
    .describe('The command to run; empty to see more of the one that is running; with is_input what to type to it.'),
  is_input: z
    .enum(['true', 'false'])
    .optional()
    .describe('"true": type `command` to the program that is running. Default "false".'),
  timeout: z.number().positive().max(longestSeconds).optional().describe('Seconds to wait for the command at most.'),
});

/** The terminal, under the name and with the parameters and manners that Devstral was trained with. One for each attempt. */
export function executeBash({ quietSeconds = quietSecondsTrained }: { quietSeconds?: number } = {}): Tool {
  let interrupts = 0;
  return defineTool({
    name: 'execute_bash',
    description,
    repeats: 'since-checkpoint',
    input: Input,
    title: ({ command, is_input }) => (is_input === 'true' ? `types ${firstLine(command)}` : firstLine(command)),
    async run({ command, is_input, timeout }, { sandbox }, signal) {
      const watch: Watch =
        timeout === undefined
          ? { timeoutMs: limitSeconds * 1000, quietMs: quietSeconds * 1000 }
          : { timeoutMs: timeout * 1000 };
      const waited = { quietSeconds, timeoutSeconds: timeout ?? limitSeconds };
      const key = keyOf(command);
      if (key === null && is_input !== 'true' && command.trim() !== '') {
        interrupts = 0;
        return describe(await sandbox.run(command, watch, signal), waited, 'command');
      }
      if (Buffer.byteLength(command) > typedBytes)
        return shown(`ERROR: At most ${typedBytes} bytes can be typed at once. Write a file and use that.`, 'failed');
      const typed = key ?? (command === '' || is_input !== 'true' ? '' : `${command.replace(/\n$/, '')}\n`);
      const result = await sandbox.type(typed, watch, signal);
      interrupts = key === '\x03' && result.kind === 'running' ? interrupts + 1 : 0;
      if (interrupts >= interruptsIgnored) return await killed(result, { sandbox }, signal);
      return describe(result, waited, typed === '' ? 'more' : 'typed');
    },
  });

  /** A program that does not listen to C-c would hold the terminal for the rest of the attempt. */
  async function killed(
    { output }: TerminalResult,
    { sandbox }: Pick<ToolContext, 'sandbox'>,
    signal: AbortSignal,
  ): Promise<ToolResult> {
    interrupts = 0;
    await sandbox.killAll(signal);
    return shown(
      `${earlier(cleaned(output))}\n[The program did not end on C-c, so it was killed, and everything else that was running with it. The shell was restarted in the repository, without its variables.]\n[Command finished with exit code 137]`,
      'failed',
    );
  }
}

type Asked = 'command' | 'typed' | 'more';

/** What the model is shown, in the form that it was trained on. */
function describe(
  result: TerminalResult,
  waited: { quietSeconds: number; timeoutSeconds: number },
  asked: Asked,
): ToolResult {
  const memory = result.outOfMemory ? `\n[${outOfMemory}]` : '';
  const text = `${cleaned(result.output)}${memory}`;
  const output = asked === 'command' && result.kind !== 'busy' ? text : earlier(text);
  switch (result.kind) {
    case 'idle':
      return shown(
        asked === 'more'
          ? 'ERROR: No previous running command to retrieve logs from. Send a command.'
          : 'ERROR: No previous running command to interact with. Send a command.',
        'failed',
      );
    case 'busy':
      return shown(
        `${output}\n[Your command was NOT executed: the previous command \`${firstLine(result.command)}\` is still running. ${whatNext}]\n[Command finished with exit code -1]`,
        'failed',
      );
    case 'running': {
      const why =
        result.why === 'quiet'
          ? `has no new output after ${waited.quietSeconds} seconds`
          : `timed out after ${waited.timeoutSeconds} seconds`;
      return shown(
        `${output}\n[The command ${why} and is still running. ${whatNext}]\n[Command finished with exit code -1]`,
        'failed',
      );
    }
    case 'shell-ended':
      return shown(
        `${output}\n[The command ended the shell itself (exit code ${result.exitCode ?? 'unknown'}). It was restarted in the repository, without its variables.]`,
        'failed',
      );
    case 'exited': {
      const { exitCode, workingDirectory } = result;
      const notes = [
        `[The command completed with exit code ${exitCode}.]`,
        `[Current working directory: ${workingDirectory}]`,
        `[Command finished with exit code ${exitCode}]`,
      ];
      return shown(`${output}\n${notes.join('\n')}`, exitCode === 0 ? 'ok' : 'failed');
    }
  }
}

const outOfMemory =
  'Out of memory: something that was running was killed by the kernel. Run less at once, such as one test file or fewer workers.';
const whatNext =
  'Send an empty command to wait for more output, type to it with is_input "true" (text, or C-c, C-d, C-z to interrupt it, end its input or suspend it), or give slow commands a `timeout`.';

function earlier(output: string): string {
  return `[Below is the output of the previous command.]\n${output}`;
}

/** `C-c` and its like as the character that a terminal sends for them. */
function keyOf(command: string): string | null {
  const letter = /^C-([a-z])$/.exec(command.trim())?.[1];
  return letter ? String.fromCharCode(letter.charCodeAt(0) - 96) : null;
}

/** As a screen would show it: without colours, and of a line that was written over only what was written last. */
function cleaned(output: string): string {
  const lines = stripVTControlCharacters(output).replaceAll('\r\n', '\n').split('\n');
  const last = lines.map((line) => line.slice(line.replace(/\r+$/, '').lastIndexOf('\r') + 1).replace(/\r+$/, ''));
  return shortened(last.join('\n').trimEnd()).toWellFormed();
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
  return { kind: 'shown', text: text.replace(/^\n+/, ''), outcome };
}
