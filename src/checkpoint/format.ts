/**
 * The checkpoint file's format, version 1. Pure: text in, checkpoints out, and back. An unreadable or newer file
 * is an error that says what to do; nothing is ever guessed.
 */

import { NOTHING_SETTLED, type GenerationAccounts, type Tally } from '../deliver/chunk.ts';

/** How far one generation was settled. */
export interface Checkpoint {
  /** Where the file was last seen. */
  readonly path: string;
  readonly fingerprint: string;
  readonly dev: number;
  readonly ino: number;
  /** Every byte before it is settled; in decompressed content. */
  readonly offset: number;
  /** Bytes of decompressed content when it was last looked at. */
  readonly size: number;
  /** RFC 3339: when the offset was last saved. */
  readonly updated: string;
  /** RFC 3339: since then it is nowhere on disk, and nothing more of it can come. */
  readonly gone?: string | undefined;
  /** What became of the bytes before the offset: they add up to it. */
  readonly accounts: GenerationAccounts;
  /** RFC 3339: of the last event before the offset, when it has one. */
  readonly time?: string | undefined;
}

/** What stood in the way of reading when the file was saved; for `status`. */
export interface SavedProblem {
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly since: string;
}

/** Bytes that were gone before they were read; kept for whoever asks whether all is there. */
export interface SavedLoss {
  /** Path of the active file. */
  readonly log: string;
  /** Where the file was last seen. */
  readonly path: string;
  readonly fingerprint: string;
  /** Of the first lost byte. */
  readonly offset: number;
  readonly bytes: number;
  /** There may have been more, nobody knows how much. */
  readonly atLeast?: true | undefined;
  readonly reason: string;
  /** RFC 3339: of the last event before, when that is known. */
  readonly since?: string | undefined;
  /** RFC 3339: the lost events are no younger. */
  readonly until: string;
  /** RFC 3339: when it was noticed. */
  readonly noted: string;
}

/** What is to be expected of a log's rotation; for `status`. */
export interface SavedOutlook {
  /** Path of the active file. */
  readonly log: string;
  readonly bytesPerSecond?: number | undefined;
  /** Until rotation deletes something that is not delivered; undefined when it is not known, or never. */
  readonly secondsToLoss?: number | undefined;
  readonly heldDeletedBytes: number;
}

export interface CheckpointFile {
  readonly checkpoints: readonly Checkpoint[];
  readonly problems: readonly SavedProblem[];
  /** The latest ones, oldest first. */
  readonly losses: readonly SavedLoss[];
  readonly outlooks: readonly SavedOutlook[];
}

const CHECKPOINT_VERSION = 1;
/** Thousands of checkpoints are megabytes of text, which need not be in memory all at once. */
const PIECE_CHARS = 32 * 1024;

/** The file's content is not what this version can read. The message says what to do. */
export class CheckpointFormatError extends Error {
  readonly code = 'CHECKPOINT_FORMAT';
}

/** @throws CheckpointFormatError */
export function parseCheckpoints(text: string): CheckpointFile {
  const file = parseObject(text);
  const version = file['version'];
  if (typeof version === 'number' && version > CHECKPOINT_VERSION) {
    throw new CheckpointFormatError(
      `it was written by a newer version of audit-shipper (format ${version}, this one reads ${CHECKPOINT_VERSION}); run that version, or another state directory`,
    );
  }
  if (version !== CHECKPOINT_VERSION) throw broken('"version" is missing or wrong');
  const checkpoints = file['checkpoints'];
  if (!Array.isArray(checkpoints)) throw broken('"checkpoints" is not a list');
  const { problems, losses, outlooks } = file;
  return {
    checkpoints: checkpoints.map((entry: unknown, index) => parseCheckpoint(entry, index)),
    problems: Array.isArray(problems) ? problems.filter(isSavedProblem) : [],
    losses: Array.isArray(losses) ? losses.filter(isSavedLoss) : [],
    outlooks: Array.isArray(outlooks) ? outlooks.filter(isSavedOutlook) : [],
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw broken('it is not JSON, it may have been cut off');
    throw error;
  }
  if (!isRecord(value)) throw broken('it is not a JSON object');
  return value;
}

