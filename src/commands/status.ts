/**
 * `audit-shipper status`: what a state directory remembers, beside what is on disk now. It only looks; it takes no
 * lock and changes nothing.
 */
import { basename, dirname } from 'node:path';
import { currentHolder, type Holder } from '../checkpoint/lock.ts';
import { CheckpointStore, StateError } from '../checkpoint/store.ts';
import type { Checkpoint, SavedLoss, SavedOutlook, SavedProblem } from '../checkpoint/format.ts';
import { logOf } from '../memory.ts';
import { span } from '../observe/amounts.ts';
import { escapeControl } from '../observe/terminal.ts';
import type { SeenFile } from '../tail/file-set.ts';
import { Problems } from '../tail/problems.ts';
import { filesOf, SILENT } from './files-on-disk.ts';
import { tableLines, type Column } from './table.ts';

/** What the table and the JSON say of one generation. */
export interface StatusRow {
  /** Path of the active file of the log that it belongs to. */
  readonly log: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly state: 'settled' | 'behind' | 'new' | 'held' | 'gone';
  /** Bytes settled. */
  readonly offset: number;
  readonly size: number;
  /** Bytes that are not settled: on disk, or held of a deleted file. */
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
  const isRunning = agent !== undefined;
  const files = [...byLog].flatMap(([log, known]) => rowsOf(log, known, isRunning, problems));
  const lag = files.reduce((sum, row) => sum + row.lag, 0);
  const own = problems.list().filter(({ path }) => !file.problems.some((p) => p.path === path));
  const { losses, outlooks } = file;
  return { stateDir, agent, files, lag, losses, outlooks, problems: [...file.problems, ...own] };
}

/** Oldest first, the files that are nowhere any more before all others. */
function rowsOf(
  log: string,
  known: readonly Checkpoint[],
  isRunning: boolean,
  problems: Problems,
): StatusRow[] {
  const seen = filesOf({ directory: dirname(log), base: basename(log) }, problems);
  const byFingerprint = new Map(known.map((checkpoint) => [checkpoint.fingerprint, checkpoint]));
  const rows: StatusRow[] = [];
  for (const file of seen) {
    const checkpoint =
      file.fingerprint === undefined ? undefined : byFingerprint.get(file.fingerprint);
    if (checkpoint !== undefined) byFingerprint.delete(checkpoint.fingerprint);
    rows.push(rowOf(log, file, checkpoint));
  }
  const gone = [...byFingerprint.values()].map((checkpoint) => goneRow(log, checkpoint, isRunning));
  return [...gone, ...rows];
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

/**
 * An agent that runs may hold a deleted file, and reads it to its end. Of any other nothing can be read, so it has no
 * lag; what was not settled of it is lost.
 */
function goneRow(log: string, checkpoint: Checkpoint, isRunning: boolean): StatusRow {
  const { path, fingerprint, offset, size, updated, gone } = checkpoint;
  const isHeld = isRunning && gone === undefined && size > offset;
  const lag = isHeld ? size - offset : 0;
  const state = isHeld ? 'held' : 'gone';
  return { log, path, fingerprint, state, offset, size, lag, updated };
}

const COLUMNS: readonly Column[] = [
  { heading: 'FILE' },
  { heading: 'STATE' },
  { heading: 'OFFSET', isNumber: true },
  { heading: 'SIZE', isNumber: true },
  { heading: 'LAG', isNumber: true },
  { heading: 'UPDATED' },
];
/** How many settled or vanished backups of a log the table names; --json has all. */
const MAX_SETTLED_ROWS = 10;

function table(found: Status): string {
  const rows = shorten(found.files);
  const lines = tableLines(
    COLUMNS,
    rows.map(({ path, state, offset, size, lag, updated }) => {
      return [path, state, String(offset), String(size), String(lag), updated ?? '-'];
    }),
  );
  const hidden = found.files.length - rows.length;
  if (hidden > 0) lines.push(`(and ${hidden} more that are settled or gone; --json has all)`);
  if (found.files.length === 0) lines.splice(0, 1, 'nothing is remembered yet');
  return `${[...lines, '', ...summary(found)].join('\n')}\n`;
}

function shorten(rows: readonly StatusRow[]): StatusRow[] {
  const isDone = ({ state }: StatusRow): boolean => state === 'settled' || state === 'gone';
  const shown = new Set(rows.filter(isDone).slice(-MAX_SETTLED_ROWS));
  return rows.filter((row) => shown.has(row) || !isDone(row));
}

function summary(found: Status): string[] {
  const { agent, lag, losses, outlooks, problems } = found;
  const trouble = problems.map(
    ({ path, message, since }) =>
      `problem: ${escapeControl(path)}: ${escapeControl(message)} (since ${escapeControl(since)})`,
  );
  return [
    agentText(agent),
    `lag: ${lag} bytes are not delivered yet`,
    ...outlooks.flatMap(outlookLine),
    ...lossLine(losses),
    ...trouble,
  ];
}

export function agentText(agent: Holder | undefined): string {
  if (agent === undefined) return 'no agent is running on this state directory';
  const { pid, host, since } = agent;
  return `an agent is running: process ${pid} on ${escapeControl(host)}, since ${escapeControl(since)}`;
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
  const time = span(secondsToLoss);
  const rate = bytesPerSecond === undefined ? '' : ` at ${bytesPerSecond} bytes/s`;
  return [
    ...held,
    `time to loss: ${time} until rotation of ${escapeControl(log)} deletes what is not delivered${rate}`,
  ];
}

function lossLine(losses: readonly SavedLoss[]): string[] {
  const last = losses.at(-1);
  if (last === undefined) return [];
  const bytes = losses.reduce((sum, loss) => sum + loss.bytes, 0);
  const { path, noted } = last;
  return [
    `lost: ${bytes} bytes in ${losses.length} places, the last in ${escapeControl(path)}, noted ${escapeControl(noted)}`,
  ];
}
