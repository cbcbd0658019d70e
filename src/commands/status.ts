/**
 * `audit-shipper status`: what a state directory remembers, beside what is on disk now. It only looks; it takes no
 * lock and changes nothing.
 */
import { basename, dirname } from 'node:path';
import { currentHolder, type Holder } from '../checkpoint/lock.ts';
import { CheckpointStore, StateError } from '../checkpoint/store.ts';
import type { Checkpoint, SavedLoss, SavedOutlook, SavedProblem } from '../checkpoint/format.ts';
import { logOf } from '../memory.ts';
import type { Log } from '../observe/log.ts';
import { escapeControl } from '../observe/terminal.ts';
import { Descriptors } from '../tail/descriptors.ts';
import type { SeenFile } from '../tail/file-set.ts';
import { compareAge } from '../tail/names.ts';
import { Problems } from '../tail/problems.ts';
import { Scanner } from '../tail/scanner.ts';

/** What the table and the JSON say of one generation. */
export interface StatusRow {
  /** Path of the active file of the log that it belongs to. */
  readonly log: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly state: 'settled' | 'behind' | 'new' | 'gone';
  /** Bytes settled. */
  readonly offset: number;
  readonly size: number;
  /** Bytes on disk that are not settled. */
  readonly lag: number;
  /** RFC 3339; undefined for what nothing is remembered of. */
  readonly updated: string | undefined;
}

export interface Status {
  readonly stateDir: string;
  /** Who ships with it now. */
  readonly agent: Holder | undefined;
  readonly files: readonly StatusRow[];
  readonly lag: number;
  /** What was lost since the state directory was made, the latest ones. */
  readonly losses: readonly SavedLoss[];
  /** As the agent saw it last. */
  readonly outlooks: readonly SavedOutlook[];
  /** As the agent saved them, and those of this look. */
  readonly problems: readonly SavedProblem[];
}

export interface StatusOptions {
  readonly stateDir: string;
  readonly json: boolean;
}

/** @returns the exit code; complaints go to stderr. */
export async function status(options: StatusOptions): Promise<number> {
  try {
    const found = await lookUp(options.stateDir);
    const text = options.json ? `${JSON.stringify(found, null, 2)}\n` : table(found);
    process.stdout.write(text);
    return 0;
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    process.stderr.write(`audit-shipper: ${escapeControl(error.message)}\n`);
    return 1;
  }
}

async function lookUp(stateDir: string): Promise<Status> {
  const agent = await currentHolder(stateDir);
  const file = await new CheckpointStore(stateDir).load();
  const problems = new Problems(SILENT);
  const byLog = new Map<string, Checkpoint[]>();
  for (const checkpoint of file.checkpoints) {
    const log = logOf(checkpoint.path);
    byLog.set(log, [...(byLog.get(log) ?? []), checkpoint]);
  }
  const files = [...byLog].flatMap(([log, known]) => rowsOf(log, known, problems));
  const lag = files.reduce((sum, row) => sum + row.lag, 0);
  const own = problems.list().filter(({ path }) => !file.problems.some((p) => p.path === path));
  const { losses, outlooks } = file;
  return { stateDir, agent, files, lag, losses, outlooks, problems: [...file.problems, ...own] };
}

/** Oldest first, the files that are nowhere any more before all others. */
function rowsOf(log: string, known: readonly Checkpoint[], problems: Problems): StatusRow[] {
  const seen = filesOf(log, problems).sort((a, b) => compareAge(a, b));
  const byFingerprint = new Map(known.map((checkpoint) => [checkpoint.fingerprint, checkpoint]));
  const rows: StatusRow[] = [];
  for (const file of withoutTwins(seen)) {
    const checkpoint =
      file.fingerprint === undefined ? undefined : byFingerprint.get(file.fingerprint);
    if (checkpoint !== undefined) byFingerprint.delete(checkpoint.fingerprint);
    rows.push(rowOf(log, file, checkpoint));
  }
  const gone = [...byFingerprint.values()].map((checkpoint) => goneRow(log, checkpoint));
  return [...gone, ...rows];
}

function filesOf(log: string, problems: Problems): SeenFile[] {
  const descriptors = new Descriptors();
  const site = { directory: dirname(log), base: basename(log) };
  const scanner = new Scanner(site, descriptors, problems);
  const options = {
    full: true,
    newestFirst: false,
    isEnded: () => true,
    heldAt: () => undefined,
  };
  for (let scan = scanner.scan(options); scan !== undefined; scan = scanner.goOn(options)) {
    for (const { fd } of scan.opened.values()) descriptors.close(fd);
    if (scan.complete) return [...scan.seen];
  }
  return [];
}

