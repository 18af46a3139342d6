import { createHash } from 'node:crypto';

import type { Attempt, AttemptEnd, Condensation, Notice, Observation, Step, ToolCall, Turn } from '../core/attempt.ts';
import { ContextOverflow, LeaseLost, OutsideError } from '../core/errors.ts';
import type { Clock, Model, Sandbox } from '../core/ports.ts';
import type { JournalEntry, Limits } from '../core/run.ts';
import type { Task } from '../core/task.ts';
import type { Trajectory } from '../core/trajectory.ts';
import { ContextMeter, limitMet, usedBy } from './budget.ts';
import { Checkpoints } from './checkpoints.ts';
import { condense } from './condense.ts';
import { conversationOf } from './conversation-of.ts';
import { noticesAt, stuckEnd } from './notices.ts';
import { type Facts, systemPrompt, taskPrompt } from './prompt.ts';
import { restore } from './restore.ts';
import { reviewText } from './review.ts';
import { runCall } from './run-call.ts';
import { openTools } from './tools/all.ts';
import { EditHistory } from './tools/edit-history.ts';
import type { Tool, ToolContext } from './tools/tool.ts';

/** How an attempt goes about its work. */
interface Manner {
  /** As in the paper's evaluation: no condensing, no notices, no advice, no checklist. */
  readonly paper: boolean;
  /** The tools that the paper did without. */
  readonly extraTools: boolean;
}

/** What an attempt works with. */
export interface AttemptRequest {
  readonly run: string;
  readonly number: number;
  readonly task: Task;
  readonly sandbox: Sandbox;
  readonly model: Model;
  readonly limits: Limits;
  readonly manner: Manner;
  readonly clock: Clock;
  readonly facts: Facts;
  /** What an earlier worker did of this attempt; the sandbox holds its last checkpoint. */
  readonly before: Trajectory;
  /** Asked to come to an end now: what was changed by then is still taken. Aborted with 'other-attempt' where that is why. */
  readonly stop: AbortSignal;
  /** Writes to the run's journal; the next thing happens only when it is there. */
  readonly append: (entry: JournalEntry) => Promise<void>;
}

const formatErrors = 3; // DEVSTRAL §4.4: consecutive ones, then the attempt ends
const callsPerTurn = 20; // limits are looked at between turns
const tooManyCalls = `This call was not run: at most ${callsPerTurn} calls of one message are.`;
const fullShare = 0.9;
const roomyShare = 0.6;

/** Task + model + sandbox → attempt. Whatever ends it, what was changed is taken. */
export async function attemptTask(request: AttemptRequest, signal: AbortSignal): Promise<Attempt> {
  const work = new Work(request);
  const end = await work.toTheEnd(signal);
  const { steps, minutes, promptTokens, completionTokens } = usedBy(work);
  return {
    number: request.number,
    end,
    patch: await request.sandbox.takePatch(signal),
    steps,
    usage: { promptTokens, completionTokens },
    seconds: minutes * 60,
  };
}

/** One attempt at work. All it decides by is on record: a worker that takes over finds the same state in the journal. */
class Work {
  readonly steps: Step[];
  readonly condensations: Condensation[];
  readonly #request: AttemptRequest;
  readonly #prompts: { readonly system: string; readonly task: string };
  readonly #tools: readonly Tool[];
  readonly #context: ToolContext;
  readonly #checkpoints: Checkpoints;
  readonly #meter = new ContextMeter();
  #restarted: Notice | null = null;

