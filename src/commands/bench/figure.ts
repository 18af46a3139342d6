/** One measured value. `against` is the rival's value in the same run; `goal` is the largest ratio, or without a rival the largest value, that is still good. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly against: number | null;
  readonly ratio: number | null;
  readonly goal: number | null;
  /** Null where there is no goal. */
  readonly ok: boolean | null;
}

/** A value that stands for itself. */
export function plain(name: string, value: number, unit: string): Figure {
  return { name, value: rounded(value), unit, against: null, ratio: null, goal: null, ok: null };
}

/** A value that has a bound of its own. */
export function bounded(name: string, value: number, unit: string, goal: number): Figure {
  return { ...plain(name, value, unit), goal, ok: value <= goal };
}

/** A value beside its rival's. */
export function compared(name: string, value: number, unit: string, against: number, goal: number): Figure {
  const ratio = rounded(value / against);
  return { name, value: rounded(value), unit, against: rounded(against), ratio, goal, ok: ratio <= goal };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Figures as a table for people. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = [
    ['figure', 'value', 'rival', 'ratio', 'goal', ''],
    ...figures.map(({ name, value, unit, against, ratio, goal, ok }) => [
      name,
      `${value} ${unit}`,
      against === null ? '' : `${against} ${unit}`,
      ratio === null ? '' : `${ratio}×`,
      goal === null ? '' : `≤ ${goal}${against === null ? ` ${unit}` : '×'}`,
      ok === null ? '' : ok ? 'ok' : 'missed',
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
