import type { Outcome } from '../core/outcome.ts';
import type { Stage } from '../core/run.ts';
import { endText } from './attempts.ts';
import { inertBlock, inertLine } from './inert.ts';
import { costLine, verdictLine } from './pull-request.ts';
import type { Report } from './report.ts';

const stages: readonly (readonly [Stage, string])[] = [
  ['preparing', 'prepare the checkout and the environment'],
  ['baseline', 'run the tests as they are'],
  ['working', 'work on a fix'],
  ['verifying', 'verify the patch in a clean sandbox'],
  ['publishing', 'open a pull request'],
];

/** Report → the run's one comment on the issue. Its states are written by code. */
export function renderStatus(report: Report): string {
  const parts = report.outcome ? endParts(report, report.outcome) : progressParts(report);
  return [...parts, `<sub>Run \`${report.run}\`</sub>`].filter(Boolean).join('\n\n');
}

function progressParts(report: Report): string[] {
  const at = stages.findIndex(([stage]) => stage === report.stage);
  const lines = stages.map(([, title], index) => {
    if (index < at) return `- [x] ${title}${stageNote(report, index)}`;
    return index === at ? `- [ ] **${title}** …` : `- [ ] ${title}`;
  });
  const minutes = report.seconds >= 60 ? ` for ${Math.round(report.seconds / 60)} min` : '';
  const earlier = report.attempts.map(
    ({ attempt, verdict }) => `${endText(attempt.end)}${verdict ? ` (${verdict.kind})` : ''}`,
  );
  const before = earlier.length > 0 && report.stage === 'working' ? `Before this attempt: ${earlier.join('; ')}.` : '';
  const again = report.interruptions > 0 ? ` Interrupted and taken up again: ${report.interruptions}.` : '';
  return [
    `Working on this${minutes}, asked by ${inertLine(report.task.askedBy.login)}.${again}`,
    lines.join('\n'),
    before,
  ];
}

function stageNote({ baseline, attempt, verdict }: Report, index: number): string {
  const stage = stages[index]?.[0];
  if (stage === 'baseline' && baseline) {
    const passed = baseline.tests.filter((test) => test.status === 'passed').length;
    return baseline.tests.length > 0 ? ` — ${passed} of ${baseline.tests.length} pass` : ` — ${baseline.class}`;
  }
  if (stage === 'working' && attempt) return ` — ${attempt.steps} steps`;
  return stage === 'verifying' && verdict ? ` — ${verdict.kind}` : '';
}

function endParts(report: Report, outcome: Outcome): string[] {
  const cost = costLine(report);
  switch (outcome.kind) {
    case 'pull-request':
      return [
        `Done: ${outcome.draft ? 'draft pull request' : 'pull request'} #${outcome.number}.`,
        verdictLine(report.verdict),
        cost,
      ];
    case 'abstained':
      return ['No pull request.', reason(outcome.reason), whatNext(report), cost];
    case 'failed':
      return ['This failed.', reason(outcome.reason), kept(report), whatNext(report), cost];
    case 'stopped':
      return ['Stopped.', reason(outcome.reason), kept(report), cost];
    case 'refused':
      return [reason(outcome.reason)];
  }
}

/** Reasons quote commands, files and other people's output: shown as they are, doing nothing. */
function reason(text: string): string {
  return text.includes('\n') ? inertBlock(text, 3_000) : inertLine(text, 1_000);
}

function kept({ attempt }: Report): string {
  return attempt && attempt.patch.diff !== '' ? 'The patch that was made is kept in the run’s record.' : '';
}

function whatNext({ task }: Report): string {
  return task.issue.number > 0 ? 'To try again, comment `/devstral fix <instructions>` or set the label anew.' : '';
}
