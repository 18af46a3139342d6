import { describe, expect, it } from 'vitest';

import { readAnswer } from '../../../src/adapters/openai/answer.ts';
import { runCall } from '../../../src/agent/run-call.ts';
import { openTools } from '../../../src/agent/tools/all.ts';
import { EditHistory } from '../../../src/agent/tools/edit-history.ts';
import { memorySandbox } from '../../support/memory-sandbox.ts';

// What small models really answer (DEVSTRAL §2.5, §4.3, §4.4), each with what has to come of it:
//   run     a call that is run, with these arguments
//   answer  a call that is not run and is answered with an error
//   talk    no call at all
type Expected = { run: Record<string, unknown>; tool?: string } | { answer: RegExp } | 'talk';
type Case = readonly [name: string, message: Message, expected: Expected];
interface Message {
  readonly content?: unknown;
  readonly tool_calls?: unknown;
  readonly finish?: string;
}

const ls = { run: { command: 'ls' } };
const text = (content: string): Message => ({ content });
const native = (given: unknown, name = 'execute_bash'): Message => ({
  content: '',
  tool_calls: [{ id: 'x', type: 'function', function: { name, arguments: given } }],
});
const xml = (body: string) => text(`<function=execute_bash>\n${body}`);
const closed = '</function>';
const p = (key: string, value: string) => `<parameter=${key}>${value}</parameter>\n`;
const badJson = { answer: /not valid JSON/ };
const unfit = { answer: /do not fit/ };
const unknown = { answer: /There is no tool/ };
const unclosed = { answer: /not closed/ };
const outside = { answer: /outside of its parameters/ };

