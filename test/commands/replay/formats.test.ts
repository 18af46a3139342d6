import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readRecording } from '../../../src/commands/replay/read-recording.ts';
import type { RecordedStep } from '../../../src/commands/replay/recording.ts';
import type { JournalEntry } from '../../../src/core/run.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'formats-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What is read of a file with this content; its name says nothing about its format. */
async function read(content: string, instance?: string) {
  const file = join(folder, 'recording');
  await writeFile(file, content);
  return await readRecording(file, instance);
}

const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** A step as name, input and observation, to be compared at a glance. */
function brief(step: RecordedStep): readonly unknown[] {
  if (step.kind === 'not-replayed') return ['not replayed', step.title, step.reason];
  return [step.call.name, JSON.parse(step.call.arguments), step.observation];
}

describe('our journal', () => {
  const turn = (attempt: number, calls: readonly [id: string, command: string][]): JournalEntry => ({
    kind: 'turn',
    attempt,
    step: 1,
    turn: {
      text: '',
      toolCalls: calls.map(([id, command]) => ({ id, name: 'execute_bash', arguments: JSON.stringify({ command }) })),
      finish: 'tool_calls',
      usage: { promptTokens: 1, completionTokens: 1 },
      seconds: 1,
    },
  });
  const observation = (attempt: number, callId: string, text: string): JournalEntry => ({
    kind: 'observation',
    attempt,
    step: 1,
    observation: { callId, tool: 'execute_bash', title: 'execute_bash', text, outcome: 'ok', seconds: 1 },
  });
  const journal: JournalEntry[] = [
    { kind: 'stage', stage: 'working' },
    { kind: 'authorised', baseBranch: 'main', baseCommit: 'c0ffee' },
    turn(1, [
      ['a', 'ls'],
      ['b', 'pwd'],
    ]),
    observation(1, 'a', 'index.js'),
    turn(2, [['a', 'ls test']]),
    observation(2, 'a', 'adder.test.js'),
  ];

  it('gives the calls of an attempt with what they came to, and says which were never run', async () => {
    const { format, name, recording } = await read(lines(journal));

    expect([format, name]).toEqual(['devstral journal', 'attempt-1']);
    expect(recording).toMatchObject({ root: '/workspace', commit: 'c0ffee' });
    expect(recording.steps.map(brief)).toEqual([
      ['execute_bash', { command: 'ls' }, 'index.js'],
      ['not replayed', 'execute_bash', 'it was not run when this was recorded'],
    ]);
  });

  it('is as many recordings as it has attempts', async () => {
    const { recording } = await read(lines(journal), 'attempt-2');

    expect(recording.steps.map(brief)).toEqual([['execute_bash', { command: 'ls test' }, 'adder.test.js']]);
  });

  it('is refused where it was recorded before the agent began', async () => {
    await expect(read(lines(journal.slice(0, 2)))).rejects.toThrow(/holds no attempt of the agent/);
  });
});

const events = [
  {
    id: 0,
    source: 'user',
    action: 'message',
    args: { content: 'Look at <uploaded_files>\n/workspace/octo__adder__1.0\n</uploaded_files> and mend it.' },
  },
  { id: 1, source: 'agent', action: 'run', args: { command: 'ls', is_input: false, thought: '', timeout: 60 } },
  {
    id: 2,
    cause: 1,
    source: 'agent',
    observation: 'run',
    content: 'index.js',
    extras: { command: 'ls', metadata: { exit_code: 0, working_dir: '/workspace/octo__adder__1.0', pid: 7 } },
  },
  { id: 3, source: 'agent', action: 'run', args: { command: 'C-c', is_input: true }, timeout: 9000 },
  { id: 4, source: 'agent', action: 'read', args: { path: '/workspace/octo__adder__1.0/a.js', view_range: [1, 2] } },
  { id: 5, cause: 4, source: 'agent', observation: 'read', content: 'one\ntwo', extras: {} },
  {
    id: 6,
    source: 'agent',
    action: 'edit',
    args: {
      path: '/workspace/octo__adder__1.0/a.js',
      command: 'str_replace',
      file_text: null,
      old_str: 'one',
      new_str: 'uno',
      insert_line: null,
      start: 1,
      end: -1,
    },
  },
  { id: 7, cause: 6, source: 'agent', observation: 'error', content: 'ERROR:\nNo.', extras: { error_id: '' } },
  { id: 8, source: 'agent', action: 'browse_interactive', args: { browser_actions: 'noop()' } },
  { id: 9, source: 'agent', action: 'run_ipython', args: { code: '1 + 1' } },
  { id: 10, source: 'agent', action: 'think', args: { thought: 'Hm.' } },
  { id: 11, cause: 10, source: 'agent', observation: 'think', content: 'Your thought has been logged.' },
  {
    id: 12,
    source: 'environment',
    observation: 'agent_state_changed',
    content: '',
    extras: { agent_state: 'running' },
  },
  { id: 13, source: 'agent', action: 'finish', args: { final_thought: 'Mended.', task_completed: 'true' } },
];

