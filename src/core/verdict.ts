import { z } from 'zod';

/** What a test came to, in the words every runner's report is translated into. */
export const TestStatus = z.enum(['passed', 'failed', 'error', 'skipped', 'xfail', 'timeout']);
export type TestStatus = z.infer<typeof TestStatus>;

/** One test, by identity: the file it is in (from the repository's root, empty when the runner does not say) and its full name. */
export const TestResult = z.object({ file: z.string(), name: z.string(), status: TestStatus, message: z.string() });
export type TestResult = z.infer<typeof TestResult>;

/** How to run a repository's tests, and where we read that. */
export const TestCommand = z.object({
  runner: z.string(),
  /** As a shell would take it, from the repository's root, before our reporter is added. */
  command: z.string(),
  source: z.string(),
});
export type TestCommand = z.infer<typeof TestCommand>;

/**
 * One run of the suite. Only `failed` blames a patch and only `passed` proves one; `could-not-run` says why
 * (nothing collected, no report, report and exit code at odds, out of memory…).
 */
export const TestRun = z.object({
  class: z.enum(['passed', 'failed', 'timed-out', 'could-not-run']),
  reason: z.string(),
  command: TestCommand.nullable(),
  /** What was run in the sandbox, word for word. */
  ran: z.string(),
  exitCode: z.number().int().nullable(),
  tests: z.array(TestResult),
  /** The last part of what was printed, for people. */
  logTail: z.string(),
  seconds: z.number(),
});
export type TestRun = z.infer<typeof TestRun>;

/** Two runs compared test by test. Each list holds identities as `file › name`. */
export const Comparison = z.object({
  fixed: z.array(z.string()),
  stillPassing: z.array(z.string()),
  newlyFailing: z.array(z.string()),
  alreadyFailing: z.array(z.string()),
  /** Passed or failed before and not reported any more: counts against the patch. */
  vanished: z.array(z.string()),
  newPassing: z.array(z.string()),
  newFailing: z.array(z.string()),
  skipped: z.array(z.string()),
});
export type Comparison = z.infer<typeof Comparison>;

/**
 * What the repository's tests say about a patch, against the same tests before it.
 * `verified`: a test that failed before passes now and nothing newly fails.
 */
export const Verdict = z.object({
  kind: z.enum(['verified', 'no-regressions', 'partly', 'regresses', 'unverifiable']),
  /** One sentence for people, written from the counts. */
  headline: z.string(),
  /** Whose test proves the fix; null where none does. A test that the patch itself touched is the weaker proof. */
  provedBy: z.enum(['repository', 'patch']).nullable(),
  comparison: Comparison,
  baseline: TestRun,
  patched: TestRun,
});
export type Verdict = z.infer<typeof Verdict>;
