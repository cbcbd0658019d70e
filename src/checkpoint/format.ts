/**
 * The checkpoint file's format, version 1. Pure: text in, checkpoints out, and back. An unreadable or newer file
 * is an error that says what to do; nothing is ever guessed.
 */

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
}

/** What stood in the way of reading when the file was saved; for `status`. */
export interface SavedProblem {
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly since: string;
}

export interface CheckpointFile {
  readonly checkpoints: readonly Checkpoint[];
  readonly problems: readonly SavedProblem[];
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
  const problems = file['problems'];
  return {
    checkpoints: checkpoints.map((entry: unknown, index) => parseCheckpoint(entry, index)),
    problems: Array.isArray(problems) ? problems.filter(isSavedProblem) : [],
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
  const { path, fingerprint, updated } = entry;
  if (typeof path !== 'string' || typeof fingerprint !== 'string' || fingerprint === '') {
    throw broken(`${where} has no path or fingerprint`);
  }
  return {
    path,
    fingerprint,
    dev: count(entry, 'dev', where),
    ino: count(entry, 'ino', where),
    offset: byteCount(entry, 'offset', where),
    size: byteCount(entry, 'size', where),
    updated: typeof updated === 'string' ? updated : new Date(0).toISOString(),
  };
}

function byteCount(entry: Readonly<Record<string, unknown>>, key: string, where: string): number {
  const value = count(entry, key, where);
  if (Number.isSafeInteger(value)) return value;
  throw broken(`${where}: "${key}" is not a whole number of bytes`);
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
  const { checkpoints, problems } = file;
  let piece = `{"version":${CHECKPOINT_VERSION},"checkpoints":[`;
  for (const [index, checkpoint] of checkpoints.entries()) {
    piece += `${index === 0 ? '\n' : ',\n'}${JSON.stringify(checkpoint)}`;
    if (piece.length < PIECE_CHARS) continue;
    yield piece;
    piece = '';
  }
  const end = checkpoints.length === 0 ? ']' : '\n]';
  const tail = problems.length === 0 ? '' : `,"problems":${JSON.stringify(problems)}`;
  yield `${piece}${end}${tail}}\n`;
}
