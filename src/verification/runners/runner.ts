import type { TestResult } from '../../core/verdict.ts';

/** How a runner is started so that it reports to us: the command as a shell takes it, and variables besides. */
interface Invocation {
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A test runner: how it is known, how it is made to report, and how its report is read. */
export interface Runner {
  readonly name: string;
  /** Whether this one command of a script starts it. */
  recognises(command: string): boolean;
  /** `reportPath` lies outside the work tree. A runner that reports on standard output leaves it alone. */
  invocation(command: string, reportPath: string): Invocation;
  readonly reportsOn: 'file' | 'output';
  /** The report's tests; null when it cannot be read as one. Paths may be absolute still. */
  parse(report: string): TestResult[] | null;
}

/** Whether a command starts this program, be it bare, through npx or by a path into node_modules. */
export function starts(program: string, command: string): boolean {
  return new RegExp(
    `^(?:\\w+=\\S+\\s+)*(?:npx\\s+(?:--?\\S+\\s+)*)?(?:node\\s+)?(?:\\.?/?node_modules/(?:\\.bin|${program}/bin)/_?)?${program}(?:\\.js)?(?=\\s|$)`,
  ).test(command.trim());
}