const eventSteps = [
  [
    'execute_bash',
    { command: 'ls', timeout: 60 },
    'index.js\n[Current working directory: /workspace/octo__adder__1.0]\n[Command finished with exit code 0]',
  ],
  ['execute_bash', { command: 'C-c', is_input: 'true', timeout: 1800 }, null],
  ['str_replace_editor', { command: 'view', path: '/workspace/octo__adder__1.0/a.js', view_range: [1, 2] }, 'one\ntwo'],
  [
    'str_replace_editor',
    { command: 'str_replace', path: '/workspace/octo__adder__1.0/a.js', old_str: 'one', new_str: 'uno' },
    'ERROR:\nNo.',
  ],
  ['not replayed', 'browse_interactive', 'there is no such tool here'],
  ['not replayed', 'run_ipython', 'there is no such tool here'],
  ['think', { thought: 'Hm.' }, 'Your thought has been logged.'],
  ['finish', { message: 'Mended.' }, null],
];

describe('OpenHands', () => {
  it('is read from a trajectory, which is an array of events', async () => {
    const { format, recording } = await read(JSON.stringify(events, null, 2));

    expect(format).toBe('OpenHands');
    expect(recording.root).toBe('/workspace/octo__adder__1.0');
    expect(recording.steps.map(brief)).toEqual(eventSteps);
  });

  it('is read from the rows of an evaluation, by instance', async () => {
    const rows = [
      { instance_id: 'octo__adder-1', history: [events[1], events[2]], metrics: {} },
      { instance_id: 'octo__adder-2', instance: { base_commit: 'c0ffee' }, history: events },
    ];

    const first = await read(lines(rows));
    const second = await read(lines(rows), 'octo__adder-2');

    expect(first.recording.steps.map(brief)).toEqual(eventSteps.slice(0, 1));
    expect(second.name).toBe('octo__adder-2');
    expect(second.recording.commit).toBe('c0ffee');
    expect(second.recording.steps.map(brief)).toEqual(eventSteps);
  });

  it('is read from old rows too, where the history is made of pairs without numbers', async () => {
    const action = { source: 'agent', action: 'run', args: { command: 'ls' } };
    const result = { source: 'agent', observation: 'run', content: 'index.js', extras: { exit_code: 0 } };

    const { recording } = await read(JSON.stringify({ instance_id: 'octo__adder-1', history: [[action, result]] }));

    expect(recording.steps.map(brief)).toEqual([
      ['execute_bash', { command: 'ls' }, 'index.js\n[Command finished with exit code 0]'],
    ]);
  });
});

