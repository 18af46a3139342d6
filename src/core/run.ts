import { z } from 'zod';

import { Attempt, Condensation, Observation, Turn } from './attempt.ts';
import { Outcome } from './outcome.ts';
import { ChangedFile, Patch } from './patch.ts';
import { Task } from './task.ts';
import { TestRun, Verdict } from './verdict.ts';

/** Where a run stands, in the order of the story. Written by code, never by the model. */
export const Stage = z.enum(['queued', 'preparing', 'baseline', 'working', 'verifying', 'publishing', 'done']);
export type Stage = z.infer<typeof Stage>;

/** The most that may be taken and spent; whatever is reached first counts. */
export interface Limits {
  readonly steps: number;
  readonly tokens: number;
  readonly minutes: number;
}

/** How often and how far a run tries. */
export interface AttemptSettings {
  readonly most: number;
  /** How many of them side by side. */
  readonly parallel: number;
  /** What one attempt may use. */
  readonly attempt: Limits;
  /** What all attempts of a run may use together. */
  readonly run: Limits;
  /** As in the paper's evaluation (DEVSTRAL §2.1): the agent's help is off, and the tests are not asked before a patch is chosen. */
  readonly paper: boolean;
  readonly extraTools: boolean;
}

/** A host that set-up was kept from, and the command that asked for it. */
export const BlockedHost = z.object({ host: z.string(), why: z.string(), command: z.string() });
export type BlockedHost = z.infer<typeof BlockedHost>;

/** The environment that set-up made and that baseline, attempt and verification all start from. */
export const Environment = z.object({
  /** The engine's content address, `sha256:…`. */
  image: z.string(),
  baseImage: z.string(),
  language: z.string(),
  setUp: z.array(z.string()),
  logTail: z.string(),
  cached: z.boolean(),
  seconds: z.number(),
  /** Optional: runs from before set-up had a proxy. */
  blocked: z.array(BlockedHost).optional(),
});
export type Environment = z.infer<typeof Environment>;

/** What the host found when it applied a patch to its own clone and judged it. */
export const PolicyResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted'), files: z.array(ChangedFile) }),
  z.object({ kind: z.literal('empty') }),
  z.object({ kind: z.literal('refused'), reasons: z.array(z.string()) }),
]);
export type PolicyResult = z.infer<typeof PolicyResult>;

/**
 * One line of a run's append-only journal. The journal is the trajectory: the summary, crash recovery and the
 * dashboard all read these rows.
 */
export const JournalEntry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('stage'), stage: Stage, attempt: z.number().int().optional() }),
  z.object({ kind: z.literal('authorised'), baseBranch: z.string(), baseCommit: z.string() }),
  z.object({ kind: z.literal('environment'), environment: Environment }),
  z.object({ kind: z.literal('baseline'), run: TestRun }),
  z.object({ kind: z.literal('attempt-started'), attempt: z.number().int(), model: z.string() }),
  z.object({ kind: z.literal('turn'), attempt: z.number().int(), step: z.number().int(), turn: Turn }),
  z.object({
    kind: z.literal('observation'),
    attempt: z.number().int(),
    step: z.number().int(),
    observation: Observation,
  }),
  z.object({ kind: z.literal('condensed'), attempt: z.number().int(), condensation: Condensation }),
  /** The work tree after a step, to begin again from; no patch: as at the checkpoint before. */
  z.object({
    kind: z.literal('checkpoint'),
    attempt: z.number().int(),
    step: z.number().int(),
    patch: Patch.nullable(),
  }),
  z.object({ kind: z.literal('attempt-ended'), attempt: Attempt }),
  z.object({ kind: z.literal('policy'), attempt: z.number().int(), result: PolicyResult }),
  z.object({ kind: z.literal('verdict'), attempt: z.number().int(), verdict: Verdict }),
  /** Which attempt's patch goes on. */
  z.object({ kind: z.literal('chosen'), attempt: z.number().int() }),
  z.object({ kind: z.literal('interrupted'), reason: z.string() }),
  /** How the run will end; what is left after this entry is to say so where people can see it. */
  z.object({ kind: z.literal('concluded'), outcome: Outcome }),
]);
export type JournalEntry = z.infer<typeof JournalEntry>;

/** The durable record of working on a task. */
export const Run = z.object({
  id: z.string().min(1),
  task: Task,
  state: z.enum(['received', 'working', 'ended']),
  outcome: Outcome.nullable(),
  /** The number of the newest claim; writes under an older one are refused. */
  fence: z.number().int(),
  receivedAt: z.date(),
  endedAt: z.date().nullable(),
});
export type Run = z.infer<typeof Run>;
