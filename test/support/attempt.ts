import { setTimeout } from 'node:timers/promises';

import { profiles } from '../../src/adapters/openai/profiles.ts';
import { wireRequest } from '../../src/adapters/openai/wire.ts';
import { type AttemptRequest, attemptTask } from '../../src/agent/attempt-task.ts';
import type { Attempt, Observation, ToolCall, Turn } from '../../src/core/attempt.ts';
import type { Message } from '../../src/core/conversation.ts';
import type { Model } from '../../src/core/ports.ts';
import type { JournalEntry } from '../../src/core/run.ts';
import { checkRequest } from '../../src/simulation/model/conversation-check.ts';
import { task } from '../contracts/runs.ts';
import { memorySandbox } from './memory-sandbox.ts';

/** A turn that calls these tools. */
export const turn = (...calls: [name: string, args: unknown][]): Turn => ({
  text: '',
  toolCalls: calls.map(
    ([name, args], at): ToolCall => ({
      id: `call${at}`,
      name,
      arguments: typeof args === 'string' ? args : JSON.stringify(args),
    }),
  ),
  finish: calls.length > 0 ? 'tool_calls' : 'stop',
  usage: { promptTokens: 100, completionTokens: 10 },
  seconds: 0,
});
export const talk = (text: string): Turn => ({ ...turn(), text });
export const bash = (command: string): Turn => turn(['execute_bash', { command }]);
export const finish = turn(['finish', { message: 'Done.' }]);

/** An attempt as it went: what came of it, what is on record, what the model was asked, and what servers would have refused. */
interface Attempted {
  readonly result: Attempt;
  readonly journal: readonly JournalEntry[];
  readonly observations: readonly Observation[];
  readonly asked: readonly (readonly Message[])[];
  readonly refused: readonly string[];
}

/** What the model answers: turns in order, the last one again and again, or a function of how often it was asked. */
type Answers = readonly Turn[] | ((asked: number, messages: readonly Message[]) => Turn | Promise<Turn>);

/** Runs an attempt whose model gives these turns; every request is checked as servers do. */
export async function attempt(
  answers: Answers,
  { model: about = {}, ...changes }: Partial<Omit<AttemptRequest, 'model'>> & { model?: Partial<Model> } = {},
  signal = new AbortController().signal,
): Promise<Attempted> {
  const journal: JournalEntry[] = [];
  const refused: string[] = [];
  const asked: Message[][] = [];
  const request: AttemptRequest = {
    run: 'testrun',
    number: 1,
    task,
    sandbox: memorySandbox({ '/workspace/a.txt': 'one\ntwo\n' }),
    model: {
      name: 'devstral',
      contextTokens: 100_000,
      answerTokens: 4_000,
      temperature: 0.15,
      ask: async ({ messages, tools }) => {
        for (const profile of Object.values(profiles)) {
          for (const dialect of ['native', 'xml'] as const) {
            const checked = checkRequest({ model: 'devstral', ...wireRequest(messages, tools, profile, dialect) });
            if (checked.kind === 'refused') refused.push(checked.message);
          }
        }
        signal.throwIfAborted();
        asked.push([...messages]);
        if (typeof answers === 'function') return await answers(asked.length, messages);
        const next = answers[Math.min(asked.length, answers.length) - 1];
        if (!next) throw new Error('no turn');
        return next;
      },
      ...about,
    },
    limits: { steps: 10, tokens: 100_000, minutes: 5 },
    clock: { now: () => new Date(), sleep: (ms, until) => setTimeout(ms, undefined, { signal: until }) },
    manner: { paper: false, extraTools: true },
    before: { steps: [], condensations: [], checkpoint: null },
    stop: new AbortController().signal,
    facts: { baseline: null, instructions: [{ path: 'AGENTS.md', text: 'Be kind.' }], lastFailure: null },
    append: async (entry) => void journal.push(entry),
    ...changes,
  };
  const result = await attemptTask(request, signal);
  const observations = journal.flatMap((entry) => (entry.kind === 'observation' ? [entry.observation] : []));
  return { result, journal, observations, asked, refused };
}
