import type { ScriptedTurn } from '../../simulation/model/script.ts';
import type { DemoRepository } from './demo-repository.ts';
import { type SourceEdit, sourceEdits } from './source-edits.ts';

/** What the scripted model does: `right` makes the edits of the fixing release, `wrong` an edit that mends nothing. */
export type ScriptName = 'right' | 'wrong';

const workTree = '/workspace';

/** Writes the script of the demo's model, out of what was fetched. */
export function demoScript(name: ScriptName, repository: DemoRepository): ScriptedTurn[] {
  const edits = [...repository.fixed].flatMap(([path, after]) =>
    sourceEdits(path, repository.files.get(path)?.toString('utf8') ?? '', after.toString('utf8')),
  );
  const look = edits[0];
  return [
    bash('I look at the repository first.', 'git log --oneline | head -n 3; ls; cat package.json | head -n 40'),
    bash('Now the tests as they are.', 'npm test 2>&1 | tail -n 25'),
    ...(look ? [view(look)] : []),
    ...(name === 'right' ? edits.map(replace) : [wrongEdit(look?.path ?? 'index.js')]),
    bash('The tests again, with the change.', 'npm test 2>&1 | tail -n 25'),
    bash('What the change comes to:', 'git diff --stat'),
    finish(name),
  ];
}

function bash(text: string, command: string): ScriptedTurn {
  return { text, calls: [{ name: 'execute_bash', arguments: { command } }] };
}

function view(edit: SourceEdit): ScriptedTurn {
  const last = edit.line + edit.before.split('\n').length - 1;
  const range = [edit.line, last];
  return editor('This is where it happens.', { command: 'view', path: `${workTree}/${edit.path}`, view_range: range });
}

function replace(edit: SourceEdit): ScriptedTurn {
  const { before: old_str, after: new_str } = edit;
  return editor('I change it here.', { command: 'str_replace', path: `${workTree}/${edit.path}`, old_str, new_str });
}

function wrongEdit(path: string): ScriptedTurn {
  const new_str = '// The reported input is handled below.';
  return editor('This should do.', { command: 'insert', path: `${workTree}/${path}`, insert_line: 0, new_str });
}

function editor(text: string, call: Record<string, unknown>): ScriptedTurn {
  return { text, calls: [{ name: 'str_replace_editor', arguments: call }] };
}

function finish(name: ScriptName): ScriptedTurn {
  const message =
    name === 'right'
      ? 'The reported input is now handled where it went wrong, and nothing else changes.'
      : 'I noted in the source how the reported input is handled.';
  return { text: '', calls: [{ name: 'finish', arguments: { message, task_completed: 'true' } }] };
}