function parseCheckpoint(entry: unknown, index: number): Checkpoint {
  const where = `checkpoint ${index + 1}`;
  if (!isRecord(entry)) throw broken(`${where} is not an object`);
  const { path, fingerprint, updated, time, gone } = entry;
  if (typeof path !== 'string' || typeof fingerprint !== 'string' || fingerprint === '') {
    throw broken(`${where} has no path or fingerprint`);
  }
  const offset = byteCount(entry, 'offset', where);
  return {
    path,
    fingerprint,
    dev: count(entry, 'dev', where),
    ino: count(entry, 'ino', where),
    offset,
    size: byteCount(entry, 'size', where),
    updated: typeof updated === 'string' ? updated : new Date(0).toISOString(),
    time: typeof time === 'string' ? time : undefined,
    gone: typeof gone === 'string' ? gone : undefined,
    accounts: parseAccounts(entry['accounts'], offset, where),
  };
}

/** What is zero may be left out; earlier versions wrote no accounts. */
function parseAccounts(value: unknown, offset: number, where: string): GenerationAccounts {
  if (value === undefined) return { ...NOTHING_SETTLED, earlierBytes: offset };
  if (!isRecord(value)) throw broken(`${where}: "accounts" is not an object`);
  const bytes = (key: string): number => (key in value ? byteCount(value, key, where) : 0);
  return {
    delivered: parseTally(value['delivered'], where),
    filtered: parseTally(value['filtered'], where),
    deadLettered: parseTally(value['deadLettered'], where),
    skippedBytes: bytes('skippedBytes'),
    lostBytes: bytes('lostBytes'),
    earlierBytes: bytes('earlierBytes'),
  };
}

function parseTally(value: unknown, where: string): Tally {
  if (value === undefined) return NOTHING_SETTLED.delivered;
  if (!isRecord(value)) throw broken(`${where}: an account is not an object`);
  return { events: byteCount(value, 'events', where), bytes: byteCount(value, 'bytes', where) };
}

function byteCount(entry: Readonly<Record<string, unknown>>, key: string, where: string): number {
  const value = count(entry, key, where);
  if (Number.isSafeInteger(value)) return value;
  throw broken(`${where}: "${key}" is not a whole number`);
}

/** Not always a whole number: Node rounds the inode numbers of some file systems. */
function count(entry: Readonly<Record<string, unknown>>, key: string, where: string): number {
  const value = entry[key];
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw broken(`${where}: "${key}" is not a number of 0 or more`);
}

function isSavedProblem(value: unknown): value is SavedProblem {
  if (!isRecord(value)) return false;
  return ['path', 'code', 'message', 'since'].every((key) => typeof value[key] === 'string');
}

function isSavedLoss(value: unknown): value is SavedLoss {
  if (!isRecord(value)) return false;
  const texts = ['log', 'path', 'fingerprint', 'reason', 'until', 'noted'];
  return (
    texts.every((key) => typeof value[key] === 'string') &&
    ['offset', 'bytes'].every((key) => Number.isSafeInteger(value[key]))
  );
}

function isSavedOutlook(value: unknown): value is SavedOutlook {
  if (!isRecord(value) || typeof value['log'] !== 'string') return false;
  const isNumber = (key: string): boolean => Number.isFinite(value[key]);
  return (
    isNumber('heldDeletedBytes') &&
    ['bytesPerSecond', 'secondsToLoss'].every((key) => !(key in value) || isNumber(key))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function broken(what: string): CheckpointFormatError {
  return new CheckpointFormatError(
    `${what}; put back a copy of it, or move it away: then everything on disk is shipped again (each event with the same shipper.id)`,
  );
}

/**
 * One checkpoint a line, so that a person can read the file and compare two of them. The text comes in pieces, to be
 * written in order.
 */
export function* formatCheckpoints(file: CheckpointFile): Generator<string> {
  const { checkpoints, problems, losses, outlooks } = file;
  let piece = `{"version":${CHECKPOINT_VERSION},"checkpoints":[`;
  for (const [index, checkpoint] of checkpoints.entries()) {
    piece += `${index === 0 ? '\n' : ',\n'}${JSON.stringify(checkpoint, withoutZeros)}`;
    if (piece.length < PIECE_CHARS) continue;
    yield piece;
    piece = '';
  }
  const end = checkpoints.length === 0 ? ']' : '\n]';
  yield `${piece}${end}${listOf('problems', problems)}${listOf('losses', losses)}${listOf('outlooks', outlooks)}}\n`;
}

/** One a line, so that a person can read it. */
function listOf(key: string, values: readonly unknown[]): string {
  if (values.length === 0) return '';
  return `,"${key}":[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`;
}

/** Most accounts of most files are empty. */
function withoutZeros(key: string, value: unknown): unknown {
  if (key.endsWith('Bytes') && value === 0) return undefined;
  return isRecord(value) && value['events'] === 0 && value['bytes'] === 0 ? undefined : value;
}
