/**
 * A table for people: columns as wide as they must be, numbers to the right. What stands in it may come from
 * anybody, so it is escaped. Pure; knows nothing of what is shown.
 */
import { escapeControl } from '../observe/terminal.ts';

export interface Column {
  readonly heading: string;
  readonly isNumber?: boolean;
}

/** The heading and the rows, a line each. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const cells = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => row.map(escapeControl)),
  ];
  const widths = columns.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells.map((row) =>
    columns
      .map(({ isNumber = false }, column) => {
        const [cell = '', width = 0] = [row[column], widths[column]];
        return isNumber ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