  constructor(request: AttemptRequest) {
    const { before, sandbox, manner } = request;
    this.#request = request;
    this.steps = before.steps.map((step) => ({ ...step, observations: [...step.observations] }));
    this.condensations = [...before.condensations];
    // Nobody could know it when the text it fences off was written: runs get their name afterwards.
    const nonce = createHash('sha256').update(`${request.run} ${request.number}`).digest('hex').slice(0, 16);
    this.#prompts = {
      system: systemPrompt(sandbox.workTree),
      task: taskPrompt(request.task, request.facts, sandbox.workTree, nonce),
    };
    this.#tools = openTools({ extras: manner.extraTools && !manner.paper });
    this.#context = { sandbox, history: new EditHistory() };
    this.#checkpoints = new Checkpoints({ ...request, attempt: request.number }, before.checkpoint);
  }

  async toTheEnd(signal: AbortSignal): Promise<AttemptEnd> {
    const { stop, clock, limits } = this.#request;
    const done = new AbortController();
    const timeOver = new AbortController();
    const leftMs = Math.max(0, (limits.minutes - usedBy(this).minutes) * 60_000);
    void clock.sleep(leftMs, done.signal).then(
      () => timeOver.abort(new Error('The time of the attempt is over')),
      () => {},
    );
    try {
      return await this.#work(AbortSignal.any([signal, stop, timeOver.signal]));
    } catch (error) {
      if (!signal.aborted && stop.aborted)
        return { kind: 'stopped', by: stop.reason === 'other-attempt' ? 'other-attempt' : 'request' };
      if (!signal.aborted && timeOver.signal.aborted) return { kind: 'limit', limit: 'minutes' };
      // Somebody will go on from here: with what lies in the work tree now, if it can still be had.
      if (!(error instanceof LeaseLost)) await this.#checkpoints.take(AbortSignal.timeout(10_000)).catch(() => {});
      throw error;
    } finally {
      done.abort();
    }
  }

  async #work(signal: AbortSignal): Promise<AttemptEnd> {
    if (this.steps.length > 0)
      this.#restarted = await restore(this.#tools, this.#context, this.#request.before, signal);
    const last = this.steps.at(-1);
    const unfinished = last && (finishedIn(last) ?? (await this.#runCalls(last, signal)));
    if (unfinished) return unfinished;
    for (;;) {
      signal.throwIfAborted();
      const end = this.#endNow();
      if (end) return end;
      const turn = await this.#nextTurn(signal);
      if ('kind' in turn) return turn;
      const step = { number: this.steps.length + 1, turn, observations: [] };
      // The answer is paid for: it is on record before anything it asks for is done.
      await this.#request.append({ kind: 'turn', attempt: this.#request.number, step: step.number, turn });
      this.steps.push(step);
      const finished = await this.#runCalls(step, signal);
      if (finished) return finished;
    }
  }

  /** What ends the attempt before the model is asked again. */
  #endNow(): AttemptEnd | null {
    const { limits, manner } = this.#request;
    const limit = limitMet(usedBy(this), limits);
    if (limit) return { kind: 'limit', limit };
    const stuck = stuckEnd(this.steps, manner);
    if (stuck) return { kind: 'stuck', rule: stuck };
    const last = this.steps.slice(-formatErrors);
    return last.length === formatErrors && last.every(isFormatError) ? { kind: 'format-errors' } : null;
  }

  /** The model's next turn, from a conversation that fits. */
  async #nextTurn(signal: AbortSignal): Promise<Turn | AttemptEnd> {
    const { model, append, number } = this.#request;
    const isTooLong = { kind: 'limit', limit: 'context' } as const;
    for (let condensed = 0; ; condensed++) {
      const messages = conversationOf(this.#prompts, this);
      const share = this.#meter.share(messages, model);
      // Where shortening alone would have to be done again soon, the conversation is summed up at once.
      let next = share > (condensed === 1 ? roomyShare : fullShare) ? await this.#condense(condensed, signal) : null;
      if (!next) {
        if (share > fullShare) return isTooLong;
        const told = await this.#ask(messages, signal);
        if (told.kind === 'error') return told;
        if (told.kind === 'turn') return told.turn;
        next = await this.#condense(condensed, signal);
      }
      if (!next) return isTooLong;
      await append({ kind: 'condensed', attempt: number, condensation: next });
      this.condensations.push(next);
    }
  }

  /** THREATS M6: two in a row that did not help are enough. */
  async #condense(before: number, signal: AbortSignal): Promise<Condensation | null> {
    const { manner, model } = this.#request;
    if (manner.paper || before === 2) return null;
    return await condense(this.#prompts, this, model, signal).catch((error: unknown) => {
      // A server that refuses to sum up leaves nothing else to try; what was changed is not lost for it.
      if (error instanceof OutsideError && error.retry === 'never') return null;
      throw error;
    });
  }

  async #ask(
    messages: ReturnType<typeof conversationOf>,
    signal: AbortSignal,
  ): Promise<{ kind: 'turn'; turn: Turn } | { kind: 'too-long' } | Extract<AttemptEnd, { kind: 'error' }>> {
    const { model, number } = this.#request;
    const tools = this.#tools.map((tool) => tool.definition);
    // DEVSTRAL §2.1: the same question gets another answer on a second try only where there is some chance in it.
    const temperature = number > 1 && model.temperature === 0 ? 0.1 : model.temperature;
    try {
      const answer = model.ask({ messages, tools, temperature }, signal);
      const turn = await this.#checkpoints.during(answer, signal);
      this.#meter.note(messages, turn.usage);
      return { kind: 'turn', turn: withIds(turn, this.steps.length + 1) };
    } catch (error) {
      if (error instanceof ContextOverflow) return { kind: 'too-long' };
      if (error instanceof OutsideError && error.retry === 'never') return { kind: 'error', reason: error.message };
      throw error;
    }
  }

  /** Runs the calls of a step that have no result yet. */
  async #runCalls(step: Step, signal: AbortSignal): Promise<AttemptEnd | null> {
    for (const call of step.turn.toolCalls.slice(step.observations.length)) {
      const isTooMany = step.observations.length >= callsPerTurn;
      const asked = isTooMany ? { ...call, problem: tooManyCalls } : call;
      const { observation, finished } = await runCall(asked, this.#tools, this.#context, signal);
      const counts = finished !== null && this.#finishCounts();
      await this.#observe(step, finished === null || counts ? observation : await this.#reviewed(observation, signal));
      if (counts) return { kind: 'finished', message: finished };
    }
    const mayHaveChanged = step.turn.toolCalls.some(
      ({ name }) => this.#tools.find((tool) => tool.definition.name === name)?.repeats === 'since-checkpoint',
    );
    if (mayHaveChanged) this.#checkpoints.changed(step.number);
    return null;
  }

  /** The first `finish` is answered with a checklist, where there is room for an answer to it. */
  #finishCounts(): boolean {
    const { manner, limits } = this.#request;
    const asked = this.steps.some((step) =>
      step.observations.some(({ tool, outcome }) => tool === 'finish' && outcome === 'ok'),
    );
    return manner.paper || asked || limitMet(usedBy(this), limits) !== null;
  }

  async #reviewed(observation: Observation, signal: AbortSignal): Promise<Observation> {
    const { diff } = await this.#request.sandbox.peekPatch(signal);
    return { ...observation, title: 'finish: was shown its changes and a checklist first', text: reviewText(diff) };
  }

  async #observe(step: Step, observation: Observation): Promise<void> {
    const { append, number, limits, manner } = this.#request;
    step.observations.push(observation);
    const notices = noticesAt(this, this.#restarted, { limits, manner });
    const told = notices.length > 0 ? { ...observation, notices } : observation;
    step.observations[step.observations.length - 1] = told;
    this.#restarted = null;
    await append({ kind: 'observation', attempt: number, step: step.number, observation: told });
  }
}

