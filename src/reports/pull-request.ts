import type { Attempt } from '../core/attempt.ts';
import type { Verdict } from '../core/verdict.ts';
import { attemptsTable, endText } from './attempts.ts';
import { commandsAsRun, evidenceTable, namedTests } from './evidence.ts';
import { inertBlock, inertTitle } from './inert.ts';
import type { Report } from './report.ts';
import { trajectoryDetails } from './trajectory.ts';

const bodyCharacters = 60_000; // GitHub's own limit is 65,536
const accountCharacters = 1_500;

/** Report → the pull request's title and body: what was done, what was tested, what it cost. Facts come from stored results. */
export function renderPullRequest(report: Report): { title: string; body: string } {
  const { number, title } = report.task.issue;
  const reference = number > 0 ? ` (#${number})` : '';
  return { title: `Fix: ${inertTitle(title, 200)}${reference}`, body: bodyOf(report) };
}

function bodyOf(report: Report): string {
  const before = [
    report.task.issue.number > 0 ? `Fixes #${report.task.issue.number}` : '',
    verdictLine(report.verdict),
    account(report),
    report.verdict
      ? section('Evidence', [evidenceTable(report.verdict), namedTests(report.verdict)].filter(Boolean).join('\n\n'))
      : '',
    section('Attempts', attemptsTable(report)),
    section('As run', commandsAsRun(report)),
    section('Not verified', notVerified(report)),
  ].filter(Boolean);
  const after = [section('Cost', costLine(report)), steering(report)].filter(Boolean);
  const rest = [...before, ...after].join('\n\n').length;
  const trajectory = trajectoryDetails(report.steps, bodyCharacters - rest - 200);
  return cutOnParts([...before, trajectory, ...after].filter(Boolean));
}

/** Whole parts only: what does not fit is left out, and that is said. */
function cutOnParts(parts: readonly string[]): string {
  const note = '*Parts of this report were left out because it was too long.*';
  const kept: string[] = [];
  let length = note.length + 2;
  for (const part of parts) {
    if (length + part.length + 2 > bodyCharacters) continue;
    kept.push(part);
    length += part.length + 2;
  }
  return [...kept, ...(kept.length < parts.length ? [note] : [])].join('\n\n');
}

const marks: Readonly<Record<Verdict['kind'], string>> = {
  verified: '✅ **Verified**',
  'no-regressions': '⚠️ **Not verified: no failing test was fixed, nothing newly fails**',
  partly: '⚠️ **Partly verified**',
  regresses: '❌ **Regresses**',
  unverifiable: '🚫 **Not verified: the tests could not be judged**',
};

/** One line that a reviewer reads first; written from counts. */
export function verdictLine(verdict: Verdict | null): string {
  return verdict ? `${marks[verdict.kind]} — ${verdict.headline}` : '';
}

function account({ attempt }: Report): string {
  if (attempt?.end.kind !== 'finished') return '';
  const text = inertBlock(attempt.end.message.split('\n').slice(0, 10).join('\n'), accountCharacters);
  return text && `In the model's own words, which nothing here relies on:\n\n${text}`;
}

function section(title: string, text: string): string {
  return text && `### ${title}\n\n${text}`;
}

function notVerified({ verdict, attempt, environment }: Report): string {
  const points = [
    ...(verdict?.kind === 'unverifiable'
      ? [`> [!WARNING]\n> **No test result stands behind this patch.** ${verdict.headline}`]
      : []),
    ...(verdict?.kind === 'no-regressions'
      ? [
          '- No test fails without this patch and passes with it: the tests say nothing about whether the issue is fixed.',
        ]
      : []),
    ...(verdict?.provedBy === 'patch'
      ? ['- Every test that proves the fix was changed or added by this patch itself.']
      : []),
    ...(attempt && attempt.end.kind !== 'finished'
      ? [`- The agent did not hand this in: ${endText(attempt.end)}. This is what it had changed by then.`]
      : []),
    ...(environment?.blocked?.length
      ? ['- Whether the environment is whole: set-up asked for hosts that it was kept from, listed above.']
      : []),
    '- Anything outside the test command above: other suites, linters, builds, and the repository’s CI.',
  ];
  return points.join('\n');
}

/** What the run took, in the units that a self-hoster pays. */
export function costLine({ attempts, seconds, model }: Report): string {
  if (attempts.length === 0) return '';
  const sum = (of: (attempt: Attempt) => number) => attempts.reduce((total, each) => total + of(each.attempt), 0);
  const promptTokens = sum(({ usage }) => usage.promptTokens);
  const completionTokens = sum(({ usage }) => usage.completionTokens);
  const tries = attempts.length > 1 ? `${attempts.length} attempts, ` : '';
  return `${tries}${sum(({ steps }) => steps)} steps · ${count(promptTokens)} tokens read, ${count(completionTokens)} written · ${(seconds / 60).toFixed(1)} minutes${model ? ` · model \`${model.replaceAll('`', '')}\`` : ''}`;
}

function count(tokens: number): string {
  return tokens >= 10_000 ? `${Math.round(tokens / 1000)}k` : String(tokens);
}

function steering({ task, run }: Report): string {
  const again =
    task.issue.number > 0
      ? `To try again with a hint, comment \`/devstral fix <instructions>\` on #${task.issue.number}. `
      : '';
  return `---\n\n${again}Review it as you would a stranger's patch. Run \`${run}\`.`;
}
