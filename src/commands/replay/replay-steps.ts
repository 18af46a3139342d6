import { runCall } from '../../agent/run-call.ts';
import { openTools } from '../../agent/tools/all.ts';
import { EditHistory } from '../../agent/tools/edit-history.ts';
import type { Observation, ToolCall } from '../../core/attempt.ts';
import type { Sandbox } from '../../core/ports.ts';
import { type Comparison, compareObservations } from './compare-observations.ts';
import type { RecordedStep } from './recording.ts';
import { moveCall, movePaths } from './work-tree.ts';

/** One step of the recording, done again. */
export interface ReplayedStep {
  readonly number: number;
  readonly title: string;
  readonly result:
    | Comparison
    /** Done again, but the recording has nothing to compare it with. */
    | { readonly kind: 'not-compared' }
    | { readonly kind: 'not-replayed'; readonly reason: string };
}

/** Does a recording's calls again, in order, in this sandbox; `root` is where the repository was when it was recorded. */
export async function* replaySteps(
  { steps, root, sandbox }: { steps: readonly RecordedStep[]; root: string; sandbox: Sandbox },
  signal: AbortSignal,
): AsyncGenerator<ReplayedStep> {
  const run = callsIn(sandbox, signal);
  const back = (text: string) => movePaths(text, sandbox.workTree, root);
  for (const [index, step] of steps.entries()) {
    const number = index + 1;
    if (step.kind === 'not-replayed') {
      yield { number, title: step.title, result: { kind: 'not-replayed', reason: step.reason } };
      continue;
    }
    const { title, text } = await run(moveCall(step.call, root, sandbox.workTree));
    const result =
      step.observation === null ? { kind: 'not-compared' as const } : compareObservations(step.observation, back(text));
    yield { number, title: back(title), result };
  }
}

/** The agent's own way to run a call, with what it keeps between calls. */
function callsIn(sandbox: Sandbox, signal: AbortSignal): (call: ToolCall) => Promise<Observation> {
  const tools = openTools({ extras: true });
  const context = { sandbox, history: new EditHistory() };
  return async (call) => (await runCall(call, tools, context, signal)).observation;
}