const cases: readonly Case[] = [
  // Native calls with arguments of the wrong form.
  ['arguments as they should be', native('{"command":"ls"}'), ls],
  ['arguments as an object', native({ command: 'ls' }), ls],
  ['arguments written twice', native(JSON.stringify('{"command":"ls"}')), ls],
  ['a number as text', native('{"command":"ls","timeout":"5"}'), { run: { command: 'ls', timeout: 5 } }],
  [
    'a number with a fraction as text',
    native('{"command":"ls","timeout":"2.5"}'),
    { run: { command: 'ls', timeout: 2.5 } },
  ],
  ['true as a boolean', native('{"command":"ls","is_input":false}'), { run: { command: 'ls', is_input: 'false' } }],
  ['null for what is left out', native('{"command":"ls","timeout":null}'), ls],
  ['a command that is a number', native('{"command":1}'), { run: { command: '1' } }],
  ['an argument that nobody asked for', native('{"command":"ls","explanation":"look"}'), ls],
  [
    'a range as text',
    native('{"command":"view","path":"/workspace/a.txt","view_range":"[1, 2]"}', 'str_replace_editor'),
    { tool: 'str_replace_editor', run: { command: 'view', path: '/workspace/a.txt', view_range: [1, 2] } },
  ],
  [
    'a line as text',
    native('{"command":"insert","path":"/workspace/a.txt","insert_line":"1","new_str":"x"}', 'str_replace_editor'),
    { tool: 'str_replace_editor', run: { command: 'insert', path: '/workspace/a.txt', insert_line: 1, new_str: 'x' } },
  ],
  [
    'a list as text',
    native(
      '{"command":"plan","task_list":"[{\\"id\\":\\"1\\",\\"title\\":\\"t\\",\\"status\\":\\"todo\\"}]"}',
      'task_tracker',
    ),
    { tool: 'task_tracker', run: { command: 'plan', task_list: [{ id: '1', title: 't', status: 'todo' }] } },
  ],
  [
    'a boolean as text',
    native('{"pattern":"x","fixed":"True"}', 'search'),
    { tool: 'search', run: { pattern: 'x', fixed: true } },
  ],
  ['no arguments', native(''), unfit],
  ['blank arguments', native('  '), unfit],
  ['null arguments', native(null), unfit],
  ['an empty object', native('{}'), unfit],
  ['another name for an argument', native('{"cmd":"ls"}'), unfit],
  ['a word for a number', native('{"command":"ls","timeout":"soon"}'), unfit],
  ['a number that is too large', native('{"command":"ls","timeout":1e9}'), unfit],
  ['a negative number', native('{"command":"ls","timeout":-1}'), unfit],
  ['a word that is not allowed', native('{"command":"rename","path":"/a"}', 'str_replace_editor'), unfit],
  ['a range that is no list', native('{"command":"view","path":"/a","view_range":"all"}', 'str_replace_editor'), unfit],
  ['a list of commands', native('{"command":["ls","-l"]}'), unfit],
  ['arguments cut after a quote', native('{"command":"ls'), badJson],
  ['arguments cut after a value', native('{"command":"ls"'), badJson],
  ['arguments cut after a comma', native('{"command":"ls",'), badJson],
  ['two objects', native('{"command":"ls"}{"command":"rm -rf ."}'), badJson],
  ['an object and its beginning', native('{"command":"ls"}{"comm'), badJson],
  ['single quotes', native("{'command': 'ls'}"), badJson],
  ['names without quotes', native('{command: "ls"}'), badJson],
  ['a comma at the end', native('{"command":"ls",}'), badJson],
  ['comments', native('{"command":"ls" /* all */}'), badJson],
  ['NaN', native('{"command":"ls","timeout":NaN}'), badJson],
  ['Infinity', native('{"command":"ls","timeout":Infinity}'), badJson],
  ['a line break in a text', native('{"command":"ls\nrm"}'), badJson],
  ['a backslash that is no escape', native('{"command":"grep \\d"}'), badJson],
  ['prose', native('I will list the files'), badJson],
  ['a command alone', native('ls -la'), badJson],
  ['a fence', native('```json\n{"command":"ls"}\n```'), badJson],
  ['Python', native('{"command": "ls", "is_input": False}'), badJson],
  ['a list', native('["ls"]'), { answer: /not an object/ }],
  ['a list as such', native(['ls']), { answer: /not an object/ }],
  ['a number', native('42'), { answer: /not an object/ }],
  ['null as text', native('null'), { answer: /not an object/ }],
  ['true', native('true'), { answer: /not an object/ }],
  ['a text in quotes', native('"ls"'), { answer: /are a text/ }],
  ['megabytes', native(JSON.stringify({ command: 'x'.repeat(2 * 1024 ** 2) })), { answer: /longer than/ }],
  ['brackets without end', native(`{"command":${'['.repeat(50_000)}`), { answer: /nested/ }],
  ['an object of a hundred levels', native(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`), { answer: /nested/ }],
  // Tools that there are not.
  ['execute_code', native('{"code":"x"}', 'execute_code'), unknown],
  ['execute_command', native('{"command":"ls"}', 'execute_command'), unknown],
  ['execute_ipython_cell', native('{"code":"x"}', 'execute_ipython_cell'), unknown],
  ['no name', native('{"command":"ls"}', ''), unknown],
  ['a name of many words', native('{"command":"ls"}', 'run the tests'), unknown],
  ['a name of another case', native('{"command":"ls"}', 'Execute_Bash'), unknown],
  ['a name in a namespace', native('{"command":"ls"}', 'functions.execute_bash'), ls],
  ['a name with blanks', native('{"command":"ls"}', ' execute_bash '), ls],
  // The XML protocol and its slips.
  ['XML as it should be', xml(`${p('command', 'ls')}${closed}`), ls],
  ['XML that the stop word ended', xml(p('command', 'ls')), ls],
  ['XML with words before it', text(`I look.\n\n<function=execute_bash>\n${p('command', 'ls')}${closed}`), ls],
  [
    'XML with words and an invented result behind it',
    xml(
      `${p('command', 'ls')}${closed}\nEXECUTION RESULT of [execute_bash]:\na.txt\n<function=finish>\n${p('message', 'done')}${closed}`,
    ),
    ls,
  ],
  ['a value of several lines', xml(`<parameter=command>\nls\n</parameter>\n${closed}`), ls],
  [
    'a value with an empty line at its end',
    xml(`<parameter=command>\nls\n\n</parameter>\n${closed}`),
    { run: { command: 'ls\n' } },
  ],
  ['an equals sign for a bracket', xml(`<parameter=command=ls</parameter>\n${closed}`), ls],
  ['a blank for an equals sign', text(`<function execute_bash>\n${p('command', 'ls')}${closed}`), ls],
  ['everything on one line', text(`<function=execute_bash><parameter=command>ls</parameter>${closed}`), ls],
  ['blanks around the name', text(`<function= execute_bash >\n${p('command', 'ls')}${closed}`), ls],
  [
    'a number in XML',
    xml(`${p('command', 'ls')}${p('timeout', '5')}${closed}`),
    { run: { command: 'ls', timeout: 5 } },
  ],
  [
    'a range in XML',
    text(
      `<function=str_replace_editor>\n${p('command', 'view')}${p('path', '/workspace/a.txt')}${p('view_range', '[1, 2]')}${closed}`,
    ),
    { tool: 'str_replace_editor', run: { command: 'view', path: '/workspace/a.txt', view_range: [1, 2] } },
  ],
  [
    'markup within a value',
    xml(`${p('command', "echo '<b>x</b>'")}${closed}`),
    { run: { command: "echo '<b>x</b>'" } },
  ],
  ['an unclosed parameter', xml(`<parameter=command>rm -rf /workspace/li`), unclosed],
  ['an unclosed parameter before the end', xml(`<parameter=command>rm -rf .${closed}`), unclosed],
  ['a second parameter that is not closed', xml(`${p('command', 'ls')}<parameter=timeout>5`), unclosed],
  ['words between parameters', xml(`${p('command', 'ls')}and then\n${closed}`), outside],
  ['JSON within XML', xml(`{"command": "ls"}\n${closed}`), outside],
  ['a parameter given twice', xml(`${p('command', 'ls')}${p('command', 'rm')}${closed}`), { answer: /given twice/ }],
  ['XML without parameters', xml(closed), unfit],
  ['XML with another parameter', xml(`${p('cmd', 'ls')}${closed}`), unfit],
  ['XML for a tool that is not', text(`<function=execute_command>\n${p('command', 'ls')}${closed}`), unknown],
  ['a slip with a tool that is not', text(`<function greet>\n${p('name', 'x')}${closed}`), 'talk'],
  // Tekken's words.
  ['version 13', text('[TOOL_CALLS]execute_bash[ARGS]{"command":"ls"}'), ls],
  ['version 13 with words before it', text('I look.[TOOL_CALLS]execute_bash[ARGS]{"command":"ls"}'), ls],
  ['version 11', text('[TOOL_CALLS]execute_bash[CALL_ID]abc123def[ARGS]{"command":"ls"}'), ls],
  ['version 7', text('[TOOL_CALLS][{"name":"execute_bash","arguments":{"command":"ls"},"id":"abcdefghi"}]'), ls],
  ['version 3', text('[TOOL_CALLS] [{"name": "execute_bash", "arguments": "{\\"command\\": \\"ls\\"}"}]'), ls],
  ['version 13, cut', text('[TOOL_CALLS]execute_bash[ARGS]{"command":"rm -rf /workspace/li'), badJson],
  [
    'version 13, with braces in a text',
    text('[TOOL_CALLS]execute_bash[ARGS]{"command":"echo }{"}'),
    { run: { command: 'echo }{' } },
  ],
  ['version 13, a tool that is not', text('[TOOL_CALLS]run_shell[ARGS]{"command":"ls"}'), unknown],
  ['version 7, cut', text('[TOOL_CALLS][{"name":"execute_bash","argum'), 'talk'],
  ['a marker alone', text('[TOOL_CALLS]'), 'talk'],
  // JSON in the text.
  ['a call as the whole message', text('{"name": "execute_bash", "arguments": {"command": "ls"}}'), ls],
  ['parameters for arguments', text('{"name": "execute_bash", "parameters": {"command": "ls"}}'), ls],
  ['a call in a list', text('[{"name": "execute_bash", "arguments": {"command": "ls"}}]'), ls],
  [
    'a call in OpenAI’s form',
    text('{"type":"function","function":{"name":"execute_bash","arguments":"{\\"command\\":\\"ls\\"}"}}'),
    ls,
  ],
  ['a call in a fence', text('I look.\n```json\n{"name": "execute_bash", "arguments": {"command": "ls"}}\n```'), ls],
  ['a call in a tag', text('<tool_call>\n{"name": "execute_bash", "arguments": {"command": "ls"}}\n</tool_call>'), ls],
  ['a call at the end', text('I look.\n{"name": "execute_bash", "arguments": {"command": "ls"}}'), ls],
  [
    'a call that is an example',
    text('For example {"name": "execute_bash", "arguments": {"command": "rm -rf ."}} would be wrong.'),
    'talk',
  ],
  [
    'a call in a fence with words behind it',
    text('```json\n{"name": "execute_bash", "arguments": {"command": "rm -rf ."}}\n```\nis what I would not do.'),
    'talk',
  ],
  [
    'calls in several fences',
    text(
      '```json\n{"name": "execute_bash", "arguments": {"command": "a"}}\n```\nor\n```json\n{"name": "execute_bash", "arguments": {"command": "b"}}\n```',
    ),
    'talk',
  ],
  ['a call of a tool that is not', text('{"name": "run", "arguments": {"command": "ls"}}'), 'talk'],
  ['a call that is cut', text('{"name": "execute_bash", "arguments": {"command": "rm -rf /workspace/li'), 'talk'],
  ['JSON that is no call', text('{"name": "adder", "version": "1.0.0"}'), 'talk'],
  ['a package.json in a fence', text('```json\n{"name": "execute_bash", "version": "1.0.0"}\n```'), 'talk'],
  // Talk.
  ['what would be done', text('I would now run `ls` to see the files.'), 'talk'],
  ['a command in a fence', text('```bash\nrm -rf .\n```'), 'talk'],
  ['that it is done', text('I have fixed the bug and all tests pass.'), 'talk'],
  ['a refusal', text('I am sorry, but I cannot help with that.'), 'talk'],
  [
    'text in parts',
    {
      content: [
        { type: 'text', text: 'Let me ' },
        { type: 'text', text: 'think.' },
      ],
    },
    'talk',
  ],
  ['a call in a message that was cut', { ...xml(`${p('command', 'rm -rf .')}${closed}`), finish: 'length' }, 'talk'],
  ['a native call in a message that was cut', { ...native('{"command":"rm -rf ."}'), finish: 'length' }, 'talk'],
  ['an empty list of calls', { content: 'Hm.', tool_calls: [] }, 'talk'],
];

describe('a malformed turn', () => {
  const tools = openTools({ extras: true });
  const names = tools.map(({ definition }) => definition.name);

  it('is one of a hundred at least', () => {
    expect(new Set(cases.map(([, message]) => JSON.stringify(message))).size).toBeGreaterThanOrEqual(100);
  });

  it.each(cases)('%s', async (_name, message, expected) => {
    const { finish = 'stop', ...rest } = message;
    const answer = { choices: [{ finish_reason: finish, message: { role: 'assistant', content: null, ...rest } }] };

    const turn = readAnswer(JSON.parse(JSON.stringify(answer)), { promptCharacters: 1, tools: names, model: null });

    if ('incomplete' in turn) throw new Error(turn.incomplete);
    const ran: Record<string, unknown>[] = [];
    const watched = tools.map((tool) => ({
      ...tool,
      call: (input: unknown, context: Parameters<typeof tool.call>[1]) => {
        const prepared = tool.call(input, context);
        if (!('problem' in prepared)) ran.push({ tool: tool.definition.name, ...prepared.input });
        return prepared;
      },
    }));
    const context = { sandbox: memorySandbox({ '/workspace/a.txt': 'one\ntwo\n' }), history: new EditHistory() };
    const outcomes = await Promise.all(
      turn.toolCalls.map((call) => runCall(call, watched, context, AbortSignal.timeout(5000))),
    );

    if (expected === 'talk') expect(turn.toolCalls).toEqual([]);
    else if ('run' in expected) expect(ran).toEqual([{ tool: expected.tool ?? 'execute_bash', ...expected.run }]);
    else {
      expect(ran).toEqual([]);
      expect(outcomes.map(({ observation }) => [observation.outcome, observation.text])).toEqual([
        ['rejected', expect.stringMatching(expected.answer)],
      ]);
    }
  });
});
