import { z } from 'zod';

import type { TestResult } from '../../core/verdict.ts';
import { type Runner, starts } from './runner.ts';

const Test = z.object({
  fullTitle: z.string(),
  file: z.string().nullish(),
  err: z.object({ message: z.string().optional(), stack: z.string().optional() }).optional(),
});
const Report = z.object({ tests: z.array(Test), failures: z.array(Test), pending: z.array(Test) });
type Test = z.infer<typeof Test>;

export const mocha: Runner = {
  name: 'mocha',
  recognises: (command) => starts('_?mocha', command),
  // The last --reporter wins, so that one in the command or in .mocharc is overruled.
  invocation: (command, reportPath) => ({
    command: `${command} --reporter json --reporter-option output=${reportPath}`,
    environment: {},
  }),
  reportsOn: 'file',
  parse: (text) => {
    const report = Report.safeParse(parsed(text));
    if (!report.success) return null;
    const { tests, failures, pending } = report.data;
    const known = new Set(tests.map(identity));
    // A hook that fails is no test, and yet it failed.
    const hooks = failures.filter((failure) => !known.has(identity(failure)));
    return [...tests, ...hooks].map((test): TestResult => {
      const message = test.err?.stack ?? test.err?.message ?? '';
      const about = { file: test.file ?? '', name: test.fullTitle };
      if (pending.some((each) => identity(each) === identity(test)))
        return { ...about, status: 'skipped', message: '' };
      const failed = message !== '' || failures.some((each) => identity(each) === identity(test));
      return { ...about, status: failed ? 'failed' : 'passed', message };
    });
  },
};

function identity(test: Test): string {
  return `${test.file ?? ''} ${test.fullTitle}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
