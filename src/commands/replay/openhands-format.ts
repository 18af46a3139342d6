import { z } from 'zod';

import { foreignCall } from './foreign-call.ts';
import type { FoundRecording, RecordedStep, Recording, RecordingFormat } from './recording.ts';
import { rootInPrompt } from './root-in-prompt.ts';

const Event = z.object({
  id: z.number().nullish(),
  source: z.string().nullish(),
  action: z.string().optional(),
  args: z.record(z.string(), z.unknown()).optional(),
  timeout: z.number().nullish(),
  observation: z.string().optional(),
  cause: z.number().nullish(),
  content: z.string().nullish(),
  extras: z.record(z.string(), z.unknown()).optional(),
});
type Event = z.infer<typeof Event>;

const Row = z.object({
  instance_id: z.string().optional(),
  instruction: z.string().nullish(),
  // Old files pair each action with its observation.
  history: z.array(z.union([Event, z.array(Event)])).transform((history) => history.flat()),
  instance: z.object({ base_commit: z.string().nullish() }).nullish(),
});

const Head = z.object({
  instance_id: z.string().optional(),
  history: z.tuple([z.union([z.object({}), z.array(z.object({}))])], z.unknown()),
});

const FirstEvent = z.union([
  z.object({ source: z.string(), action: z.string(), args: z.unknown().optional() }),
  z.object({ source: z.string(), observation: z.string(), content: z.unknown().optional() }),
]);

/** OpenHands: a trajectory (an array of events) or an evaluation's `output.jsonl` (a row for each instance). */
export const openHandsFormat: RecordingFormat = {
  name: 'OpenHands',
  find(rows) {
    if (FirstEvent.safeParse(rows[0]).success)
      return [{ names: [], read: () => recordingOf(z.array(Event).parse(rows), null, null) }];
    if (!Head.safeParse(rows[0]).success) return null;
    return rows.map(foundRow);
  },
};

function foundRow(row: unknown): FoundRecording {
  const id = Head.safeParse(row).data?.instance_id;
  return {
    names: id ? [id] : [],
    read: () => {
      const { history, instruction, instance } = Row.parse(row);
      return recordingOf(history, instruction ?? null, instance?.base_commit ?? null);
    },
  };
}

function recordingOf(events: readonly Event[], instruction: string | null, commit: string | null): Recording {
  const steps = events.flatMap((event, index) => {
    const step = event.action && event.source === 'agent' ? stepOf(event, observationOf(event, index, events)) : null;
    return step ? [step] : [];
  });
  const asked = events.find((event) => event.action === 'message' && event.source === 'user');
  return { steps, root: rootInPrompt(instruction ?? text(asked?.args?.content)), commit };
}

/** The event that an action caused; in files without ids, the one after it. */
function observationOf(action: Event, index: number, events: readonly Event[]): string | null {
  const next = events[index + 1];
  const caused =
    action.id == null ? next : (events.find((event) => event.observation && event.cause === action.id) ?? null);
  return caused?.observation ? `${caused.content ?? ''}${footerOf(caused.extras)}` : null;
}

const Metadata = z.object({ exit_code: z.number().optional(), working_dir: z.string().nullish() });

/** Events keep exit code and directory beside the text; the model was shown them as lines under it. */
function footerOf(extras: Event['extras']): string {
  const metadata = Metadata.safeParse(extras?.metadata ?? extras).data;
  const directory = metadata?.working_dir ? `\n[Current working directory: ${metadata.working_dir}]` : '';
  return metadata?.exit_code === undefined
    ? directory
    : `${directory}\n[Command finished with exit code ${metadata.exit_code}]`;
}

// Events of the agent's machinery, which are not calls of a tool.
const notCalls = ['message', 'system', 'recall', 'null', 'change_agent_state', 'condensation', 'condensation_request'];

function stepOf({ id, action = '', args = {}, timeout }: Event, observation: string | null): RecordedStep | null {
  if (notCalls.includes(action)) return null;
  const call = (name: string, input: Record<string, unknown>) =>
    foreignCall({ id: `event-${id ?? 'unnumbered'}`, name, input: withoutEmpty(input), observation });
  const { path } = args;
  switch (action) {
    case 'run':
      return call('execute_bash', {
        command: args.command,
        is_input: args.is_input === true || args.is_input === 'true' ? 'true' : undefined,
        timeout: seconds(args.timeout) ?? seconds(timeout),
      });
    case 'read':
      return call('str_replace_editor', { command: 'view', path, view_range: args.view_range });
    case 'edit': {
      const { command, file_text, old_str, new_str, insert_line } = args;
      if (!command)
        return { kind: 'not-replayed', title: 'edit', reason: 'it was edited by a model, not by a command' };
      return call('str_replace_editor', { command, path, file_text, old_str, new_str, insert_line });
    }
    case 'think':
      return call('think', { thought: args.thought ?? '' });
    case 'finish':
      return call('finish', { message: text(args.final_thought) || text(args.message) });
    default:
      return call(action, args);
  }
}

const longestSeconds = 1800; // what our shell takes; recorders let commands run longer

function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? Math.min(value, longestSeconds) : undefined;
}

/** Parameters that the event leaves empty were not given. */
function withoutEmpty(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
