import { parseJestJson } from './jest-json.ts';
import { type Runner, starts } from './runner.ts';

export const vitest: Runner = {
  name: 'vitest',
  recognises: (command) => starts('vitest', command),
  invocation: (command, reportPath) => {
    // Without `run` it watches, unless it believes to be in CI; both are said.
    const once = /\svitest(?:\s+run|\s+related|\s+bench)|\s--run(?=\s|$)/.test(` ${command}`)
      ? command
      : command.replace(/vitest(?=\s|$)(?:\s+watch)?/, 'vitest run');
    return {
      command: `${once} --reporter=default --reporter=json --outputFile.json=${reportPath}`,
      environment: { CI: '1' },
    };
  },
  reportsOn: 'file',
  parse: parseJestJson,
};
