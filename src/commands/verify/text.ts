/**
 * What `verify` found, for people and for machines. Pure. Paths and ids come from files that others wrote: everything
 * passes through escapeControl.
 */
import { count } from '../../observe/amounts.ts';
import { escapeControl } from '../../observe/terminal.ts';
import { agentText } from '../status.ts';
import { tableLines, type Column } from '../table.ts';
import {
  counted,
  type Delivery,
  type Findings,
  type GenerationReport,
  type Totals,
  type Verdict,
  type Verification,
} from './report.ts';

/** How many of a kind the screen shows; --json has all that are kept (runs.ts). */
const MAX_SHOWN = 20;
/** Of the files in which all is well. */
const MAX_WELL = 10;

interface Cell {
  readonly column: Column;
  /** Of a file, and of all together; a column of nothing but zeros is left out. */
  readonly of: (report: GenerationReport) => number | undefined;
  readonly total: number;
  /** It is shown also when it is zero everywhere. */
  readonly isKept?: boolean;
}

export function reportText(verification: Verification, totals: Totals, verdict: Verdict): string {
  const { stateDir, agent, notes } = verification;
  const lines = [
    escapeControl(verdict.text),
    '',
    ...table(verification, totals),
    ...contradictionLines(verification),
    ...lossLines(verification),
    ...findings(verification),
    ...hints(verification, totals),
    ...bounded(
      verification.obstacles.map(({ path, message }) => {
        return `not looked at: ${escapeControl(path)}: ${escapeControl(message)}`;
      }),
    ),
    ...notes.map(escapeControl),
    ...(stateDir === undefined ? [] : ['', agentText(agent)]),
  ];
  return `${lines.join('\n')}\n`;
}

function table({ generations, stateDir, delivered }: Verification, totals: Totals): string[] {
  if (generations.length === 0) return [];
  const cells = [
    ...(stateDir === undefined ? diskCells(totals) : accountCells(totals)),
    ...(delivered.length === 0 ? [] : deliveryCells(totals)),
  ].filter(({ total, isKept }) => total > 0 || isKept === true);
  const shown = shorten(generations);
  const rows = shown.map((report) => [
    report.isOnDisk ? report.path : `${report.path} (gone)`,
    ...cells.map(({ of }) => {
      const value = of(report);
      return value === undefined ? '-' : count(value);
    }),
    isWell(report) ? 'ok' : 'see below',
  ]);
  const total = ['together', ...cells.map((cell) => count(cell.total)), ''];
  const columns = [{ heading: 'FILE' }, ...cells.map(({ column }) => column), { heading: '' }];
  const lines = tableLines(columns, [...rows, total]);
  const hidden = generations.length - shown.length;
  const note = `(and ${counted(hidden, 'file')} more; --json has all)`;
  return hidden > 0 ? [...lines.slice(0, -1), note, ...lines.slice(-1)] : lines;
}

function diskCells(totals: Totals): Cell[] {
  const bytes = totals.unread.bytes;
  return [
    {
      column: numeric('EVENTS'),
      of: (report) => report.events,
      total: totals.events,
      isKept: true,
    },
    { column: numeric('BYTES'), of: (report) => report.size, total: bytes, isKept: true },
  ];
}

