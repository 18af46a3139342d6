import { openTools } from '../../agent/tools/all.ts';
import type { RecordedStep } from './recording.ts';

const known = openTools({ extras: true }).map((tool) => tool.definition.name);

// What other scaffolds call the tools that we have.
const aliases: Readonly<Record<string, string>> = {
  bash: 'execute_bash',
  terminal: 'execute_bash',
  file_editor: 'str_replace_editor',
  submit: 'finish',
};

/** A call that another scaffold recorded, in our tools' terms; one of a tool that we lack is kept as not replayed. */
export function foreignCall(recorded: {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly observation: string | null;
}): RecordedStep {
  const name = aliases[recorded.name] ?? recorded.name;
  if (!known.includes(name))
    return { kind: 'not-replayed', title: recorded.name, reason: 'there is no such tool here' };
  // What a scaffold answers to the end is about itself, not about the repository.
  const ends = name === 'finish';
  const input = ends ? { message: '', ...recorded.input } : recorded.input;
  const call = { id: recorded.id, name, arguments: JSON.stringify(input) };
  return { kind: 'call', call, observation: ends ? null : recorded.observation };
}
