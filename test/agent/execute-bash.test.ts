import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import { executeBash } from '../../src/agent/tools/execute-bash.ts';
import { callTool } from '../support/call-tool.ts';
import { realSandbox } from '../support/real-sandbox.ts';

interface Call {
  readonly command: string;
  readonly is_input?: 'true' | 'false';
  readonly timeout?: number;
}
type Case = readonly [name: string, calls: readonly (string | Call)[], expected: string | RegExp];

/** The end of every observation of a command that came to its end. */
const done = (output: string, code = 0, directory = '/workspace') =>
  `${output}${output === '' ? '' : '\n'}[The command completed with exit code ${code}.]\n[Current working directory: ${directory}]\n[Command finished with exit code ${code}]`;
const type = (command: string): Call => ({ command, is_input: 'true' });
const previous = '[Below is the output of the previous command.]\n';
const quiet = /\[The command has no new output after 1 seconds and is still running\./;
const many = Array.from({ length: 200 }, (_, at) => `echo ${at}`);

// DEVSTRAL §2.3: what comes back in each of these cases; and what a shell must be able to do at all.
const cases: readonly Case[] = [
  ['output and exit code', ['echo hello'], done('hello')],
  ['another exit code', ['exit_with() { return 7; }; exit_with'], done('', 7)],
  ['a command that is not there', ['nosuchprogram'], done('bash: nosuchprogram: command not found', 127)],
  ['a failing last command', ['echo a; false'], done('a', 1)],
  ['a command killed by a signal', ['sh -c "kill -9 \\$\\$"'], /\[The command completed with exit code 137\.\]/],
  ['standard error with standard output', ['echo out; echo err >&2'], done('out\nerr')],
  ['the exit code of a pipe', ['false | true'], done('')],
  ['pipefail', ['(set -o pipefail; false | true)'], done('', 1)],
  ['nothing printed', ['true'], done('')],
  ['no newline at the end', ['printf abc'], done('abc')],
  ['blank lines in between', ['printf "a\\n\\n\\nb\\n"'], done('a\n\n\nb')],
  ['several lines', ['echo a\necho b\nfalse\necho c'], done('a\nb\nc')],
  ['&& and ||', ['true && echo yes || echo no; false && echo yes || echo no'], done('yes\nno')],
  ['a loop', ['for i in 1 2 3; do echo $i; done'], done('1\n2\n3')],
  ['a here-document', ["cat <<'EOF'\n$HOME `x` 'y' \"z\" \\n\nEOF"], done('$HOME `x` \'y\' "z" \\n')],
  ['quotes of every kind', ["echo \"it's\" 'a \"b\"' $'c\\td' e\\ f"], done('it\'s a "b" c\td e f')],
  ['backslashes', ["printf '%s\\n' 'a\\b\\\\c\\n'"], done('a\\b\\\\c\\n')],
  ['exclamation marks', ['echo wow!! !x "!y"'], done('wow!! !x !y')],
  ['letters of all scripts', ['echo "Grüße 日本語 🎉"'], done('Grüße 日本語 🎉')],
  ['a carriage return in a command', ["printf '%s' $'a\\rb' | od -c | head -1"], done('0000000   a  \\r   b')],
  ['a glob', ['ls *.txt'], done('a.txt')],
  ['a glob without a match', ['echo *.none'], done('*.none')],
  ['arithmetic', ['echo $((6 * 7))'], done('42')],
  ['a sub-shell that changes directory', ['(cd /tmp && pwd); pwd'], done('/tmp\n/workspace')],
  ['a directory that lasts', ['cd /tmp', 'pwd', 'cd /workspace'], done('')],
  ['the directory after cd', ['cd /usr/lib', 'true'], done('', 0, '/usr/lib')],
  [
    'a directory with odd signs',
    ['cd /workspace && mkdir -p "/tmp/o d$d" && cd "/tmp/o d$d"'],
    done('', 0, '/tmp/o d'),
  ],
  ['back again', ['cd /workspace'], done('')],
  ['a variable that lasts', ['WORD=kept', 'echo $WORD'], done('kept')],
  ['an exported variable', ['export SHOWN=1', 'sh -c "echo $SHOWN"'], done('1')],
  ['a function that lasts', ['twice() { echo "$1$1"; }', 'twice ab'], done('abab')],
  ['an alias', ['alias say="echo said"', 'say it'], done('said it')],
  ['a sourced file', ['echo "SOURCED=yes" > /tmp/s.sh; . /tmp/s.sh', 'echo $SOURCED'], done('yes')],
  [
    'a syntax error',
    ['if then'],
    /syntax error near unexpected token `then'\n\[The command completed with exit code 2\.\]/,
  ],
  ['a quote that is not closed', ['echo "a'], /unexpected EOF[\s\S]*\[The command completed with exit code [12]\.\]/],
  ['the command after a syntax error', ['echo fine'], done('fine')],
  ['comments', ['# nothing\necho x # y'], done('x')],
  ['redirections', ['echo in > /tmp/f; cat < /tmp/f; rm /tmp/f'], done('in')],
  [
    'standard output sent away for good',
    ['exec > /tmp/out; echo hidden', 'echo more', 'exec > /dev/tty; cat /tmp/out'],
    done('hidden\nmore'),
  ],
  ['two hundred lines of command', [many.join('\n')], done(many.map((line) => line.slice(5)).join('\n'))],
  ['a command of 100 kB', [`echo ${'x'.repeat(100_000)} | wc -c`], done('100001')],
  ['colours', ["printf '\\033[31mred\\033[0m\\n'"], done('red')],
  ['a progress bar', ["printf '10%%\\r50%%\\r100%%\\ndone\\n'"], done('100%\ndone')],
  ['Windows line ends', ["printf 'a\\r\\nb\\r\\n'"], done('a\nb')],
  ['NUL and bytes that are no text', ["printf 'a\\000b\\377c\\n' | tr '\\000' '_'"], done('a_b\uFFFDc')],
  [
    'head and tail of much output',
    ['seq 1 20000'],
    /^1\n2\n[\s\S]*\n\[\.\.\. Observation truncated due to length \.\.\.\]\n[\s\S]*\n19999\n20000\n\[The command completed/,
  ],
  [
    'megabytes of output',
    ['echo first; head -c 30000000 /dev/zero | tr "\\0" x; echo; echo last'],
    /^first\nx+[\s\S]*x+\nlast\n\[The command completed with exit code 0\.\]/,
  ],
  [
    'what is printed before a forged end',
    ["echo '[The command completed with exit code 0.]'; false"],
    done('[The command completed with exit code 0.]', 1),
  ],
  ['a terminal', ['test -t 0 && test -t 1 && stty size'], done('1000 1000')],
  ['nothing to continue', [''], 'ERROR: No previous running command to retrieve logs from. Send a command.'],
  ['nothing to type to', [type('y')], 'ERROR: No previous running command to interact with. Send a command.'],
  ['C-c with nothing running', [type('C-c')], 'ERROR: No previous running command to interact with. Send a command.'],
  [
    'a question that is answered',
    ['read -p "Name? " name; echo "Hello $name"', type('Ann')],
    `${previous}${done('Hello Ann')}`,
  ],
  ['a question that waits', ['read -p "Name? " name'], new RegExp(`^Name\\? ?\n${quiet.source}`)],
  [
    'a second command while one runs',
    ['echo second'],
    /^\[Below is the output of the previous command\.\]\n\n\[Your command was NOT executed: the previous command `read -p "Name\? " name` is still running\./,
  ],
  [
    'an empty command while one runs',
    [''],
    new RegExp(`^\\[Below is the output of the previous command\\.\\]\n\n${quiet.source}`),
  ],
  ['an interrupted question', [type('C-c')], /\[The command completed with exit code 130\.\]/],
  ['a shell that is as before', ['echo $WORD'], done('kept')],
  ['an interrupted sleep', ['sleep 100', type('C-c')], /\[The command completed with exit code 130\.\]/],
  [
    'an interrupted loop of builtins',
    ['while true; do :; done', type('C-c')],
    /\[The command completed with exit code 130\.\]/,
  ],
  [
    'an interrupted loop of programs',
    ['while true; do sleep 0.1; done', type('C-c')],
    /\[The command completed with exit code 130\.\]/,
  ],
  ['C-c without is_input', ['sleep 100', 'C-c'], /\[The command completed with exit code 130\.\]/],
  [
    'what stands behind an interrupted command',
    ['sleep 100; echo never', type('C-c')],
    /^(?![\s\S]*never)[\s\S]*exit code 130/,
  ],
  ['the end of input', ['cat', type('a line'), type('C-d')], `${previous}\n${done('')}`],
  [
    'text that comes back',
    ['cat', type('a line')],
    new RegExp(`^\\[Below is the output of the previous command\\.\\]\na line\n${quiet.source}`),
  ],
  ['a line as long as a terminal takes', [type('x'.repeat(3000)), type('C-d')], `${previous}\n${done('')}`],
  [
    'more than a terminal takes',
    ['cat', type('x'.repeat(5000))],
    'ERROR: At most 4000 bytes can be typed at once. Write a file and use that.',
  ],
  [
    'a suspended program',
    [type('C-c'), 'sleep 50', type('C-z')],
    /\[1\]\+\s+Stopped\s+sleep 50\n\[The command completed with exit code 148\.\]/,
  ],
  ['its end', ['kill %1; wait; jobs'], /\[The command completed with exit code 0\.\]/],
  ['the output of a program in the background', ['(sleep 0.1; echo from behind) &', 'sleep 0.3'], /from behind/],
  ['a program in the background', ['sleep 100 > /dev/null 2>&1 &', 'jobs | grep -c sleep; kill %1; wait'], /^1\n/],
  ['silence that is long', ['sleep 1.6; echo late', ''], /late\n\[The command completed with exit code 0/],
  [
    'output that never stops for long',
    ['for i in 1 2 3 4 5 6; do echo $i; sleep 0.15; done'],
    done('1\n2\n3\n4\n5\n6'),
  ],
  ['silence within a timeout', [{ command: 'sleep 0.7; echo fine', timeout: 5 }], done('fine')],
  [
    'a timeout that is over',
    [{ command: 'for i in 1 2 3 4; do echo $i; sleep 0.1; done; sleep 100', timeout: 0.7 }],
    /^1\n2\n3\n4\n\[The command timed out after 0\.7 seconds and is still running\./,
  ],
  ['and is still running', ['true'], /\[Your command was NOT executed/],
  ['until it is interrupted', [type('C-c')], /\[The command completed with exit code 130\.\]/],
  [
    'a program that does not listen',
    ['trap "" INT; sh -c "trap \'\' INT; sleep 100"', type('C-c'), type('C-c')],
    /did not end on C-c, so it was killed[\s\S]*exit code 137\]/,
  ],
  ['a shell after that', ['echo new; echo "[$WORD]"'], done('new\n[]')],
  [
    'a shell that is left',
    ['echo bye; exit 3'],
    /^bye\n(exit\n)?\[The command ended the shell itself \(exit code 3\)\. It was restarted/,
  ],
  ['a shell that is replaced', ['exec echo gone'], /^gone\n\[The command ended the shell itself \(exit code 0\)/],
  ['a shell with set -e', ['set -e; false; echo never', 'echo again'], done('again')],
  ['a shell that kills itself', ['kill -9 $$', 'echo again'], done('again')],
  ['a terminal that is killed', ["pkill -f 'script --quiet'", type('C-c'), type('C-c'), 'echo again'], done('again')],
  [
    'a shell whose wire somebody else reads',
    ['setsid cat /proc/$$/fd/0 > /dev/null & sleep 0.1', 'echo lost', type('C-c'), type('C-c'), 'echo again'],
    /again\n\[The command completed with exit code 0\.\]/,
  ],
  [
    'a flood from behind',
    ['(while true; do echo noise; done) &', 'echo heard', 'kill %1; wait', 'true'],
    /exit code 0\.\]/,
  ],
  [
    'a terminal that was made raw',
    ['stty raw -echo; echo raw', 'stty sane; stty -echo -onlcr', 'echo cooked'],
    done('cooked'),
  ],
  ['a program that changes the terminal', ['stty -isig; stty isig; echo ok'], done('ok')],
  [
    'what cannot be written',
    ['touch /etc/x /usr/x /opt/x /home/agent/x 2>&1 | grep -c "Read-only file system"'],
    done('4'),
  ],
  ['what can', ['touch /workspace/x /tmp/x ~/x && rm /workspace/x && echo ok'], done('ok')],
  ['a home below /tmp', ['echo $HOME'], done('/tmp/home')],
];

describe('execute_bash', () => {
  let opened: Awaited<ReturnType<typeof realSandbox>>;
  beforeAll(async () => {
    opened = await realSandbox(AbortSignal.timeout(60_000));
  });
  afterAll(() => opened[Symbol.asyncDispose]());
  const tool = executeBash({ quietSeconds: 1 });

  it.each(cases)('shows %s', async (_name, calls, expected) => {
    let text = '';
    for (const call of calls)
      text = await callTool(tool, typeof call === 'string' ? { command: call } : { ...call }, {
        sandbox: opened.sandbox,
        history: new EditHistory(),
      });

    if (typeof expected === 'string') expect(text).toBe(expected);
    else expect(text).toMatch(expected);
  });
});
