import { z } from 'zod';

import { Content } from './content.ts';
import { parseEditorLine } from './editor-line.ts';
import { foreignCall } from './foreign-call.ts';
import type { RecordedStep, Recording, RecordingFormat } from './recording.ts';
import { rootInPrompt } from './root-in-prompt.ts';

const Step = z.object({
  action: z.string(),
  observation: z.string().nullish(),
  state: z.unknown().optional(),
});

const Row = z.object({
  instance_id: z.string().optional(),
  trajectory: z.array(Step).min(1),
  history: z.array(z.object({ content: Content })).optional(),
});
type Row = z.infer<typeof Row>;

/** SWE-agent's `.traj`: every action is a line for its shell, where its tools are commands. */
export const sweAgentFormat: RecordingFormat = {
  name: 'SWE-agent',
  find(rows) {
    if (!Head.safeParse(rows[0]).success) return null;
    return rows.map((row) => {
      const id = Head.safeParse(row).data?.instance_id;
      return {
        names: id ? [id] : [],
        read: () => recordingOf(Row.parse(row)),
      };
    });
  },
};

const Head = z.object({
  instance_id: z.string().optional(),
  trajectory: z.tuple([z.object({ action: z.string() })], z.unknown()),
});

function recordingOf({ trajectory, history = [] }: Row): Recording {
  const named = history.map(({ content }) => rootInPrompt(content)).find((root) => root !== null);
  return { steps: trajectory.map(stepOf), root: named ?? workingDirectory(trajectory[0]?.state), commit: null };
}

function stepOf({ action, observation = null }: z.infer<typeof Step>, index: number): RecordedStep {
  const id = `step-${index + 1}`;
  const line = action.trim();
  if (line === '') return { kind: 'not-replayed', title: '(no action)', reason: 'the step has no command' };
  if (line === 'submit') return foreignCall({ id, name: 'finish', input: {}, observation });
  if (!/^str_replace_editor\s/.test(line))
    return foreignCall({ id, name: 'execute_bash', input: { command: line }, observation });
  const input = parseEditorLine(line);
  if (input) return foreignCall({ id, name: 'str_replace_editor', input, observation });
  return { kind: 'not-replayed', title: line.split('\n')[0] ?? '', reason: 'it is more than one editor command' };
}

const State = z.object({ working_dir: z.string().startsWith('/') });

/** Where the first command left the shell: as an object, or as the text of one in older files. */
function workingDirectory(state: unknown): string | null {
  const value = typeof state === 'string' ? parsed(state) : state;
  return State.safeParse(value).data?.working_dir ?? null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
