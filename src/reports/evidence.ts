import type { Environment } from '../core/run.ts';
import type { Comparison, TestRun, Verdict } from '../core/verdict.ts';
import { inertCell, inertLine } from './inert.ts';

const namesShown = 15;

/** The evidence table: counts of the two runs, from their stored results alone. A row without tests is left out. */
export function evidenceTable({ comparison, baseline, patched }: Verdict): string {
  const rows: [string, keyof Comparison][] = [
    ['✅ fixed: failed before, pass now', 'fixed'],
    ['still passing', 'stillPassing'],
    ['❌ newly failing', 'newlyFailing'],
    ['❌ vanished: not reported any more', 'vanished'],
    ['new and passing', 'newPassing'],
    ['⚠️ new and failing', 'newFailing'],
    ['already failing before', 'alreadyFailing'],
    ['skipped', 'skipped'],
  ];
  const counted = rows
    .filter(([, fate]) => comparison[fate].length > 0)
    .map(([title, fate]) => `| ${title} | ${comparison[fate].length} |`);
  return [
    '| Test by test, before and after | tests |',
    '|---|---:|',
    ...counted,
    '',
    '| Run | result | tests | exit code | seconds |',
    '|---|---|---:|---:|---:|',
    runRow('without the patch', baseline),
    runRow('with the patch, in a clean sandbox', patched),
  ].join('\n');
}

function runRow(title: string, run: TestRun): string {
  return `| ${title} | ${run.class} | ${run.tests.length} | ${run.exitCode ?? '–'} | ${run.seconds.toFixed(1)} |`;
}

/** The names behind the counts that a reviewer asks for first. */
export function namedTests({ comparison, patched }: Verdict): string {
  const lists: [string, readonly string[]][] = [
    ['Fixed', comparison.fixed],
    ['Newly failing', comparison.newlyFailing],
    ['Vanished', comparison.vanished],
    ['New and failing', comparison.newFailing],
  ];
  return lists
    .filter(([, names]) => names.length > 0)
    .map(([title, names]) => `**${title}**\n\n${listed(names)}`)
    .concat(failureNote(comparison, patched))
    .filter(Boolean)
    .join('\n\n');
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, namesShown).map((name) => `- ${inertLine(name)}`);
  return [...shown, ...(names.length > namesShown ? [`- and ${names.length - namesShown} more`] : [])].join('\n');
}

function failureNote({ newlyFailing }: Comparison, patched: TestRun): string {
  const first = patched.tests.find((test) =>
    newlyFailing.includes(test.file ? `${test.file} › ${test.name}` : test.name),
  );
  const line = first?.message.split('\n').find((each) => each.trim() !== '');
  return line ? `First message: ${inertLine(line)}` : '';
}

/** What was run, word for word, and on what. */
export function commandsAsRun(report: {
  verdict: Verdict | null;
  baseline: TestRun | null;
  baseCommit: string | null;
  environment: Environment | null;
}): string {
  const run = report.verdict?.patched ?? report.baseline;
  const rows = [
    report.baseCommit && `| base commit | ${report.baseCommit} |`,
    report.environment &&
      `| environment | ${inertCell(report.environment.image, 80)} on ${inertCell(report.environment.baseImage, 80)} |`,
    ...(report.environment?.setUp ?? []).map((command) => `| set-up | ${inertCell(command, 300)} |`),
    ...blockedRows(report.environment),
    run?.command &&
      `| test command | ${inertCell(run.command.command, 300)}, from ${inertCell(run.command.source, 100)} |`,
    run?.ran && `| as run | ${inertCell(run.ran, 600)} |`,
  ].filter((row) => typeof row === 'string' && row !== '');
  return rows.length > 0 ? ['| | |', '|---|---|', ...rows].join('\n') : '';
}

/** Hosts that set-up asked for and was kept from, each with the first command that did. */
function blockedRows(environment: Environment | null): string[] {
  const blocked = environment?.blocked ?? [];
  const first = blocked.filter(({ host }, at) => blocked.findIndex((other) => other.host === host) === at);
  const rows = first
    .slice(0, namesShown)
    .map(
      ({ host, why, command }) =>
        `| blocked in set-up | ${inertCell(`${host} (${why}), asked for by ${command}`, 400)} |`,
    );
  return first.length > namesShown ? [...rows, `| blocked in set-up | and ${first.length - namesShown} more |`] : rows;
}
