/**
 * Whether bytes are JSON, without building anything of it: the same verdict as JSON.parse, plus a limit of depth.
 * Pure; it knows nothing of events. That the bytes are UTF-8 is checked elsewhere.
 */

/** As deep as Go's encoding/json goes, with which kube-apiserver reads what it logs (scanner.go, maxNestingDepth). */
export const MAX_DEPTH = 10_000;

export type JsonVerdict = 'object' | 'other' | 'invalid';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
/** Added to an upper-case ASCII letter it gives the lower-case one. */
const CASE_BIT = 0x20;
const SPACE = 0x20;

/** What may follow a backslash, but for `u` and its four digits (RFC 8259, section 7). */
const ESCAPES: ReadonlySet<number | undefined> = new Set(Buffer.from('"\\/bfnrt'));
const LITERALS = [Buffer.from('true'), Buffer.from('false'), Buffer.from('null')] as const;

/** The containers that are open, innermost last: the byte that closes each. */
const closers = new Uint8Array(MAX_DEPTH);

/** Judges bytes [start, end), which may have white space around the value. */
export function judgeJson(bytes: Uint8Array, start: number, end: number): JsonVerdict {
  const first = skipSpace(bytes, start, end);
  if (first === end) return 'invalid';
  const after = skipValue(bytes, first, end);
  if (after === -1 || skipSpace(bytes, after, end) !== end) return 'invalid';
  return bytes[first] === OPEN_BRACE ? 'object' : 'other';
}

/** A member of an object: bytes [start, end) are `"key": value`, and the value begins at `value`. */
export interface Member {
  readonly key: string;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/** The members at the top of one JSON object, in order; undefined when the bytes are none. */
export function membersOf(bytes: Uint8Array): readonly Member[] | undefined {
  const { length } = bytes;
  if (judgeJson(bytes, 0, length) !== 'object') return undefined;
  const members: Member[] = [];
  let at = skipSpace(bytes, skipSpace(bytes, 0, length) + 1, length);
  while (bytes[at] === QUOTE) {
    const keyEnd = skipString(bytes, at + 1, length);
    const value = skipKey(bytes, at, length);
    const end = skipValue(bytes, value, length);
    const key = JSON.parse(Buffer.from(bytes.subarray(at, keyEnd)).toString('utf8')) as string;
    members.push({ key, start: at, value, end });
    at = skipSpace(bytes, end, length);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1, length);
  }
  return members;
}

/** @returns the offset behind the value that begins at `start`, or -1 when there is no whole value. */
function skipValue(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) return -1;
      const closer = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      at = skipSpace(bytes, at + 1, end);
      if (bytes[at] !== closer || at >= end) {
        closers[depth++] = closer;
        if (byte === OPEN_BRACE) at = skipKey(bytes, at, end);
        if (at === -1) return -1;
        continue;
      }
      at += 1;
    } else {
      at = skipScalar(bytes, at, end);
      if (at === -1) return -1;
    }
    // A value has ended: so may the containers around it, until one goes on behind a comma.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at, end);
      if (at >= end) return -1;
      if (bytes[at] === COMMA) break;
      if (bytes[at] !== closers[depth - 1]) return -1;
      depth -= 1;
      at += 1;
    }
    at = skipSpace(bytes, at + 1, end);
    if (closers[depth - 1] === CLOSE_BRACE) at = skipKey(bytes, at, end);
    if (at === -1) return -1;
  }
}

/** @returns the offset of the value behind `"key" :`, or -1. */
function skipKey(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || bytes[start] !== QUOTE) return -1;
  const after = skipString(bytes, start + 1, end);
  if (after === -1) return -1;
  const colon = skipSpace(bytes, after, end);
  return colon < end && bytes[colon] === COLON ? skipSpace(bytes, colon + 1, end) : -1;
}

function skipScalar(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  const byte = bytes[start] ?? 0;
  if (byte === QUOTE) return skipString(bytes, start + 1, end);
  if (byte === MINUS || isDigit(byte)) return skipNumber(bytes, start, end);
  for (const literal of LITERALS) {
    if (literal[0] === byte) return skipLiteral(bytes, start, end, literal);
  }
  return -1;
}

/** @param start behind the opening quote. */
function skipString(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at + 1;
    if (byte < SPACE) return -1;
    if (byte !== BACKSLASH) continue;
    at += 1;
    if (at < end && bytes[at] === LOWER_U) {
      if (!areHexDigits(bytes, at + 1, end)) return -1;
      at += 4;
    } else if (at >= end || !ESCAPES.has(bytes[at])) return -1;
  }
  return -1;
}

/** @returns the offset behind the number that begins at `start`, or -1. */
export function skipNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  if (at < end && bytes[at] === ZERO) at += 1;
  else at = skipDigits(bytes, at, end);
  if (at !== -1 && at < end && bytes[at] === DOT) at = skipDigits(bytes, at + 1, end);
  if (at === -1 || at >= end || ((bytes[at] ?? 0) | CASE_BIT) !== LOWER_E) return at;
  const sign = bytes[at + 1];
  return skipDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1, end);
}

/** At least one digit. */
function skipDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isDigit(bytes[at] ?? 0)) at += 1;
  return at > start ? at : -1;
}

function skipLiteral(bytes: Uint8Array, start: number, end: number, literal: Uint8Array): number {
  if (start + literal.length > end) return -1;
  for (let index = 1; index < literal.length; index++) {
    if (bytes[start + index] !== literal[index]) return -1;
  }
  return start + literal.length;
}

function areHexDigits(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + 4 > end) return false;
  for (let at = start; at < start + 4; at++) {
    const byte = bytes[at] ?? 0;
    const letter = byte | CASE_BIT;
    if (!isDigit(byte) && (letter < 0x61 || letter > 0x66)) return false;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(bytes[at])) at += 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
