import { inertTitle } from './inert.ts';
import type { Report } from './report.ts';

/** Report → commit message: what is fixed, how it was tested, who asked. The verdict is the tests' word. */
export function renderCommitMessage(report: Report): string {
  const { issue, askedBy } = report.task;
  const reference = issue.number > 0 ? ` (#${issue.number})` : '';
  const parts = [
    `Fix: ${inertTitle(issue.title, 60)}${reference}`,
    report.verdict ? `Tests: ${report.verdict.headline}` : '',
    issue.number > 0
      ? `Co-authored-by: ${askedBy.login} <${askedBy.id}+${askedBy.login}@users.noreply.github.com>`
      : '',
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}
