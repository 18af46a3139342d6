import type { AttemptEnd, Condensation, Step, Usage } from '../core/attempt.ts';
import type { Message } from '../core/conversation.ts';
import type { Model } from '../core/ports.ts';
import type { Limits } from '../core/run.ts';
import type { Trajectory } from '../core/trajectory.ts';

/** What an attempt has used of each of its limits. */
export function usedBy({ steps, condensations }: Pick<Trajectory, 'steps' | 'condensations'>): Limits & Usage {
  const asked: readonly (Step['turn'] | Extract<Condensation, { kind: 'summarised' }>)[] = [
    ...steps.map((step) => step.turn),
    ...condensations.filter((each) => each.kind === 'summarised'),
  ];
  const promptTokens = asked.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
  const completionTokens = asked.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  const tools = steps.flatMap((step) => step.observations).reduce((sum, { seconds }) => sum + seconds, 0);
  const seconds = asked.reduce((sum, turn) => sum + turn.seconds, tools);
  return {
    steps: steps.length,
    tokens: promptTokens + completionTokens,
    minutes: seconds / 60,
    promptTokens,
    completionTokens,
  };
}

const names = ['steps', 'tokens', 'minutes'] as const;
type LimitName = Extract<AttemptEnd, { kind: 'limit' }>['limit'];

/** The first limit that is used up, or null. */
export function limitMet(used: Limits, limits: Limits): LimitName | null {
  return names.find((name) => used[name] >= limits[name]) ?? null;
}

const wrapUpShare = 0.8;

/** What the model is told when most of a limit is used; null before that. */
export function wrapUpText(used: Limits, limits: Limits): string | null {
  const near = names.find((name) => used[name] >= limits[name] * wrapUpShare);
  if (!near) return null;
  const left =
    near === 'steps' ? `${limits.steps - used.steps} steps are left` : `most of the ${near} for this work are used up`;
  return `Come to an end: ${left}. See that the fix is in place, remove scratch files, and call \`finish\`. What is not done by then ends as it is.`;
}

const charactersPerToken = 3; // dense text; a server's own count takes its place after the first answer
/** How long a conversation is, measured by what the server counted for an earlier one. */
export class ContextMeter {
  #measured: { readonly characters: number; readonly tokens: number } | null = null;

  /** After an answer: what the server counted for the messages that were sent. */
  note(messages: readonly Message[], { promptTokens }: Usage): void {
    if (promptTokens > 0) this.#measured = { characters: charactersOf(messages), tokens: promptTokens };
  }

  /** How much of the context asking with these messages would take, of what is left beside an answer. */
  share(messages: readonly Message[], { contextTokens, answerTokens }: Pick<Model, 'contextTokens' | 'answerTokens'>) {
    return this.#estimate(charactersOf(messages)) / (contextTokens - answerTokens);
  }

  #estimate(characters: number): number {
    if (!this.#measured) return characters / charactersPerToken;
    const { characters: before, tokens } = this.#measured;
    // The tools are in the server's count and not in ours: only what changed is estimated, with too little for what went.
    const added = characters - before;
    return tokens + added / (added > 0 ? charactersPerToken : charactersPerToken + 1);
  }
}

function charactersOf(messages: readonly Message[]): number {
  let sum = 0;
  for (const message of messages) {
    sum += message.text.length;
    if (message.role === 'assistant') for (const call of message.toolCalls) sum += call.arguments.length;
  }
  return sum;
}
