import { stripVTControlCharacters } from 'node:util';

import type { TestResult } from '../core/verdict.ts';

// Timings that runners put into names (DEVSTRAL §5.4): the next run's differ.
const timing = /\s*(?:\(\d+(?:\.\d+)?\s*m?s\)|\[\d+(?:\.\d+)?\s*m?s\]| in \d+(?:\.\d+)? m?sec)\s*$/;

/** Makes each result identifiable across runs: paths from the repository's root, no timings or colours, duplicates numbered in order. */
export function identified(tests: readonly TestResult[], workTree: string): TestResult[] {
  const seen = new Map<string, number>();
  return tests.map((test) => {
    const file = test.file.replace(/^file:\/\//, '').replace(`${workTree}/`, '');
    const name = stripVTControlCharacters(test.name).replace(timing, '').trim();
    const key = `${file} › ${name}`;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    const message = stripVTControlCharacters(test.message).slice(0, 4000);
    return { file, name: count > 1 ? `${name} (${count})` : name, status: test.status, message };
  });
}

/** A test's identity as people read it. */
export function identityOf(test: TestResult): string {
  return test.file ? `${test.file} › ${test.name}` : test.name;
}