/** The end that a step already led to, where a worker was killed between the two. */
function finishedIn({ turn, observations }: Step): AttemptEnd | null {
  const last = observations.at(-1);
  if (last?.tool !== 'finish' || last.text !== 'Done.') return null;
  const call = turn.toolCalls.find(({ id }) => id === last.callId);
  const { message } = JSON.parse(call?.arguments ?? '{}') as { message?: unknown };
  return { kind: 'finished', message: String(message ?? '') };
}

/** Talk without a call, or calls none of which could be run. */
function isFormatError({ turn, observations }: Step): boolean {
  return turn.toolCalls.length === 0 || observations.every((each) => each.outcome === 'rejected');
}

/** Names of our own for the calls: nine letters and digits, the same on every reading, never twice (DEVSTRAL §4.2). */
function withIds(turn: Turn, step: number): Turn {
  const named = (call: ToolCall, at: number) => ({
    ...readable(call),
    id: `s${String(step).padStart(5, '0')}c${String(at).padStart(2, '0')}`,
  });
  return { ...turn, toolCalls: turn.toolCalls.map(named) };
}

/** Only arguments that are a JSON object are kept and sent again; a call without them is answered and not run. */
function readable(call: ToolCall): ToolCall {
  if (parses(call.arguments)) return call;
  const problem = call.problem ?? 'The arguments are not a JSON object. Call the tool again with one.';
  return { ...call, arguments: '{}', problem };
}

function parses(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
