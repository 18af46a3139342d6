import type { Notice, Observation, ToolCall } from '../core/attempt.ts';
import type { Trajectory } from '../core/trajectory.ts';
import { runCall } from './run-call.ts';
import type { Tool, ToolContext } from './tools/tool.ts';

const commandSeconds = 300; // commands that took longer together are not all run again

/**
 * Brings a fresh sandbox, which holds the last checkpoint, to where the lost one was: the calls since are made again.
 * Gives what the model has to be told; its conversation goes on as if nothing had happened, but the shell is a new one.
 */
export async function restore(
  tools: readonly Tool[],
  context: ToolContext,
  { steps, checkpoint }: Trajectory,
  signal: AbortSignal,
): Promise<Notice> {
  const from = checkpoint?.step ?? 0;
  const directory = directoryAfter(steps.filter(({ number }) => number <= from).flatMap((step) => step.observations));
  if (directory) await context.sandbox.run(`cd ${quoted(directory)}`, { timeoutMs: 10_000 }, signal);

  let seconds = 0;
  let left = false;
  for (const { number, turn, observations } of steps) {
    for (const call of turn.toolCalls) {
      const observed = observations.find(({ callId }) => callId === call.id);
      const repeats = tools.find((tool) => tool.definition.name === call.name)?.repeats;
      if (!observed || observed.outcome === 'rejected' || repeats === 'never') continue;
      if (repeats === 'since-checkpoint' && number <= from) continue;
      if (call.name === 'execute_bash') seconds += observed.seconds;
      if (!isRepeatable(call, observed) || seconds > commandSeconds) left = true;
      else await runCall(call, tools, context, signal);
    }
  }
  const newest = steps.findLast(({ observations }) => observations.length > 0)?.number ?? 0;
  return { kind: 'restarted', text: noticeText({ from, newest, left }) };
}

/** A command that was still running, or was typed to, depends on what is gone. */
function isRepeatable({ name }: ToolCall, { text }: Observation): boolean {
  return name !== 'execute_bash' || /\[Command finished with exit code \d+\]$/.test(text);
}

function noticeText({ from, newest, left }: { from: number; newest: number; left: boolean }): string {
  const files = left
    ? `Files are as after step ${from}, and what was done since up to step ${newest} was done again as far as possible: look with \`git status\` before you rely on it.`
    : `Files are as after step ${newest}.`;
  return `The sandbox had to be rebuilt after step ${newest}. ${files} The shell is a new one: variables, functions and programs in the background are gone, and so is what the editor could undo.`;
}

/** The directory that the shell was in, from what the model was shown. */
function directoryAfter(observations: readonly Observation[]): string | null {
  for (const { text } of observations.toReversed()) {
    const found = /\n\[Current working directory: (.+)\]\n\[Command finished/.exec(text)?.[1];
    if (found) return found;
  }
  return null;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
