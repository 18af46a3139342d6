import { parseJunit, textOf } from './junit.ts';
import type { Runner } from './runner.ts';

/** Node's own runner. */
export const nodeTest: Runner = {
  name: 'node:test',
  recognises: (command) => /^(?:\w+=\S+\s+)*node\s(?:.*\s)?--test(?=\s|$)/.test(command.trim()),
  invocation: (command, reportPath) => ({
    command: command.replace(
      /(\s)--test(?=\s|$)/,
      `$1--test --test-reporter=junit --test-reporter-destination=${reportPath} --test-reporter=spec --test-reporter-destination=stdout`,
    ),
    environment: {},
  }),
  reportsOn: 'file',
  // A test with subtests is a suite in this report; the suites' names are part of the identity.
  parse: (report) =>
    parseJunit(report, (testcase, suites) => ({
      file: textOf(testcase.file),
      name: [...suites, textOf(testcase.name)].join(' › '),
    })),
};