function accountCells({ accounts, unread, lostBytes }: Totals): Cell[] {
  const { delivered, filtered, deadLettered, skippedBytes, earlierBytes } = accounts;
  return [
    {
      column: numeric('DELIVERED'),
      of: (report) => report.accounts?.delivered.events,
      total: delivered.events,
      isKept: true,
    },
    {
      column: numeric('BYTES'),
      of: (report) => report.accounts?.delivered.bytes,
      total: delivered.bytes,
      isKept: true,
    },
    {
      column: numeric('FILTERED'),
      of: (report) => report.accounts?.filtered.events,
      total: filtered.events,
    },
    {
      column: numeric('BYTES'),
      of: (report) => report.accounts?.filtered.bytes,
      total: filtered.bytes,
    },
    {
      column: numeric('DEAD LETTERS'),
      of: (report) => report.accounts?.deadLettered.events,
      total: deadLettered.events,
    },
    {
      column: numeric('BYTES'),
      of: (report) => report.accounts?.deadLettered.bytes,
      total: deadLettered.bytes,
    },
    {
      column: numeric('SKIPPED BYTES'),
      of: (report) => report.accounts?.skippedBytes,
      total: skippedBytes,
    },
    {
      column: numeric('UNCOUNTED BYTES'),
      of: (report) => report.accounts?.earlierBytes,
      total: earlierBytes,
    },
    {
      column: numeric('LOST BYTES'),
      of: (report) => (report.accounts?.lostBytes ?? 0) + report.deletedBytes,
      total: lostBytes,
      isKept: true,
    },
    {
      column: numeric('NOT YET'),
      of: (report) => report.unread.events,
      total: unread.events,
    },
    { column: numeric('BYTES'), of: (report) => report.unread.bytes, total: unread.bytes },
  ];
}

function deliveryCells({ delivery }: Totals): Cell[] {
  return [
    {
      column: numeric('FOUND'),
      of: (report) => report.delivery?.events,
      total: delivery.events,
      isKept: true,
    },
    {
      column: numeric('MISSING'),
      of: (report) => report.delivery?.missing.events,
      total: delivery.missing,
      isKept: true,
    },
    {
      column: numeric('REPEATED'),
      of: (report) => report.delivery?.repeated.events,
      total: delivery.repeated,
    },
    {
      column: numeric('OUT OF ORDER'),
      of: (report) => report.delivery?.outOfOrder.events,
      total: delivery.outOfOrder,
    },
    {
      column: numeric('NOT FOUND YET'),
      of: (report) => report.delivery?.notYet,
      total: delivery.notYet,
    },
  ];
}

function numeric(heading: string): Column {
  return { heading, isNumber: true };
}

function isWell({ contradictions, accounts, deletedBytes, delivery }: GenerationReport): boolean {
  const lostBytes = (accounts?.lostBytes ?? 0) + deletedBytes;
  if (contradictions.length > 0 || lostBytes > 0) return false;
  const { missing, outOfOrder, wrong } = delivery ?? {};
  return [missing, outOfOrder, wrong].every((one) => (one?.events ?? 0) === 0);
}

/** The files in which something is wrong, and the youngest of the others, in their order. */
function shorten(reports: readonly GenerationReport[]): readonly GenerationReport[] {
  const well = reports.filter(isWell);
  const ill = reports.filter((report) => !isWell(report));
  const shown = new Set([...ill.slice(0, MAX_SHOWN), ...well.slice(-MAX_WELL)]);
  return reports.filter((report) => shown.has(report));
}

function contradictionLines({ generations }: Verification): string[] {
  const lines = generations.flatMap(({ path, contradictions: texts }) =>
    texts.map((text) => `  ${escapeControl(path)}: ${text}`),
  );
  return titled('the accounts do not add up:', lines);
}

function lossLines({ generations, losses: noted }: Verification): string[] {
  const told = noted.map(({ path, offset, bytes, atLeast, reason, since, until }) => {
    const span = [since, until].filter((time) => time !== undefined).join(' to ');
    const when = span === '' ? '' : `, ${escapeControl(span)}`;
    return `  ${counted(bytes, 'byte')}${atLeast === true ? ' or more' : ''} from ${count(offset)} on of ${escapeControl(path)}: ${escapeControl(reason)}${when}`;
  });
  const untold = generations
    .filter(({ deletedBytes }) => deletedBytes > 0)
    .map(({ path, offset = 0, deletedBytes }) => {
      return `  ${counted(deletedBytes, 'byte')} from ${count(offset)} on of ${escapeControl(path)}: deleted while no agent ran`;
    });
  return titled('lost:', [...told, ...untold]);
}

type FindingsOf = (delivery: Delivery) => Findings;

function findings(verification: Verification): string[] {
  return [
    ...findingLines(verification, 'missing:', ({ missing }) => missing),
    ...findingLines(verification, 'out of order:', ({ outOfOrder }) => outOfOrder),
    ...findingLines(verification, 'ids of no event:', ({ wrong }) => wrong),
    ...findingLines(
      verification,
      'repeated (each event is delivered at least once):',
      ({ repeated }) => repeated,
    ),
  ];
}

