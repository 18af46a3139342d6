import { randomBytes } from 'node:crypto';

import type { Attempt, AttemptEnd, Observation, Step, Turn, Usage } from '../core/attempt.ts';
import type { Clock, Model, Sandbox } from '../core/ports.ts';
import type { JournalEntry, Limits } from '../core/run.ts';
import type { Task } from '../core/task.ts';
import { conversationOf } from './conversation-of.ts';
import { type Facts, systemPrompt, taskPrompt } from './prompt.ts';
import { runCall } from './run-call.ts';
import { tools } from './tools/all.ts';
import { EditHistory } from './tools/edit-history.ts';

/** What an attempt works with. */
export interface AttemptRequest {
  readonly number: number;
  readonly task: Task;
  readonly sandbox: Sandbox;
  readonly model: Model;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly facts: Facts;
  /** Writes to the run's journal; the next thing happens only when it is there. */
  readonly append: (entry: JournalEntry) => Promise<void>;
}

const formatErrors = 3; // DEVSTRAL §4.4: consecutive ones, then the attempt ends

/** Task + model + sandbox → attempt. Whatever ends it, what was changed is taken. */
export async function attemptTask(request: AttemptRequest, signal: AbortSignal): Promise<Attempt> {
  const started = request.clock.now().getTime();
  const steps: Step[] = [];
  const end = await work(request, steps, started, signal);
  return {
    number: request.number,
    end,
    patch: await request.sandbox.takePatch(signal),
    steps: steps.length,
    usage: usageOf(steps),
    seconds: (request.clock.now().getTime() - started) / 1000,
  };
}

async function work(request: AttemptRequest, steps: Step[], started: number, signal: AbortSignal): Promise<AttemptEnd> {
  const { sandbox, model, limits, clock, number: attempt, append } = request;
  const context = { sandbox, history: new EditHistory() };
  const system = systemPrompt(sandbox.workTree);
  const task = taskPrompt(request.task, request.facts, sandbox.workTree, randomBytes(8).toString('hex'));
  const definitions = tools.map((tool) => tool.definition);
  for (;;) {
    const limit = limitMet(steps, limits, model.contextTokens, clock.now().getTime() - started);
    if (limit) return { kind: 'limit', limit };
    if (endsInFormatErrors(steps)) return { kind: 'format-errors' };
    const turn = await model.ask({ messages: conversationOf(system, task, steps), tools: definitions }, signal);
    const step = { number: steps.length + 1, turn, observations: [] as Observation[] };
    // The answer is paid for: it is on record before anything it asks for is done.
    await append({ kind: 'turn', attempt, step: step.number, turn });
    steps.push(step);
    for (const call of turn.toolCalls) {
      const { observation, finished } = await runCall(call, context, signal);
      step.observations.push(observation);
      await append({ kind: 'observation', attempt, step: step.number, observation });
      if (finished !== null) return { kind: 'finished', message: finished };
    }
  }
}

// The context counts as full a little early: the next observation and the answer need room too.
const contextShare = 0.9;

type LimitName = Extract<AttemptEnd, { kind: 'limit' }>['limit'];

function limitMet(steps: readonly Step[], limits: Limits, contextTokens: number, elapsedMs: number): LimitName | null {
  const last = steps.at(-1)?.turn.usage;
  if (last && last.promptTokens + last.completionTokens > contextTokens * contextShare) return 'context';
  const { promptTokens, completionTokens } = usageOf(steps);
  if (steps.length >= limits.steps) return 'steps';
  if (promptTokens + completionTokens >= limits.tokens) return 'tokens';
  return elapsedMs >= limits.minutes * 60_000 ? 'minutes' : null;
}

/** Talk without a call, or calls none of which could be run, several times in a row. */
function endsInFormatErrors(steps: readonly Step[]): boolean {
  const last = steps.slice(-formatErrors);
  return last.length === formatErrors && last.every(isFormatError);
}

function isFormatError({ turn, observations }: { turn: Turn; observations: readonly Observation[] }): boolean {
  return turn.toolCalls.length === 0 || observations.every((each) => each.outcome === 'rejected');
}

function usageOf(steps: readonly Step[]): Usage {
  return {
    promptTokens: steps.reduce((sum, step) => sum + step.turn.usage.promptTokens, 0),
    completionTokens: steps.reduce((sum, step) => sum + step.turn.usage.completionTokens, 0),
  };
}
