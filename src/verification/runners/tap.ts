import { type EventLog, Parser, type Result } from 'tap-parser';

import type { TestResult } from '../../core/verdict.ts';
import { type Runner, starts } from './runner.ts';

/** Whatever prints TAP: tape, and the runners of the tap family, old and new. */
export const tap: Runner = {
  name: 'tap',
  recognises: (command) => starts('tape', command) || starts('tap', command),
  // Old tap prints TAP when told so by the first variable, newer ones by the second; tape knows nothing else.
  invocation: (command) => ({ command, environment: { TAP: '1', TAP_REPORTER: 'tap', TAP_BAIL: '0' } }),
  reportsOn: 'output',
  parse: (output) => {
    if (!/^\s*(?:not )?ok\b|^\s*1\.\.\d/m.test(output)) return null;
    return testsOf(Parser.parse(output), []);
  },
};

// tape's closing counts; they are comments as the names of tests are.
const closing =
  /^#\s*(?:tests|pass|fail|skip|todo|ok|time|duration|cancelled|suites)\b(?:[=:\s]\s*[\d.]+(?:ms)?)?\s*$/i;

/**
 * A test is a `# name` comment with the assertions behind it, as tape prints them; an assertion before any comment stands
 * for itself, and a subtest brings its own. One failed assertion fails its test.
 */
function testsOf(events: EventLog, path: readonly string[]): TestResult[] {
  const tests: TestResult[] = [];
  let block: { name: string; results: Result[] } | null = null;
  const close = () => {
    if (block && block.results.length > 0) tests.push(blockResult(block.name, block.results, path));
    block = null;
  };
  let children: TestResult[] = [];
  for (const [kind, value] of events as [string, unknown][]) {
    if (kind === 'comment' && typeof value === 'string') {
      const comment = value.trim();
      if (closing.test(comment) || /^#\s*Subtest:/i.test(comment)) continue;
      close();
      block = { name: comment.replace(/^#\s*/, ''), results: [] };
    } else if (kind === 'child') {
      children = testsOf(value as EventLog, [...path, childName(value as EventLog)].filter(Boolean));
    } else if (kind === 'assert') {
      const result = value as Result;
      if (children.length > 0)
        tests.push(...children, ...(result.ok ? [] : [blockResult(result.name, [result], path)]));
      else if (block) block.results.push(result);
      else tests.push(blockResult(result.name, [result], path));
      children = [];
    }
  }
  close();
  return [...tests, ...children];
}

function childName(events: EventLog): string {
  const [first] = events as [string, unknown][];
  return first?.[0] === 'comment' && typeof first[1] === 'string'
    ? first[1].replace(/^#\s*Subtest:\s*/i, '').trim()
    : '';
}

function blockResult(name: string, results: readonly Result[], path: readonly string[]): TestResult {
  const failed = results.find((result) => !result.ok && !result.todo && !result.skip);
  const skipped = results.every((result) => result.skip || result.todo);
  const message = failed ? `${failed.name}\n${failed.diag ? JSON.stringify(failed.diag) : ''}`.trim() : '';
  return {
    file: '',
    name: [...path, name].join(' › ') || '(unnamed)',
    status: failed ? 'failed' : skipped ? 'skipped' : 'passed',
    message,
  };
}
