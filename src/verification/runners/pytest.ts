import { parseJunit, textOf } from './junit.ts';
import type { Runner } from './runner.ts';

export const pytest: Runner = {
  name: 'pytest',
  recognises: (command) => /^(?:\w+=\S+\s+)*(?:python3?\s+-m\s+)?(?:pytest|py\.test)(?=\s|$)/.test(command.trim()),
  // xunit1 is the family that names the file. The cache would be written into the work tree.
  invocation: (command, reportPath) => ({
    command,
    environment: {
      PYTEST_ADDOPTS: `--junitxml=${reportPath} -o junit_family=xunit1 -p no:cacheprovider --color=no`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
  }),
  reportsOn: 'file',
  parse: (report) =>
    parseJunit(report, (testcase) => {
      const file = textOf(testcase.file);
      const module = file.replace(/\.py$/, '').replaceAll('/', '.');
      // The class name begins with the module, which the file says already.
      const inner = textOf(testcase.classname).replace(module, '').replace(/^\./, '');
      return { file, name: [inner, textOf(testcase.name)].filter(Boolean).join('::') };
    }),
};
