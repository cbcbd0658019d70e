/** Tables of the benchmarks: as text for a terminal, which is also Markdown, and their place in a document. Pure. */
import type { Measurement } from './measure.ts';

const HEADINGS = ['what', 'events', 'MB', 'seconds', 'MB/s', 'CPU s/GB', 'peak MB'] as const;

/** A table of single runs. */
export function tableOf(measurements: readonly Measurement[]): string {
  return markdownTable([HEADINGS, ...measurements.map(cellsOf)]);
}

/** @param rows the first are the headings. Texts stand left, numbers right: the first `leftColumns` are texts. */
export function markdownTable(rows: readonly (readonly string[])[], leftColumns = 1): string {
  const [headings = []] = rows;
  const widths = headings.map((_, column) => {
    return Math.max(...rows.map((row) => row[column]?.length ?? 0));
  });
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < leftColumns ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${cells.join(' | ')} |`;
  });
  const rule = widths.map((width, column) =>
    column < leftColumns ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n');
}

function cellsOf({ name, events, bytes, peakBytes, seconds, cpuSeconds }: Measurement): string[] {
  const megabytes = bytes / 1e6;
  const measured = bytes > 0;
  return [
    name,
    String(events),
    megabytes.toFixed(0),
    seconds.toFixed(2),
    measured ? (megabytes / seconds).toFixed(0) : '–',
    measured ? (cpuSeconds / (megabytes / 1000)).toFixed(1) : '–',
    (peakBytes / 1e6).toFixed(1),
  ];
}

/**
 * Replaces what stands between the two marks of a section.
 * @throws when the document has no such section.
 */
export function withSection(document: string, section: string, text: string): string {
  const begin = `<!-- ${section}: begin -->`;
  const end = `<!-- ${section}: end -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) throw new Error(`no section between "${begin}" and "${end}"`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}
