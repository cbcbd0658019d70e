/**
 * Makes the inputs of the benchmarks: logs as rotation leaves them, the same in every run. Knows nothing of who reads
 * them.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createEventSource, type AuditLevel } from '../src/commands/simulate/events.ts';
import { numbered } from './roll.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

export interface Input {
  readonly directory: string;
  readonly events: number;
  /** Of decompressed content. */
  readonly bytes: number;
}

/** Lines without their newline, for ever. */
type Lines = Generator<string, never>;

// --- what is in the files ---

/** The size of a Metadata event in the field is about 1.2 KB; the simulated ones of that size have at least this. */
const METADATA_MIN_BYTES = 1000;
const BODY_MIN_BYTES = 4000;
const BODY_MAX_BYTES = 40_000;
/** One long line after so many bytes of others. */
const LONG_LINE_EVERY_BYTES = 10e6;
/** The first one comes sooner, so that a small set has one too. */
const FIRST_LONG_LINE_BYTES = 1e6;
const LONG_LINE_BYTES = [1e6, 2e6, 3e6] as const;

function* simulated(level: AuditLevel, min: number, max: number): Lines {
  let nowMs = START_MS;
  const source = createEventSource({ seed: 1, level, now: () => new Date(nowMs++) });
  for (;;) {
    const line = source.next();
    if (line.length >= min && line.length <= max) yield line;
  }
}

/** Events of about 1.2 KB. */
export function metadataEvents(): Lines {
  return simulated('Metadata', METADATA_MIN_BYTES, Infinity);
}

/** Events with bodies: 4 to 40 KB, and now and then one of 1 to 3 MB. */
function* bodyEvents(): Lines {
  const events = simulated('RequestResponse', BODY_MIN_BYTES, BODY_MAX_BYTES);
  let bytes = LONG_LINE_EVERY_BYTES - FIRST_LONG_LINE_BYTES;
  for (let longLines = 0; ;) {
    const line = events.next().value;
    bytes += line.length;
    yield line;
    if (bytes < LONG_LINE_EVERY_BYTES) continue;
    bytes = 0;
    yield longLine(events, LONG_LINE_BYTES[longLines % LONG_LINE_BYTES.length] ?? 0);
    longLines += 1;
  }
}

interface WithBody {
  responseObject?: unknown;
}

/** An event whose response is a list of the responses of others. */
function longLine(events: Lines, bytes: number): string {
  const items: string[] = [];
  const event = JSON.parse(events.next().value) as WithBody;
  for (let length = 0; length < bytes; length += items.at(-1)?.length ?? 0) {
    const { responseObject = null } = JSON.parse(events.next().value) as WithBody;
    items.push(JSON.stringify(responseObject));
  }
  const list = `{"kind":"List","apiVersion":"v1","items":[${items.join(',')}]}`;
  return `${JSON.stringify({ ...event, responseObject: undefined }).slice(0, -1)},"responseObject":${list}}`;
}

// --- the files ---

/** A few files are what is left after some time away; the last one is the active file. */
const FILES = 4;

/** A log of numbered events, each of its own. */
export function writeEvents(
  directory: string,
  level: 'Metadata' | 'RequestResponse',
  bytes: number,
): Input {
  mkdirSync(directory);
  const lines = level === 'Metadata' ? metadataEvents() : bodyEvents();
  let [events, written] = [0, 0];
  for (let index = 0; index < FILES; index += 1) {
    const end = (bytes * (index + 1)) / FILES;
    const name = index === FILES - 1 ? 'audit.log' : backupName(index);
    const fd = openSync(join(directory, name), 'wx');
    while (written < end) {
      events += 1;
      written += writeSync(fd, `${numbered(lines.next().value, events)}\n`);
    }
    closeDurably(fd);
  }
  return { directory, bytes: written, events };
}

/** A few large backups and the active file, all of one size. Their lines are the same, but for the first of each. */
export function writeBacklog(directory: string, files: number, fileBytes: number): Input {
  return writeLog(directory, files, fileBytes, () => false);
}

/** Very many small backups, every other one compressed, and the active file. */
export function writeManyBackups(directory: string, files: number, fileBytes: number): Input {
  return writeLog(directory, files, fileBytes, (index) => index % 2 === 1);
}

/** Each file has a first line of its own, since that line is what a generation is known by. */
function writeLog(
  directory: string,
  files: number,
  fileBytes: number,
  compressed: (index: number) => boolean,
): Input {
  mkdirSync(directory);
  const source = simulated('Metadata', 0, Infinity);
  const rest = linesOf(source, fileBytes);
  let bytes = 0;
  for (let index = 0; index < files; index++) {
    const content = Buffer.concat([Buffer.from(`${source.next().value}\n`), rest.content]);
    bytes += content.length;
    const active = index === files - 1;
    const gz = !active && compressed(index);
    const name = active ? 'audit.log' : `${backupName(index)}${gz ? '.gz' : ''}`;
    const fd = openSync(join(directory, name), 'wx');
    writeSync(fd, gz ? gzipSync(content) : content);
    // One by one that would take a minute for thousands of small files; they are written back in no time.
    if (files > FEW_FILES) closeSync(fd);
    else closeDurably(fd);
  }
  return { directory, bytes, events: files * (rest.lines + 1) };
}

const WARM_BYTES = 1024 * 1024;

/** Reads all of it once: what a slow one has read long ago the kernel may have let go of meanwhile. */
export function warm({ directory }: Input): void {
  const buffer = Buffer.allocUnsafe(WARM_BYTES);
  for (const name of readdirSync(directory)) {
    const fd = openSync(join(directory, name), 'r');
    while (readSync(fd, buffer) > 0);
    closeSync(fd);
  }
}

const FEW_FILES = 100;

/** What the kernel writes to the disk later would disturb what is measured then. */
function closeDurably(fd: number): void {
  fsyncSync(fd);
  closeSync(fd);
}

function linesOf(
  source: Lines,
  bytes: number,
): { readonly content: Buffer; readonly lines: number } {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < bytes) {
    const line = Buffer.from(`${source.next().value}\n`);
    pieces.push(line);
    length += line.length;
  }
  return { content: Buffer.concat(pieces), lines: pieces.length };
}

/** As lumberjack names a backup: one rotation a minute. */
function backupName(index: number): string {
  const stamp = new Date(START_MS + index * 60_000).toISOString().replaceAll(':', '-').slice(0, -1);
  return `audit-${stamp}.log`;
}
