import type { Readable } from 'node:stream';
import type { z } from 'zod';

import type { Turn } from './attempt.ts';
import type { CommandResult, FileRead, TerminalResult, Watch } from './command.ts';
import type { Message, ToolDefinition } from './conversation.ts';
import type { Outcome } from './outcome.ts';
import type { ChangedFile, Patch } from './patch.ts';
import type { Environment, JournalEntry, Run } from './run.ts';
import type { Repository, Task } from './task.ts';

// The outside world, whole, on one page. Every method may throw `OutsideError`; where it waits it takes a signal, last.

/** Time. Nothing else in the product asks the machine for it. */
export interface Clock {
  now(): Date;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** A language model. Gives a turn only when the server said that it was complete; retries what is worth retrying itself. */
export interface Model {
  readonly name: string;
  /** How many tokens a request and its answer may have together. */
  readonly contextTokens: number;
  /** How many of them an answer may have. */
  readonly answerTokens: number;
  /** What is asked with where a request does not say otherwise. */
  readonly temperature: number;
  /** Throws `ContextOverflow` when the server says that the conversation is too long. */
  ask(
    request: { messages: readonly Message[]; tools: readonly ToolDefinition[]; temperature?: number },
    signal: AbortSignal,
  ): Promise<Turn>;
}

/** How a set-up phase is to be done. `image` is one of ours, by its short name: `base`, `node`, `python`. */
export interface EnvironmentPlan {
  readonly language: string;
  readonly image: string;
  readonly setUp: readonly string[];
}

/** Makes environments and opens sandboxes in them. Everything it makes carries the run's id as a label. */
export interface Sandboxes {
  /** Set-up: the network reaches listed hosts only, no secrets, in a container that is destroyed. Same base commit and plan: the kept one. A failing command throws `never`, with its last lines. */
  prepare(
    request: { run: string; checkout: Checkout; plan: EnvironmentPlan },
    signal: AbortSignal,
  ): Promise<Environment>;
  /** A fresh sandbox without network, its work tree as set-up left it. */
  open(
    request: {
      run: string;
      purpose: 'baseline' | 'attempt' | 'verification';
      environment: Environment;
      checkout: Checkout;
    },
    signal: AbortSignal,
  ): Promise<Sandbox>;
  /** Removes containers, volumes and networks of every run that `isAlive` denies. Environments stay. */
  removeLeftovers(isAlive: (run: string) => Promise<boolean>): Promise<void>;
}

/** One container for untrusted code. Disposing it leaves nothing behind. */
export interface Sandbox extends AsyncDisposable {
  /** Absolute path of the repository inside. */
  readonly workTree: string;
  /** In the one kept-open bash on a terminal: directory and variables last from command to command. What it does not wait for goes on. */
  run(command: string, watch: Watch, signal: AbortSignal): Promise<TerminalResult>;
  /** Types to the command that is running, control characters included, and watches it on; empty text only watches. */
  type(text: string, watch: Watch, signal: AbortSignal): Promise<TerminalResult>;
  /** Kills everything that was started in here; the next command finds a new shell. */
  killAll(signal: AbortSignal): Promise<void>;
  /** A process of its own, outside the shell and its aliases; the exit code is the engine's word. */
  execute(
    argv: readonly string[],
    options: { timeoutMs: number; environment?: Readonly<Record<string, string>>; workingDirectory?: string },
    signal: AbortSignal,
  ): Promise<CommandResult>;
  readFile(path: string, options: { maxBytes: number }, signal: AbortSignal): Promise<FileRead>;
  /** Makes parent directories; keeps the mode of a file that exists. A refusal by the container throws `never` with its words. */
  writeFile(path: string, content: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Lays files as a patch leaves them over the work tree: writes, modes, deletions. Paths are relative to it. */
  putFiles(files: readonly ChangedFile[], signal: AbortSignal): Promise<void>;
  /** What was changed since the environment was made, read by a second container that nothing here could touch, after everything in here was killed. Only in purpose `attempt`. */
  takePatch(signal: AbortSignal): Promise<Patch>;
  /** The same while everything goes on: to look at and to come back to, never to publish. */
  peekPatch(signal: AbortSignal): Promise<Patch>;
}

/** Where to clone from. `authorization` goes into one git process's environment and nowhere else. */
export interface CloneAccess {
  readonly url: string;
  readonly authorization: string | null;
}

export interface Checkouts {
  /** Brings the mirror up to date and makes a clean clone of one commit: no remotes, no hooks, nothing newer. */
  open(
    request: { run: string; repository: Repository; access: CloneAccess; branch: string; commit: string },
    signal: AbortSignal,
  ): Promise<Checkout>;
  /** Removes the work folders of every run that `isAlive` denies. Mirrors stay. */
  removeLeftovers(isAlive: (run: string) => Promise<boolean>): Promise<void>;
}

/** A trusted clone of the base commit on the host, which no sandbox ever writes to. */
export interface Checkout extends AsyncDisposable {
  readonly repository: Repository;
  readonly commit: string;
  /** Every file of the commit, by path. */
  paths(signal: AbortSignal): Promise<string[]>;
  /** A regular file of the commit, or null. Larger than `maxBytes`: null. */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null>;
  /** The work tree with its `.git`, as tar: what goes into the sandbox. */
  workTreeTar(signal: AbortSignal): Readable;
  /** A bare git directory of the same commit, as tar: what patches are measured against. */
  gitDirectoryTar(signal: AbortSignal): Readable;
  /** Applies a patch to a scratch copy and reads what it left; `rejected` when git refuses it. */
  apply(
    patch: Patch,
    signal: AbortSignal,
  ): Promise<{ kind: 'applied'; files: ChangedFile[] } | { kind: 'rejected'; reason: string }>;
}

/** Where the task came from and the result goes. Every write is found before it is created, so that doing it twice changes nothing. */
export interface Forge {
  /** Asked of the API each time; an unknown person is not allowed. */
  mayWrite(task: Task, signal: AbortSignal): Promise<boolean>;
  /** A name that no other request has, where the delivery carried none (the id of the label event); null when there is nothing more to know. */
  identify(task: Task, signal: AbortSignal): Promise<string | null>;
  /** The branch to work from and its newest commit. */
  base(task: Task, signal: AbortSignal): Promise<{ branch: string; commit: string }>;
  cloneAccess(repository: Repository, signal: AbortSignal): Promise<CloneAccess>;
  /** 👀 on what was asked with. */
  acknowledge(task: Task, signal: AbortSignal): Promise<void>;
  /** 😕 on what was asked with, and not a word more. */
  refuse(task: Task, signal: AbortSignal): Promise<void>;
  /** The run's one comment on the issue, made or edited; gives its id. */
  putStatus(
    request: { task: Task; run: string; known: number | null; body: string },
    signal: AbortSignal,
  ): Promise<number>;
  /** A new branch with one commit on `baseCommit`, through the forge's API. A branch of that name with the same content is ours from before. */
  publishCommit(
    request: { task: Task; branch: string; baseCommit: string; message: string; files: readonly ChangedFile[] },
    signal: AbortSignal,
  ): Promise<{ commit: string }>;
  openPullRequest(
    request: { task: Task; branch: string; base: string; title: string; body: string; draft: boolean },
    signal: AbortSignal,
  ): Promise<{ number: number; url: string }>;
}

/** Runs and the queue they wait in, which share a transaction. */
export interface Runs extends AsyncDisposable {
  /** Commits the run and its job together before it returns; a key that is known already means that run. */
  accept(task: Task, keys: readonly string[]): Promise<{ kind: 'accepted' | 'duplicate'; run: string }>;
  /** Waits for a run to work on and takes the next fence for it; null when the signal ends the waiting. */
  claim(signal: AbortSignal): Promise<Claim | null>;
  find(run: string): Promise<Run | null>;
  journal(run: string): Promise<JournalEntry[]>;
  /** Throws when the database does not answer. */
  ready(): Promise<void>;
}

/** The right to work on one run, renewed until disposed. After it is lost every method throws `LeaseLost`. */
export interface Claim extends AsyncDisposable {
  readonly run: Run;
  /** Aborted when another worker took over. */
  readonly lost: AbortSignal;
  journal(): Promise<JournalEntry[]>;
  append(entry: JournalEntry): Promise<void>;
  /** Gives the run one more key; `taken` names the run that has it. */
  addKey(key: string): Promise<{ kind: 'ours' } | { kind: 'taken'; run: string }>;
  /** The outbox: notes the intent, performs, notes the result. A purpose with a result on record is not performed again. */
  write<T>(purpose: string, result: z.ZodType<T>, perform: () => Promise<T>): Promise<T>;
  /** The end of the run and of its job, in one transaction. */
  finish(outcome: Outcome): Promise<void>;
  /** Back into the queue, to be claimed again after `afterMs`. */
  giveBack(afterMs: number): Promise<void>;
}
