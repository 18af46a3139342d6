import type { TestResult, TestStatus } from '../../core/verdict.ts';
import type { Runner } from './runner.ts';

const statuses: Readonly<Record<string, TestStatus>> = {
  ok: 'passed',
  FAIL: 'failed',
  ERROR: 'error',
  skipped: 'skipped',
  'expected failure': 'xfail',
  'unexpected success': 'failed',
};

/** Python's own runner. It has no report but its verbose lines. */
export const unittest: Runner = {
  name: 'unittest',
  recognises: (command) => /^(?:\w+=\S+\s+)*python3?\s+-m\s+unittest(?=\s|$)/.test(command.trim()),
  invocation: (command) => ({
    command: / (?:-v|--verbose)(?=\s|$)/.test(command) ? command : `${command} -v`,
    environment: { PYTHONDONTWRITEBYTECODE: '1' },
  }),
  reportsOn: 'output',
  parse: (output) => {
    if (!/^Ran \d+ tests? in /m.test(output)) return null;
    // With a docstring the name stands on one line and the docstring with the result on the next.
    const lines = output.matchAll(
      /^(\S+) \(([\w.]+)\)(?:\n[^\n]*?)?(?: \.\.\. |.*? \.\.\. )(?:[\s\S]*?)(ok|FAIL|ERROR|skipped|expected failure|unexpected success)(?: .*)?$/gm,
    );
    return [...lines].map(
      ([, name = '', where = '', word = '']): TestResult => ({
        file: '',
        name: where.endsWith(`.${name}`) ? where : `${where}.${name}`,
        status: statuses[word] ?? 'error',
        message: messageOf(output, name, where),
      }),
    );
  },
};

function messageOf(output: string, name: string, where: string): string {
  const at = output.search(new RegExp(`^(?:FAIL|ERROR): ${escaped(name)} \\(${escaped(where)}\\)`, 'm'));
  return at < 0
    ? ''
    : (output
        .slice(at)
        .split(/^={70}$/m)[0]
        ?.slice(0, 4000) ?? '');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
