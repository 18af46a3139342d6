import { parseJestJson } from './jest-json.ts';
import { type Runner, starts } from './runner.ts';

export const jest: Runner = {
  name: 'jest',
  recognises: (command) => starts('jest', command),
  invocation: (command, reportPath) => ({ command: `${command} --json --outputFile=${reportPath}`, environment: {} }),
  reportsOn: 'file',
  parse: parseJestJson,
};
