import { Listr, type ListrTaskWrapper } from 'listr2';

import type { JournalEntry, Stage } from '../core/run.ts';

/** Shows how a run goes on, entry by entry. */
export interface Progress {
  watch(entry: JournalEntry): void;
  /** Ends the display; nothing is drawn after it. */
  end(): Promise<void>;
}

const titles: Record<Stage, string> = {
  queued: 'Queued',
  preparing: 'Prepare the checkout and the environment',
  baseline: 'Run the tests as they are',
  working: 'Let the agent work',
  verifying: 'Verify the patch in a clean sandbox',
  publishing: 'Publish',
  done: 'Done',
};

/** Live lines on a terminal, plain lines where there is none, nothing for machines. */
export function showProgress(to: { json: boolean; terminal: boolean; write(line: string): void }): Progress {
  if (to.json) return { watch: () => {}, end: async () => {} };
  return to.terminal ? liveProgress() : plainProgress(to.write);
}

function plainProgress(write: (line: string) => void): Progress {
  return {
    watch: (entry) => {
      const line = entry.kind === 'stage' ? `${titles[entry.stage]} …` : detail(entry);
      if (line && !(entry.kind === 'stage' && entry.stage === 'done'))
        write(entry.kind === 'stage' ? line : `  ${line}`);
    },
    end: async () => {},
  };
}

const shown: readonly Stage[] = ['preparing', 'baseline', 'working', 'verifying', 'publishing'];

function liveProgress(): Progress {
  const stages = new Map(
    shown.map((stage) => [stage, { started: Promise.withResolvers<void>(), ended: Promise.withResolvers<void>() }]),
  );
  let current: ListrTaskWrapper<unknown, never, never> | undefined;
  let reached: Stage | undefined;
  const tasks = shown.map((stage) => ({
    title: titles[stage],
    skip: async () => {
      await stages.get(stage)?.started.promise;
      return reached === 'done' ? 'not reached' : false;
    },
    task: async (_: unknown, task: unknown) => {
      current = task as ListrTaskWrapper<unknown, never, never>;
      await stages.get(stage)?.ended.promise;
    },
    rendererOptions: { persistentOutput: true },
  }));
  // Drawn from the first entry on, so that lines before it stay above.
  let drawn: Promise<unknown> | undefined;
  const draw = () => {
    drawn ??= new Listr(tasks, { exitOnError: false, registerSignalListeners: false }).run();
  };

  const enter = (stage: Stage) => {
    const before = reached;
    reached = stage;
    if (before) stages.get(before)?.ended.resolve();
    if (stage === 'done') for (const each of stages.values()) each.started.resolve();
    stages.get(stage)?.started.resolve();
  };
  return {
    watch: (entry) => {
      draw();
      if (entry.kind === 'stage') enter(entry.stage);
      const line = detail(entry);
      if (current && line) current.output = line;
    },
    end: async () => {
      enter('done');
      await drawn;
    },
  };
}

/** One line about an entry, or nothing where there is nothing to say. */
function detail(entry: JournalEntry): string | null {
  switch (entry.kind) {
    case 'environment':
      return `${entry.environment.language}, ${entry.environment.cached ? 'kept environment' : `set up in ${Math.round(entry.environment.seconds)} s`}`;
    case 'baseline':
      return testsLine(
        entry.run.class,
        entry.run.tests.map((test) => test.status),
        entry.run.reason,
      );
    case 'observation':
      return `${entry.step}. ${entry.observation.title} — ${entry.observation.outcome}`;
    case 'attempt-ended':
      return `attempt ${entry.attempt.number}: ${entry.attempt.end.kind}, ${entry.attempt.steps} steps`;
    case 'policy':
      return entry.result.kind === 'refused' ? `patch refused: ${entry.result.reasons.join('; ')}` : null;
    case 'verdict':
      return entry.verdict.headline;
    case 'interrupted':
      return `interrupted: ${entry.reason}`;
    case 'condensed':
      return entry.condensation.kind === 'summarised' ? 'the conversation was summed up' : null;
    case 'chosen':
      return entry.attempt > 1 ? `the patch of attempt ${entry.attempt} goes on` : null;
    case 'stage':
    case 'checkpoint':
    case 'authorised':
    case 'attempt-started':
    case 'turn':
    case 'concluded':
      return null;
  }
}

function testsLine(ended: string, statuses: readonly string[], reason: string): string {
  if (statuses.length === 0) return `${ended}: ${reason}`;
  const passed = statuses.filter((status) => status === 'passed').length;
  return `${ended}: ${passed} of ${statuses.length} tests pass`;
}