describe('messages', () => {
  const tool = (id: string, name: string, input: unknown) => ({
    id,
    type: 'function',
    function: { name, arguments: input },
  });

  it('are read with calls beside the text, under the names that other scaffolds use', async () => {
    const trajectory = [
      { role: 'system', content: 'You mend things.' },
      { role: 'user', content: [{ type: 'text', text: '<uploaded_files>\n/repo\n</uploaded_files>' }] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          tool('1', 'terminal', JSON.stringify({ command: 'ls', security_risk: 'LOW' })),
          tool('2', 'file_editor', { command: 'view', path: '/repo' }),
        ],
      },
      { role: 'tool', tool_call_id: '2', name: 'file_editor', content: 'two' },
      { role: 'tool', tool_call_id: '1', name: 'terminal', content: [{ type: 'text', text: 'one' }] },
      { role: 'assistant', content: 'x', tool_calls: [tool('3', 'browser', '{"code":"noop()"}')] },
      { role: 'tool', tool_call_id: '3', content: 'nothing' },
      { role: 'assistant', content: 'x', tool_calls: [tool('4', 'execute_bash', '{"command":')] },
      { role: 'assistant', content: 'x', tool_calls: [tool('', 'execute_bash', '{"command":"pwd"}')] },
      { role: 'tool', content: '/repo' },
      { role: 'assistant', content: '', tool_calls: [tool('5', 'finish', '')] },
    ];

    const { format, recording } = await read(JSON.stringify({ instance_id: 'octo__adder-1', trajectory }));

    expect([format, recording.root]).toEqual(['messages', '/repo']);
    expect(recording.steps.map(brief)).toEqual([
      ['execute_bash', { command: 'ls', security_risk: 'LOW' }, 'one'],
      ['str_replace_editor', { command: 'view', path: '/repo' }, 'two'],
      ['not replayed', 'browser', 'there is no such tool here'],
      ['not replayed', 'execute_bash', 'its arguments are not a JSON object'],
      ['execute_bash', { command: 'pwd' }, '/repo'],
      ['finish', { message: '' }, null],
    ]);
  });

  it('are read with calls as XML in the text, and results as what the user says', async () => {
    const messages = [
      { role: 'system', content: 'Such as <function=execute_bash>\n<parameter=command>never</parameter>\n</function>' },
      { role: 'user', content: 'Mend it.' },
      {
        role: 'assistant',
        content:
          'I look.\n\n<function=execute_bash>\n<parameter=command>\ncat <<E\n<b>\nE\n\n</parameter>\n<parameter=timeout>9</parameter>\n</function>',
      },
      { role: 'user', content: 'EXECUTION RESULT of [execute_bash]:\n<b>\n' },
      {
        role: 'assistant',
        content:
          '<function=str_replace_editor>\n<parameter=command>view</parameter>\n<parameter=path>/repo</parameter>',
      },
      { role: 'user', content: 'OBSERVATION:\nindex.js' },
      { role: 'assistant', content: 'I think that is all.' },
      { role: 'user', content: 'Go on.' },
      { role: 'assistant', content: '<function=submit>\n</function>' },
      { role: 'user', content: 'Thank you.' },
    ];
    const expected = [
      ['execute_bash', { command: 'cat <<E\n<b>\nE\n', timeout: '9' }, '<b>\n'],
      ['str_replace_editor', { command: 'view', path: '/repo' }, 'index.js'],
      ['finish', { message: '' }, null],
    ];

    const row = await read(JSON.stringify({ messages }));
    const asText = await read(JSON.stringify({ messages: JSON.stringify(messages) }));
    const bare = await read(JSON.stringify(messages));

    expect(row.recording.steps.map(brief)).toEqual(expected);
    expect(asText.recording.steps.map(brief)).toEqual(expected);
    expect(bare.recording.steps.map(brief)).toEqual(expected);
  });
});

