import { describe, expect, it } from 'vitest';

import type { RecordedStep } from '../../../src/commands/replay/recording.ts';
import { guessRoot, moveCall, movePaths } from '../../../src/commands/replay/work-tree.ts';

const step = (name: string, input: unknown): RecordedStep => ({
  kind: 'call',
  call: { id: '1', name, arguments: JSON.stringify(input) },
  observation: null,
});
const bash = (command: string) => step('execute_bash', { command });
const view = (path: string) => step('str_replace_editor', { command: 'view', path });

describe('moving paths', () => {
  it.each([
    ['/testbed', '/workspace'],
    ['cd /testbed/src && ls /testbed', 'cd /workspace/src && ls /workspace'],
    ['"/testbed":\'/testbed/a\'', '"/workspace":\'/workspace/a\''],
    ['PYTHONPATH=/testbed:/testbed/lib', 'PYTHONPATH=/workspace:/workspace/lib'],
    ['file:///testbed/a.js:1:2', 'file:///workspace/a.js:1:2'],
    ['It is in /testbed.', 'It is in /workspace.'],
    ['/testbed2 /testbed-old /testbed.old /home/testbed /opt//testbed', null],
    ['testbed', null],
  ])('%s', (text, moved) => {
    expect(movePaths(text, '/testbed', '/workspace')).toBe(moved ?? text);
  });

  it('takes the root for what it is, not for a pattern', () => {
    expect(movePaths('/workspace/a__b__4.1/x /workspace/a__b__4-1/x', '/workspace/a__b__4.1', '/workspace')).toBe(
      '/workspace/x /workspace/a__b__4-1/x',
    );
    expect(movePaths('/repo/a', '/repo', '/$&')).toBe('/$&/a');
  });

  it('reaches every text among the arguments of a call, and leaves the rest', () => {
    const call = { id: '1', name: 'x', arguments: '{"path":"/repo/a","list":["/repo","-1"],"number":3}' };

    expect(moveCall(call, '/repo', '/workspace')).toEqual({
      ...call,
      arguments: '{"path":"/workspace/a","list":["/workspace","-1"],"number":3}',
    });
    expect(moveCall({ ...call, arguments: '{"path":' }, '/repo', '/workspace').arguments).toBe('{"path":');
  });
});

describe('guessing where the repository was', () => {
  it.each([
    ['the first directory gone to', [bash('ls; cd "/code/adder/" && ls'), bash('cd /code/adder/test')], '/code/adder'],
    ['the directory above the first path', [view('/code/adder/a.js'), bash('cd /code/adder && ls')], '/code/adder'],
    ['a usual place', [view('/testbed/src/a.py')], '/testbed'],
    ['not where throw-away files go', [bash('cd /tmp && ls'), view('/tmp/x.py'), view('/repo')], '/repo'],
    [
      'a folder named as the instance',
      [bash('cd /workspace'), view('/workspace/a__b__4.1/x.py')],
      '/workspace/a__b__4.1',
    ],
    ['our own', [view('/workspace/src/a.js')], '/workspace'],
    ['nowhere', [bash('ls'), view('a.js'), bash('echo cd /nowhere')], null],
  ])('%s', (_, steps, root) => {
    expect(guessRoot(steps)).toBe(root);
  });
});
