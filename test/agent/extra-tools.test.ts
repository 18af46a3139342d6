import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import { search } from '../../src/agent/tools/search.ts';
import { taskTracker } from '../../src/agent/tools/task-tracker.ts';
import { callTool } from '../support/call-tool.ts';
import { memorySandbox } from '../support/memory-sandbox.ts';
import { realSandbox } from '../support/real-sandbox.ts';

describe('search', () => {
  let opened: Awaited<ReturnType<typeof realSandbox>>;
  beforeAll(async () => {
    const signal = AbortSignal.timeout(60_000);
    opened = await realSandbox(signal);
    const file = (path: string, text: string) =>
      opened.sandbox.writeFile(`/workspace/${path}`, new TextEncoder().encode(text), signal);
    await file('src/one.ts', 'const add = (a, b) => a + b;\nconst Add = 1;\n');
    await file('src/two.js', 'add(1, 2); // "quoted" $(touch /tmp/pwned)\n');
    await file('many.txt', Array.from({ length: 400 }, (_, at) => `many ${at}`).join('\n'));
    await file('-n', 'dash\n');
  });
  afterAll(() => opened[Symbol.asyncDispose]());
  const find = (input: Record<string, unknown>) =>
    callTool(search(), input, { sandbox: opened.sandbox, history: new EditHistory() });

  it.each<[string, Record<string, unknown>, string | RegExp]>([
    [
      'lines with their place',
      { pattern: 'add', glob: '*.ts' },
      '/workspace/src/one.ts:1:const add = (a, b) => a + b;',
    ],
    [
      'capitals too',
      { pattern: 'add', path: '/workspace/src/one.ts', ignore_case: 'true' },
      /one\.ts:1:.*\n.*one\.ts:2:/,
    ],
    ['plain text', { pattern: '$(touch', fixed: true }, /^\/workspace\/src\/two\.js:1:/],
    ['only files', { pattern: 'add', files_only: true }, '/workspace/src/one.ts\n/workspace/src/two.js'],
    ['what begins with a dash', { pattern: '--no', path: '/workspace' }, 'No matches.'],
    ['a path that begins with a dash', { pattern: 'dash', path: '-n' }, '-n:1:dash'],
    ['nothing', { pattern: 'nosuchthing' }, 'No matches.'],
    ['what is wrong with a pattern', { pattern: '(' }, /unclosed group/],
    ['what is wrong with a path', { pattern: 'x', path: '/nowhere' }, /No such file or directory/],
    ['the first of many lines', { pattern: 'many' }, /many 199\n\[\.\.\. 200 more lines: narrow the pattern/],
  ])('shows %s', async (_name, input, expected) => {
    const text = await find(input);

    if (typeof expected === 'string') expect(text).toBe(expected);
    else expect(text).toMatch(expected);
  });

  it('runs nothing of what it is given', async () => {
    await find({
      pattern: '$(touch /tmp/pwned)`touch /tmp/pwned`; touch /tmp/pwned',
      path: '/workspace; touch /tmp/pwned',
    });

    const there = await opened.sandbox.readFile('/tmp/pwned', { maxBytes: 1 }, AbortSignal.timeout(5000));
    expect(there.kind).toBe('missing');
  });
});

describe('task_tracker', () => {
  it('keeps the list that it was last given, for one attempt', async () => {
    const tracker = taskTracker();
    const context = { sandbox: memorySandbox(), history: new EditHistory() };
    const task_list = [
      { id: '1', title: 'Find it', status: 'done' },
      { id: '2', title: 'Mend it', status: 'in_progress', notes: 'in index.js' },
    ];

    expect(await callTool(tracker, { command: 'view' }, context)).toBe('The list is empty.');
    await callTool(tracker, { command: 'plan', task_list }, context);

    expect(await callTool(tracker, { command: 'view' }, context)).toBe(
      'The list:\n[x] 1: Find it\n[~] 2: Mend it\n    in index.js',
    );
    expect(await callTool(taskTracker(), { command: 'view' }, context)).toBe('The list is empty.');
    expect(await callTool(tracker, { command: 'plan' }, context)).toMatch(/plan needs task_list/);
    expect(await callTool(tracker, { command: 'plan', task_list: [{ id: 1 }] }, context)).toMatch(/do not fit/);
  });
});