/** A backup and its half-made gz, or a copy, are one generation: the plain file stands for it. */
function withoutTwins(files: readonly SeenFile[]): SeenFile[] {
  const best = new Map<string, SeenFile>();
  for (const file of files) {
    const key = file.fingerprint ?? file.path;
    const other = best.get(key);
    if (other === undefined || (other.gz && !file.gz)) best.set(key, file);
  }
  return files.filter((file) => best.get(file.fingerprint ?? file.path) === file);
}

function rowOf(log: string, file: SeenFile, checkpoint: Checkpoint | undefined): StatusRow {
  const size = file.contentBytes ?? 0;
  const offset = checkpoint?.offset ?? 0;
  const lag = Math.max(0, size - offset);
  const { path, fingerprint } = file;
  const state = checkpoint === undefined ? 'new' : lag > 0 ? 'behind' : 'settled';
  const updated = checkpoint?.updated;
  return { log, path, fingerprint: fingerprint ?? '', state, offset, size, lag, updated };
}

/** Nothing can be read of it any more, so it has no lag; what was not settled of it is lost. */
function goneRow(log: string, checkpoint: Checkpoint): StatusRow {
  const { path, fingerprint, offset, size, updated } = checkpoint;
  return { log, path, fingerprint, state: 'gone', offset, size, lag: 0, updated };
}

const HEADINGS = ['FILE', 'STATE', 'OFFSET', 'SIZE', 'LAG', 'UPDATED'] as const;
/** How many settled or vanished backups of a log the table names; --json has all. */
const MAX_SETTLED_ROWS = 10;

function table(found: Status): string {
  const rows = shorten(found.files);
  const cells = [
    [...HEADINGS],
    ...rows.map((row) => [
      escapeControl(row.path),
      row.state,
      String(row.offset),
      String(row.size),
      String(row.lag),
      row.updated ?? '-',
    ]),
  ];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const hidden = found.files.length - rows.length;
  if (hidden > 0) lines.push(`(and ${hidden} more that are settled or gone; --json has all)`);
  if (found.files.length === 0) lines.splice(0, 1, 'nothing is remembered yet');
  return `${[...lines, '', ...summary(found)].join('\n')}\n`;
}

function isNumber(column: number): boolean {
  return column >= 2 && column <= 4;
}

function shorten(rows: readonly StatusRow[]): StatusRow[] {
  const done = rows.filter((row) => row.state === 'settled' || row.state === 'gone');
  const shown = new Set(done.slice(-MAX_SETTLED_ROWS));
  return rows.filter((row) => shown.has(row) || row.state === 'behind' || row.state === 'new');
}

function summary(found: Status): string[] {
  const { agent, lag, losses, outlooks, problems } = found;
  const who =
    agent === undefined
      ? 'no agent is running on this state directory'
      : `an agent is running: process ${agent.pid} on ${escapeControl(agent.host)}, since ${escapeControl(agent.since)}`;
  const trouble = problems.map(
    ({ path, message, since }) =>
      `problem: ${escapeControl(path)}: ${escapeControl(message)} (since ${escapeControl(since)})`,
  );
  return [
    who,
    `lag: ${lag} bytes on disk are not delivered yet`,
    ...outlooks.flatMap(outlookLine),
    ...lossLine(losses),
    ...trouble,
  ];
}

function outlookLine({
  log,
  bytesPerSecond,
  secondsToLoss,
  heldDeletedBytes,
}: SavedOutlook): string[] {
  const held =
    heldDeletedBytes > 0
      ? [`held: ${heldDeletedBytes} bytes of deleted files of ${escapeControl(log)}`]
      : [];
  if (secondsToLoss === undefined) return held;
  const time = roughly(secondsToLoss);
  const rate = bytesPerSecond === undefined ? '' : ` at ${bytesPerSecond} bytes/s`;
  return [
    ...held,
    `time to loss: ${time} until rotation of ${escapeControl(log)} deletes what is not delivered${rate}`,
  ];
}

/** In the largest unit that says it well enough. */
function roughly(seconds: number): string {
  const [unit, size] = UNITS.find(([, least]) => seconds >= 2 * least) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

const UNITS = [
  ['days', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

function lossLine(losses: readonly SavedLoss[]): string[] {
  const last = losses.at(-1);
  if (last === undefined) return [];
  const bytes = losses.reduce((sum, loss) => sum + loss.bytes, 0);
  const { path, noted } = last;
  return [
    `lost: ${bytes} bytes in ${losses.length} places, the last in ${escapeControl(path)}, noted ${escapeControl(noted)}`,
  ];
}

const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} };