describe('SWE-agent', () => {
  const steps = async (...actions: string[]) => {
    const trajectory = actions.map((action) => ({ action, observation: 'seen', thought: '', response: '' }));
    return (await read(JSON.stringify({ trajectory, history: [], info: {} }))).recording.steps.map(brief);
  };

  it('has a shell line for an action', async () => {
    const trajectory = [
      { action: 'ls -la\n', observation: 'index.js', state: { working_dir: '/testbed' } },
      { action: '', observation: 'Nothing was given.', state: {} },
      { action: 'submit', observation: 'diff --git', state: '{"working_dir": "/"}' },
    ];

    const { format, recording } = await read(
      JSON.stringify({ environment: 'main', trajectory, history: [], info: {} }),
    );

    expect([format, recording.root]).toEqual(['SWE-agent', '/testbed']);
    expect(recording.steps.map(brief)).toEqual([
      ['execute_bash', { command: 'ls -la' }, 'index.js'],
      ['not replayed', '(no action)', 'the step has no command'],
      ['finish', { message: '' }, null],
    ]);
  });

  it('has its editor as a command, with quoting over several lines', async () => {
    const replaced = await steps(
      `str_replace_editor str_replace /testbed/a.py --old_str 'def f():\n    return "$x" # it'"'"'s\n' --new_str ''`,
      'str_replace_editor view /testbed/a.py --view_range 1 -1',
      'str_replace_editor insert "/testbed/a b.py" --insert_line 3 --new_str="x = \\"1\\""',
      "str_replace_editor create /testbed/new.sh --file_text '#!/bin/sh\necho *.py --old_str\n'",
      'str_replace_editor undo_edit /testbed/a.py',
    );

    expect(replaced.map(([name, input]) => [name, input])).toEqual([
      [
        'str_replace_editor',
        {
          command: 'str_replace',
          path: '/testbed/a.py',
          old_str: 'def f():\n    return "$x" # it\'s\n',
          new_str: '',
        },
      ],
      ['str_replace_editor', { command: 'view', path: '/testbed/a.py', view_range: '[1, -1]' }],
      ['str_replace_editor', { command: 'insert', path: '/testbed/a b.py', insert_line: '3', new_str: 'x = "1"' }],
      [
        'str_replace_editor',
        { command: 'create', path: '/testbed/new.sh', file_text: '#!/bin/sh\necho *.py --old_str\n' },
      ],
      ['str_replace_editor', { command: 'undo_edit', path: '/testbed/a.py' }],
    ]);
  });

  it('says so where an editor line is more than one command', async () => {
    expect(await steps('str_replace_editor view /testbed/a.py && ls')).toEqual([
      ['not replayed', 'str_replace_editor view /testbed/a.py && ls', 'it is more than one editor command'],
    ]);
  });
});

describe('a file of several recordings', () => {
  const row = (instance_id: string, trajectory_id: string, command: string) => ({
    instance_id,
    trajectory_id,
    messages: [
      { role: 'user', content: 'Mend it.' },
      { role: 'assistant', content: `<function=execute_bash>\n<parameter=command>${command}</parameter>` },
    ],
  });
  const rows = [row('adder-1', 't-1', 'one'), row('adder-1', 't-2', 'two'), row('adder-2', 't-3', 'three')];

  it('gives the first, or the one that is named by any of its names', async () => {
    const chosen = [undefined, 't-2', 'adder-2', '#2'];

    const recordings = await Promise.all(
      chosen.map(async (instance, index) => {
        const file = join(folder, `several-${index}`);
        await writeFile(file, lines(rows));
        return (await readRecording(file, instance)).recording.steps.map(brief)[0]?.[1];
      }),
    );

    expect(recordings).toEqual(['one', 'two', 'three', 'two'].map((command) => ({ command })));
  });

  it('lists the names when the one that is wanted is not there or not alone', async () => {
    await expect(read(lines(rows), 'adder-3')).rejects.toThrow(
      /has no adder-3; --instance may be one of: adder-1 = t-1 = #1, adder-1 = t-2 = #2, adder-2 = t-3 = #3\.$/,
    );
    await expect(read(lines(rows), 'adder-1')).rejects.toThrow(
      /has 2 of adder-1; choose with --instance one of: adder-1 = t-1 = #1, adder-1 = t-2 = #2\.$/,
    );
  });
});

describe('a file that is no recording', () => {
  it.each([
    ['nothing', '', /in no format that can be replayed/],
    ['text', 'hello\n', /is neither JSON nor JSON Lines: line 1 cannot be read/],
    ['other JSON', '{"name":"adder"}', /in no format that can be replayed/],
    ['a number', '7', /in no format that can be replayed/],
    ['talk alone', '[{"role":"assistant","content":"Hello."}]', /has no tool calls to replay/],
    [
      'a row of another kind',
      lines([events[0], 7]),
      /looks like OpenHands, but #1 does not fit it at 1: Invalid input/,
    ],
  ])('is refused with what it is: %s', async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });
});
