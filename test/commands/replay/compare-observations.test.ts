import { describe, expect, it } from 'vitest';

import { compareObservations } from '../../../src/commands/replay/compare-observations.ts';

const footer = (code: number, directory = '/workspace') =>
  `[The command completed with exit code ${code}.]\n[Current working directory: ${directory}]\n[Command finished with exit code ${code}]`;

describe('two observations', () => {
  it('are the same when every character is', () => {
    expect(compareObservations(`1 passed\n${footer(0)}`, `1 passed\n${footer(0)}`)).toEqual({ kind: 'same' });
  });

  it.each([
    ['seconds', '1 passed in 0.12s', '1 passed in 12.9s'],
    ['milliseconds', '✔ adds (0.512ms)', '✔ adds (1.02ms)'],
    ['words for seconds', 'Ran 2 tests in 0.001 seconds', 'Ran 2 tests in 1 second'],
    ['TAP durations', '# duration_ms 51.2', '# duration_ms 49'],
    ['JSON durations', '{"duration": 51.2}', '{"duration": 3}'],
    ['time(1)', 'real\t0m0.012s', 'real\t1m10.400s'],
    ['pytest lines', '===== 1 passed in 0.12s =====', '==== 1 passed in 10.12s ====='],
    ['process ids', 'pid: 17 (node:17) /proc/17/fd', 'pid: 4242 (node:4242) /proc/4242/fd'],
    ['jobs', '[1] 17', '[1] 4242'],
    ['killed jobs', 'bash: line 1:    17 Killed      sleep 9', 'bash: line 1:  4242 Killed      sleep 9'],
    ['ISO dates', 'at 2025-01-02T03:04:05.678Z', 'at 2026-11-21 01:15:06+0000'],
    ['ls -l', '-rw-r--r-- 1 u u 5 Jan  2  2025 a', '-rw-r--r-- 1 u u 5 Nov 21 01:15 a'],
    ['date(1)', 'Thu Jan  2 03:04:05 UTC 2025', 'Sat Nov 21 01:15:06 UTC 2026'],
    ['git dates', 'Date:   Thu Jan 2 03:04:05 2025 +0000', 'Date:   Sat Nov 21 01:15:06 2026 +0100'],
    ['mail dates', 'Thu, 2 Jan 2025 03:04:05 GMT', 'Sat, 21 Nov 2026 01:15:06 GMT'],
    ['addresses', '<object at 0x7f00aa12>', '<object at 0x55d0FFee10>'],
    ['blanks at the ends', '  one  \ntwo\t\n\n', 'one\ntwo'],
    ['colours and line ends', '\u001b[32mgreen\u001b[0m\r\nred', 'green\nred'],
    ['the interpreter', `x\n[Python interpreter: /usr/bin/python]\n${footer(0)}`, `x\n${footer(0)}`],
    ['notes that the recorder did not write', 'x', `x\n${footer(1)}`],
    ['notes that we do not write', 'ERROR:\nNo.\n[Error occurred in processing last action]', 'ERROR:\nNo.'],
    ['words for no output', 'Your command ran successfully and did not produce any output.', footer(0)],
  ])('are noise apart in %s', (_, recorded, replayed) => {
    expect(compareObservations(recorded, replayed)).toEqual({ kind: 'noise' });
    expect(compareObservations(replayed, recorded)).toEqual({ kind: 'noise' });
  });

  it.each([
    ['counts', '3 passed', '4 passed'],
    ['white space inside', 'if x:\n    y', 'if x:\n  y'],
    ['exit codes', `x\n${footer(0)}`, `x\n${footer(1)}`],
    ['directories', `x\n${footer(0)}`, `x\n${footer(0, '/workspace/test')}`],
    ['short numbers in hex', 'flags 0x1', 'flags 0x2'],
    ['versions', 'v1.2.3', 'v1.2.4'],
    ['output where there was none', footer(0), `x\n${footer(0)}`],
  ])('differ in %s', (_, recorded, replayed) => {
    expect(compareObservations(recorded, replayed).kind).toBe('differs');
  });

  it('are shown as a diff of what is not noise', () => {
    const compared = compareObservations(
      `a\nb\nc\nd 1.5s\ne\n${footer(0)}`,
      `a\nb\nc\nd 2.5s\nf\n[Command finished with exit code 2]`,
    );

    expect(compared).toEqual({
      kind: 'differs',
      diff: [
        '--- recorded',
        '+++ replayed',
        '@@ -3,4 +3,4 @@',
        ' c',
        ' d <time>',
        '-e',
        '-[Command finished with exit code 0]',
        '+f',
        '+[Command finished with exit code 2]',
      ].join('\n'),
    });
  });

  it('are shown only in part when they differ much', () => {
    const numbers = Array.from({ length: 500 }, (_, index) => `line ${index} ${'x'.repeat(500)}`).join('\n');

    const compared = compareObservations('nothing', numbers);

    const diff = compared.kind === 'differs' ? compared.diff.split('\n') : [];
    expect(diff).toHaveLength(41);
    expect(diff.at(-1)).toBe('… 464 more lines');
    expect(Math.max(...diff.map((line) => line.length))).toBe(241);
  });
});
