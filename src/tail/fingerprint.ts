/**
 * The identity of a generation: a hash of its first line, which never changes while the file grows, is renamed
 * or is compressed. Reads the head of an open file; knows nothing of names, offsets already shipped, or logs.
 */
import { createHash } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';

/** A longer first line is known by its first 64 KiB (DESIGN.md, "fingerprint"). */
export const FINGERPRINT_LINE_BYTES = 64 * 1024;
/** Enough of the head to notice that a file was rewritten: it holds the auditID (FIELD.md). */
const GUARD_BYTES = 256;
/** 128 bits: two first lines of one cluster do not collide, and an id stays short. */
const FINGERPRINT_BYTES = 16;
/** RFC 1952: the header and the trailer alone take 18 bytes. */
const GZ_MIN_BYTES = 18;
/** RFC 1952: ISIZE, the length of the content, has 32 bits. */
export const GZ_SIZE_MODULUS = 2 ** 32;
const NUL = 0;
const NEWLINE = 10;
/** How much of a hole of NULs is looked at in one read. */
const HOLE_BYTES = 256 * 1024;
/** Compressed bytes to try, in turn, until they hold the first line; audit events shrink 10 to 20 times. */
const GZ_HEAD_BYTES = [768, 2048, 8 * 1024, 64 * 1024, 256 * 1024] as const;
/** Output buffer of such an attempt: about what the first one gives of Metadata events. */
const GZ_HEAD_OUTPUT_BYTES = 2 * 1024;

/** The head of a file whose first line is complete. */
export interface Head {
  readonly fingerprint: string;
  /** Where the first line begins: behind the leading NULs of a copytruncate's hole. Decompressed offset. */
  readonly start: number;
  /** The first bytes of the first line, to compare with later. */
  readonly guard: Buffer;
}

/** `incomplete`: the first line has no newline yet, and the file may grow. `damaged`: not a readable gzip head. */
export type HeadResult = Head | 'incomplete' | 'damaged';

/**
 * Whether what is there without a newline is the whole first line; where only that first line itself can tell, it is asked
 * with the fingerprint that the file would have.
 */
export type Ended = boolean | ((fingerprint: string) => boolean);

const scratch = Buffer.allocUnsafe(HOLE_BYTES);

/**
 * Reads the head of an open plain file.
 * @param ended the generation cannot grow: what is there is the first line, with or without a newline.
 * @throws the system error when the file cannot be read (EIO).
 */
export function readHead(fd: number, ended: Ended): HeadResult {
  const start = findContent(fd);
  if (start === undefined) return 'incomplete';
  const bytes = readSync(fd, scratch, 0, FINGERPRINT_LINE_BYTES, start);
  return headOf(scratch.subarray(0, bytes), start, ended);
}

/** Reads the head of an open gzip file, as far as it is there. A gzip file does not grow once it is complete. */
export function readGzHead(fd: number): HeadResult {
  const { size } = fstatSync(fd);
  for (const limit of GZ_HEAD_BYTES) {
    const compressed = scratch.subarray(0, readSync(fd, scratch, 0, limit, 0));
    const whole = compressed.length >= size;
    const head = inflatedHead(compressed, whole);
    if (whole || typeof head === 'object' || head === 'damaged') return head;
  }
  return 'damaged';
}

function inflatedHead(compressed: Buffer, whole: boolean): HeadResult {
  // The trailer says how much there is; one byte more spares zlib a second buffer to find the end.
  const expected =
    whole && compressed.length >= GZ_MIN_BYTES ? trailerOf(compressed) + 1 : Infinity;
  const text = inflate(compressed, expected);
  if (typeof text === 'string') return text;
  const start = firstNonNul(text, text.length);
  if (start === undefined) return 'incomplete';
  // Only a file whose trailer agrees is complete; a growing one may still show half of its first line.
  const complete = whole && trailerOf(compressed) === text.length;
  return headOf(text.subarray(start, start + FINGERPRINT_LINE_BYTES), start, complete);
}

/** The length of the content, modulo 2^32 (RFC 1952, ISIZE). */
function trailerOf(compressed: Buffer): number {
  return compressed.readUInt32LE(compressed.length - 4);
}

/**
 * Decompresses the beginning of a gzip file as far as it goes.
 * @param expected bytes of output, if they are known: thousands of small files must not cost a large buffer each.
 */
export function inflate(
  compressed: Buffer,
  expected: number = Infinity,
): Buffer | 'incomplete' | 'damaged' {
  if (compressed.length < GZ_MIN_BYTES) return 'incomplete';
  try {
    // A sync flush gives what there is of a file that is cut off, by us or by a crash.
    return gunzipSync(compressed, {
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: Math.min(GZ_HEAD_OUTPUT_BYTES, Math.max(constants.Z_MIN_CHUNK, expected)),
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error) return 'damaged';
    throw error;
  }
}

function headOf(bytes: Buffer, start: number, ended: Ended): HeadResult {
  const newline = bytes.indexOf(NEWLINE);
  const complete = newline !== -1 || bytes.length >= FINGERPRINT_LINE_BYTES;
  if ((!complete && ended === false) || bytes.length === 0) return 'incomplete';
  const line = newline === -1 ? bytes : bytes.subarray(0, newline);
  const hash = createHash('sha256').update(line).digest();
  const fingerprint = hash.toString('hex', 0, FINGERPRINT_BYTES);
  if (!complete && typeof ended === 'function' && !ended(fingerprint)) return 'incomplete';
  return {
    fingerprint,
    start,
    guard: Buffer.from(bytes.subarray(0, Math.min(line.length + 1, GUARD_BYTES))),
  };
}

/** Whether the file still begins with what the head saw: it was not truncated and written anew. */
export function headUnchanged(fd: number, head: Head): boolean {
  const bytes = readSync(fd, scratch, 0, head.guard.length, head.start);
  return head.guard.equals(scratch.subarray(0, bytes));
}

/** The first line of an open plain file, or what there is of it in its first 64 KiB. */
export function readFirstLine(fd: number, { start }: Head): Buffer {
  const bytes = readSync(fd, scratch, 0, FINGERPRINT_LINE_BYTES, start);
  const newline = scratch.subarray(0, bytes).indexOf(NEWLINE);
  return Buffer.from(scratch.subarray(0, newline === -1 ? bytes : newline));
}

function findContent(fd: number): number | undefined {
  let position = 0;
  for (;;) {
    const bytes = readSync(fd, scratch, 0, HOLE_BYTES, position);
    if (bytes === 0) return undefined;
    const found = firstNonNul(scratch, bytes);
    if (found !== undefined) return position + found;
    position += bytes;
  }
}

function firstNonNul(bytes: Buffer, length: number): number | undefined {
  for (let index = 0; index < length; index++) if (bytes[index] !== NUL) return index;
  return undefined;
}

/** The length of what a one-member gzip file holds, modulo 2^32 (RFC 1952, ISIZE); undefined when cut short. */
export function gzContentSize(fd: number): number | undefined {
  const { size } = fstatSync(fd);
  if (size < GZ_MIN_BYTES) return undefined;
  if (readSync(fd, scratch, 0, 4, size - 4) !== 4) return undefined;
  return scratch.readUInt32LE(0);
}
