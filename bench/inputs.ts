/**
 * Makes the inputs of the memory benchmark: logs as rotation leaves them, each backup with a first line of its own,
 * since that line is what a generation is known by. Knows nothing of who reads them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createEventSource, type EventSource } from '../src/commands/simulate/events.ts';

/** Every run makes the same events. */
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

export interface Input {
  readonly directory: string;
  readonly events: number;
  /** Of decompressed content. */
  readonly bytes: number;
}

/** A few large backups and the active file, all of one size. */
export function writeBacklog(directory: string, files: number, fileBytes: number): Input {
  return writeLog(directory, files, fileBytes, () => false);
}

/** Very many small backups, every other one compressed, and the active file. */
export function writeManyBackups(directory: string, files: number, fileBytes: number): Input {
  return writeLog(directory, files, fileBytes, (index) => index % 2 === 1);
}

function writeLog(
  directory: string,
  files: number,
  fileBytes: number,
  compressed: (index: number) => boolean,
): Input {
  mkdirSync(directory);
  const source = events();
  const rest = linesOf(source, fileBytes);
  let bytes = 0;
  for (let index = 0; index < files; index++) {
    const content = Buffer.concat([Buffer.from(`${source.next()}\n`), rest.content]);
    bytes += content.length;
    const active = index === files - 1;
    const gz = !active && compressed(index);
    const name = active ? 'audit.log' : `${backupName(index)}${gz ? '.gz' : ''}`;
    writeFileSync(join(directory, name), gz ? gzipSync(content) : content);
  }
  return { directory, bytes, events: files * (rest.lines + 1) };
}

function events(): EventSource {
  let nowMs = START_MS;
  return createEventSource({ seed: 1, level: 'Metadata', now: () => new Date(nowMs++) });
}

function linesOf(
  source: EventSource,
  bytes: number,
): { readonly content: Buffer; readonly lines: number } {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < bytes) {
    const line = Buffer.from(`${source.next()}\n`);
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
