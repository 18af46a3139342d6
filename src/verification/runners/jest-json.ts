import { z } from 'zod';

import type { TestResult, TestStatus } from '../../core/verdict.ts';

// The parts of the report that jest and vitest share.
const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().nullish(),
      status: z.string().optional(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

const statuses: Readonly<Record<string, TestStatus>> = {
  passed: 'passed',
  failed: 'failed',
  pending: 'skipped',
  skipped: 'skipped',
  todo: 'skipped',
  disabled: 'skipped',
};

/** Reads the JSON that jest writes and vitest imitates. A file that could not even be loaded counts as one error. */
export function parseJestJson(text: string): TestResult[] | null {
  const report = Report.safeParse(parsed(text));
  if (!report.success) return null;
  return report.data.testResults.flatMap((file): TestResult[] => {
    if (file.assertionResults.length === 0 && file.status === 'failed') {
      return [{ file: file.name, name: '(the file itself)', status: 'error', message: file.message ?? '' }];
    }
    return file.assertionResults.map(({ fullName, status, failureMessages }) => ({
      file: file.name,
      name: fullName.trim(),
      status: statuses[status] ?? 'error',
      message: failureMessages?.[0] ?? '',
    }));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