function findingLines({ generations }: Verification, title: string, of: FindingsOf): string[] {
  const lines = generations.flatMap((report) => {
    const { delivery, fingerprint } = report;
    if (delivery === undefined) return [];
    const { events, runs } = of(delivery);
    const path = escapeControl(report.path);
    const named = runs.map((run) => {
      const where = `${escapeControl(fingerprint)}-${run.offset}`;
      const many = run.events === 1 ? where : `${counted(run.events, 'event')} from ${where} on`;
      const bytes = run.bytes > 0 ? `, ${counted(run.bytes, 'byte')}` : '';
      return `  ${many}, offset ${count(run.offset)}${bytes} of ${path}`;
    });
    const unnamed = events - runs.reduce((sum, run) => sum + run.events, 0);
    if (unnamed <= 0) return named;
    return [...named, `  ${counted(unnamed, 'event')} of ${path}: nobody can say which`];
  });
  return titled(title, lines);
}

function hints({ delivered, unknown }: Verification, { delivery }: Totals): string[] {
  const lines = delivered.flatMap(({ path, withoutId, unreadable, isCutOff }) => {
    const name = escapeControl(path);
    return [
      ...(withoutId > 0
        ? [
            `${name}: ${counted(withoutId, 'line')} without a shipper.id (ship with coordinates: true in --config)`,
          ]
        : []),
      ...(unreadable > 0
        ? [`${name}: ${counted(unreadable, 'line')} that are no JSON object`]
        : []),
      ...(isCutOff ? [`${name}: its last line is cut off, or is being written`] : []),
    ];
  });
  const { files, events } = unknown;
  return [
    ...bounded(lines),
    ...(events > 0
      ? [
          `${counted(events, 'event')} of ${counted(files, 'file')} that are neither on disk nor remembered: not compared`,
        ]
      : []),
    ...(delivery.filtered > 0
      ? [`${counted(delivery.filtered, 'event')} left out by a rule: not delivered`]
      : []),
    ...(delivery.recovered > 0
      ? [`${counted(delivery.recovered, 'event')} that count as lost were delivered before a crash`]
      : []),
    ...(delivery.skipped > 0
      ? [`${counted(delivery.skipped, 'event')} before --from: not delivered`]
      : []),
    ...(delivery.deadLettered > 0
      ? [
          `${counted(delivery.deadLettered, 'event')} kept as dead letters; audit-shipper replay sends them again`,
        ]
      : []),
  ];
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...bounded(lines)];
}

function bounded(lines: readonly string[]): string[] {
  const hidden = lines.length - MAX_SHOWN;
  if (hidden <= 0) return [...lines];
  return [...lines.slice(0, MAX_SHOWN), `  and ${count(hidden)} more; --json has all`];
}

/** As JSON, in pieces, one generation each: there may be thousands, each with thousands of findings. */
export function* reportJson(
  { generations, ...rest }: Verification,
  totals: Totals,
  verdict: Verdict,
): Generator<string> {
  const head = JSON.stringify({ complete: verdict.isComplete, verdict: verdict.text, totals });
  yield `${head.slice(0, -1)},"generations":[`;
  for (const [index, report] of generations.entries()) {
    yield `${index === 0 ? '\n' : ',\n'}${JSON.stringify(withIds(report))}`;
  }
  yield `\n],${JSON.stringify(rest).slice(1)}\n`;
}

/** Findings with the id of their first event. */
function withIds(report: GenerationReport) {
  const { delivery, fingerprint } = report;
  if (delivery === undefined) return report;
  const named = ({ events, runs }: Findings) => ({
    events,
    runs: runs.map((run) => ({ id: `${fingerprint}-${run.offset}`, ...run })),
  });
  return {
    ...report,
    delivery: {
      ...delivery,
      missing: named(delivery.missing),
      repeated: named(delivery.repeated),
      outOfOrder: named(delivery.outOfOrder),
      wrong: named(delivery.wrong),
    },
  };
}
