/**
 * `audit-shipper simulate`: plays a kube-apiserver that writes its audit log, at a rate, with rotation.
 * Knows nothing of whoever reads the files; the command line is read elsewhere.
 */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import { type AuditLevel, createEventSource } from './simulate/events.ts';
import { RotatingWriter } from './simulate/rotating-writer.ts';

export interface SimulateOptions {
  /** Created with mode 0700 when it is missing. */
  readonly dir: string;
  /** Events per second; 0 is as fast as possible. */
  readonly rate: number;
  /** Megabytes of 1024 × 1024 bytes; a fraction is fine. */
  readonly maxsizeMb: number;
  /** How many backups stay; 0 keeps all. */
  readonly maxbackup: number;
  readonly compress: boolean;
  readonly level: AuditLevel;
  /** Ends after this many events. */
  readonly count?: number | undefined;
  /** Ends after this time. */
  readonly forMs?: number | undefined;
  readonly seed: number;
  /** Name of the active file within `dir`, such as `audit.log`. */
  readonly fileName: string;
}

export interface SimulateResult {
  readonly events: number;
  readonly bytes: number;
  readonly rotations: number;
  /** Events larger than maxsize: kube-apiserver loses those, too. Their sequence numbers are missing on disk. */
  readonly refused: number;
  /** What is on disk at the end, without directory: backups from old to new, then the active file. */
  readonly files: readonly string[];
}

export interface SimulateClock {
  /** Wall clock: what events and names of backups show. */
  now(): Date;
  /** Never goes back: what the pace is measured with. */
  elapsedMs(): number;
  /** Resolves early when the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface SimulateContext {
  readonly log: Log;
  /** Ends the writing; what was written stays and is summed up as usual. */
  readonly signal: AbortSignal;
  readonly clock?: SimulateClock;
}

const SYSTEM_CLOCK: SimulateClock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await setTimeout(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};

/** Writes in a row before the event loop gets its turn: a few milliseconds of work. */
const BATCH_EVENTS_MAX = 200;
/** No sleep is shorter: at high rates several events are written per tick. */
const TICK_MS = 10;
/** Timers of Node take 2^31 ms at most; an hour is as good. */
const SLEEP_MAX_MS = 3_600_000;
/** Further behind than this (a suspended machine), the missed events are skipped instead of written in a burst. */
const CATCH_UP_MAX_MS = 2_000;

/**
 * Writes events until count, forMs or the signal ends it, then closes the log and logs one line, `simulated`.
 * Rejects with a message that says what to do when the directory cannot be written or the disk is full.
 */
export async function simulate(
  options: SimulateOptions,
  context: SimulateContext,
): Promise<SimulateResult> {
  const { log, signal, clock = SYSTEM_CLOCK } = context;
  const writer = new RotatingWriter({
    path: join(options.dir, options.fileName),
    maxsizeMb: options.maxsizeMb,
    maxbackup: options.maxbackup,
    compress: options.compress,
    now: () => clock.now(),
    onMillError: (error) => {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn('a rotated file could not be deleted or compressed; this is tried again', {
        reason,
      });
    },
  });
  try {
    prepareDirectory(options.dir);
    try {
      await writeEvents(options, { log, signal, clock }, writer);
    } finally {
      await writer.close();
    }
  } catch (error) {
    throw explain(options.dir, error);
  }
  const { bytes, rotations, refused, written: events } = writer;
  log.info('simulated', { events, bytes, rotations, refused });
  return { events, bytes, rotations, refused, files: await writer.files() };
}

async function writeEvents(
  options: SimulateOptions,
  { log, signal, clock }: Required<SimulateContext>,
  writer: RotatingWriter,
): Promise<void> {
  const source = createEventSource({ ...options, now: () => clock.now() });
  const pace = createPace(options.rate, clock.elapsedMs());
  const deadlineMs = clock.elapsedMs() + (options.forMs ?? Number.POSITIVE_INFINITY);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  while (left > 0 && !signal.aborted && clock.elapsedMs() < deadlineMs) {
    const batch = Math.min(pace.due(clock.elapsedMs()), BATCH_EVENTS_MAX, left);
    for (let written = 0; written < batch; written++) writeEvent(writer, source.next(), log);
    pace.took(batch);
    left -= batch;
    if (left === 0) break;
    const waitMs = Math.min(pace.waitMs(clock.elapsedMs()), deadlineMs - clock.elapsedMs());
    if (waitMs <= 0) await setImmediate();
    else await clock.sleep(Math.min(Math.max(waitMs, TICK_MS), SLEEP_MAX_MS), signal);
  }
}

function writeEvent(writer: RotatingWriter, line: string, log: Log): void {
  const bytes = Buffer.from(`${line}\n`);
  if (writer.write(bytes) === 'refused' && writer.refused === 1) {
    log.warn('an event is larger than maxsize and was not written; use a larger --maxsize', {
      bytes: bytes.length,
      maxsize: writer.maxBytes,
    });
  }
}

/** How many events are due; times are milliseconds of the clock that never goes back. */
interface Pace {
  due(nowMs: number): number;
  took(events: number): void;
  /** Until the next event is due; 0 or less when one is due already. */
  waitMs(nowMs: number): number;
}

function createPace(rate: number, startMs: number): Pace {
  if (!(rate >= 0)) throw new RangeError('rate must be 0 or more events per second');
  if (rate === 0) {
    return { due: () => BATCH_EVENTS_MAX, took: () => undefined, waitMs: () => 0 };
  }
  const intervalMs = 1_000 / rate;
  let nextMs = startMs;
  return {
    due(nowMs) {
      if (nowMs - nextMs > CATCH_UP_MAX_MS) nextMs = nowMs;
      return nowMs < nextMs ? 0 : 1 + Math.floor((nowMs - nextMs) / intervalMs);
    },
    took(events) {
      nextMs += events * intervalMs;
    },
    waitMs: (nowMs) => nextMs - nowMs,
  };
}

function prepareDirectory(dir: string): void {
  makeDirectory(dir);
  accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
}

/** Makes a directory and its parents. The `recursive` of Node 20 tries for ever where only a mount makes one (/proc). */
function makeDirectory(path: string): void {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing?.isDirectory() === true) return;
  if (existing !== undefined) {
    throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
  }
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
}

/** The log cannot be written. `code` is the system's error code when there is one. */
class SimulateError extends Error {
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there and cannot be made there; choose another directory',
  ENOTDIR: 'it is not a directory; name a directory, it is created when it is missing',
  EEXIST: 'it is not a directory; name a directory, it is created when it is missing',
  EACCES: 'no permission; choose a directory that you may write to',
  EPERM: 'not permitted; choose a directory that you may write to',
  EROFS: 'the file system is read-only; choose another directory',
  ENOSPC: 'the disk is full; free some space, or use a smaller --maxsize or --maxbackup',
  EDQUOT: 'the disk quota is used up; free some space, or use a smaller --maxsize or --maxbackup',
  EISDIR: 'the log file is a directory; remove it or choose another directory',
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

function explain(dir: string, error: unknown): SimulateError {
  const code = codeOf(error);
  const advice = code === undefined ? undefined : ADVICE[code];
  // What has no advice is told by the cause alone.
  const message = `cannot simulate an audit log in ${dir}${advice === undefined ? '' : `: ${advice}`}`;
  return new SimulateError(message, code, error);
}
