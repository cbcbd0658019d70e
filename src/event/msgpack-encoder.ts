/**
 * From one JSON object to MessagePack, in one pass that also validates: it accepts exactly what json.ts calls an
 * object. It knows nothing of events but that one top-level key holds their time. That the bytes are UTF-8 is checked
 * elsewhere.
 *
 * This is the hot path: flat functions over bytes, nothing allocated for a value. Each takes the offset where it reads
 * and gives the one behind what it read, or FAILED; where it writes is in `out`.
 */
import { MAX_DEPTH, skipNumber } from './json.ts';
import { putNumber } from './msgpack-number.ts';
import {
  ARRAY_16,
  FALSE,
  MAP_16,
  NIL,
  put16,
  put32,
  putByte,
  putMapHeader,
  putStrHeader,
  STR_16,
  TRUE,
  type Memory,
} from './msgpack.ts';

export const FAILED = -1;

/** What is wanted of the top level, and what was found there. */
export interface TopLevel {
  /** So many members the caller writes behind the object's own: they are counted in its header. */
  readonly added: number;
  /** The key whose last text is the time; without it none is looked for. */
  readonly timeKey: Uint8Array | undefined;
  /** Where that text was written; FAILED when there is none. */
  timeStart: number;
  timeEnd: number;
}

/**
 * The bytes that n bytes of JSON take at most, at any time while they are encoded.
 *
 * Every byte of JSON brings three, and the last value may be three ahead of them until a comma or the end of its
 * container follows. A scalar of n bytes takes 3(n + 1) at most: the worst is `-0`, whose two bytes become nine
 * (`1.5` and `1e9` make nine of three, a digit one of one, a text of n bytes n + 3 at most, and an escape is never
 * shorter than its character). A container's beginning brings the three of its head. Its end brings three more, of
 * which a head of five bytes takes two.
 */
export function maxEncodedBytes(jsonBytes: number): number {
  return 3 * jsonBytes + 3;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_A = 0x61;
const LOWER_F = 0x66;
const LOWER_U = 0x75;
/** Added to an upper-case ASCII letter it gives the lower-case one. */
const CASE_BIT = 0x20;
const SPACE = 0x20;
/** From the byte that opens a container to the one that closes it, for both kinds. */
const TO_CLOSER = 2;

const FIXARRAY = 0x90;
const FIXMAP = 0x80;
/** The head that is written before the count is known. */
const HEAD_BYTES = 3;
const MAX_16 = 0xffff;
/** From a head with 16 bits of count to the one with 32: the next kind, two bytes more. */
const TO_32 = 1;
const LONGER_HEAD_BYTES = 2;

/** Native copying costs a call; up to here a loop over words is faster. */
const MAX_LOOPED_COPY = 192;

/** The literals' first four bytes, or the last four of `false`, as a little-endian number. */
const TRUE_WORD = 0x65757274;
const NULL_WORD = 0x6c6c756e;
const ALSE_WORD = 0x65736c61;

/** Each byte of a word: the lowest bit, the highest, and what strings do not hold as it is. */
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const SPACES = 0x20202020;

/** UTF-16 halves of one character: the first ones begin here, then the second ones, and here they end. */
const HIGH_HALVES = 0xd800;
const LOW_HALVES = 0xdc00;
const HALVES_END = 0xe000;
const HALF_BITS = 10;
/** What a pair of halves counts from. */
const BEYOND_16_BITS = 0x1_0000;
/** Stands for a half without its other, as in every text that is made of UTF-16. */
const REPLACEMENT = 0xfffd;
/** A backslash, `u` and four digits. */
const UNICODE_ESCAPE_BYTES = 6;

/** The byte that an escape stands for, by the byte behind the backslash; 0 where there is none. */
const ESCAPED = new Uint8Array(256);
for (const [index, letter] of Array.from(Buffer.from('"\\/bfnrt')).entries()) {
  ESCAPED[letter] = '"\\/\b\f\n\r\t'.charCodeAt(index);
}

/** Where the next byte is written. */
let out = 0;
/** Where the content of the last text begins; it ends at `out`. */
let textStart = 0;
/** The containers that are open, innermost last: where the head stands, the members, the byte that closes it. */
const heads = new Int32Array(MAX_DEPTH + 1);
const counts = new Int32Array(MAX_DEPTH + 1);
const closers = new Uint8Array(MAX_DEPTH + 1);

/**
 * Encodes bytes [start, end), which may have white space around the object, to `to` and behind, where there must be
 * room for maxEncodedBytes.
 *
 * @returns the offset behind what was written, or FAILED: then what stands behind `to` means nothing.
 */
export function encodeObject(
  source: Memory,
  start: number,
  end: number,
  target: Memory,
  to: number,
  top: TopLevel,
): number {
  const first = skipSpace(source.view, start, end);
  if (first >= end || source.view.getUint8(first) !== OPEN_BRACE) return FAILED;
  out = to;
  top.timeStart = FAILED;
  top.timeEnd = FAILED;
  const after = encodeValue(source, first, end, target, top);
  if (after === FAILED || skipSpace(source.view, after, end) !== end) return FAILED;
  return out;
}

/** The value that begins at `start`, with all that is in it. */
function encodeValue(
  source: Memory,
  start: number,
  end: number,
  target: Memory,
  top: TopLevel,
): number {
  const view = source.view;
  let at = start;
  let depth = 0;
  let isTime = false;
  for (;;) {
    const byte = at < end ? view.getUint8(at) : 0;
    if (byte === QUOTE) {
      at = encodeString(source, at + 1, end, target);
      if (isTime && depth === 1) noteTime(top);
    } else if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) {
      at = encodeScalar(source, byte, at, end, target);
    } else {
      if (depth === MAX_DEPTH) return FAILED;
      at = skipSpace(view, at + 1, end);
      if (at < end && view.getUint8(at) === byte + TO_CLOSER) {
        at += 1;
        putEmpty(target.view, byte, depth === 0 ? top.added : 0);
      } else {
        depth += 1;
        openContainer(byte, depth, depth === 1 ? top.added : 0);
        if (byte === OPEN_BRACE) at = encodeKey(source, at, end, target);
        if (at === FAILED) return FAILED;
        if (depth === 1) isTime = isTimeKey(target.view, top.timeKey);
        continue;
      }
    }
    if (at === FAILED) return FAILED;
    // A value has ended: so may the containers around it, until one goes on behind a comma.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(view, at, end);
      if (at >= end) return FAILED;
      const separator = view.getUint8(at++);
      if (separator === COMMA) break;
      if (separator !== closers[depth]) return FAILED;
      closeContainer(target, depth, top);
      depth -= 1;
    }
    counts[depth] = (counts[depth] ?? 0) + 1;
    at = skipSpace(view, at, end);
    if (closers[depth] === OPEN_BRACE + TO_CLOSER) at = encodeKey(source, at, end, target);
    if (at === FAILED) return FAILED;
    if (depth === 1) isTime = isTimeKey(target.view, top.timeKey);
  }
}

// --- containers ---

/** @param added what will be written into it later. */
function putEmpty(view: DataView, opener: number, added: number): void {
  if (opener === OPEN_BRACKET) out = putByte(view, out, FIXARRAY);
  else out = added === 0 ? putByte(view, out, FIXMAP) : putMapHeader(view, out, added);
}

/** Leaves room for the head and counts the first member. */
function openContainer(opener: number, depth: number, added: number): void {
  heads[depth] = out;
  counts[depth] = 1 + added;
  closers[depth] = opener + TO_CLOSER;
  out += HEAD_BYTES;
}

/** Writes the head, now that the members are counted. */
function closeContainer(target: Memory, depth: number, top: TopLevel): void {
  const head = heads[depth] ?? 0;
  const count = counts[depth] ?? 0;
  const kind = closers[depth] === OPEN_BRACE + TO_CLOSER ? MAP_16 : ARRAY_16;
  if (count <= MAX_16) {
    put16(target.view, head, kind, count);
    return;
  }
  makeRoom(target, head + HEAD_BYTES);
  put32(target.view, head, kind + TO_32, count);
  if (depth !== 1 || top.timeStart === FAILED) return;
  top.timeStart += LONGER_HEAD_BYTES;
  top.timeEnd += LONGER_HEAD_BYTES;
}

/** Moves what was written from `start` on: the head before it needs 32 bits. */
function makeRoom(target: Memory, start: number): void {
  target.bytes.copyWithin(start + LONGER_HEAD_BYTES, start, out);
  out += LONGER_HEAD_BYTES;
}

/** @returns the offset of the value behind `"key" :`. */
function encodeKey(source: Memory, start: number, end: number, target: Memory): number {
  if (start >= end || source.view.getUint8(start) !== QUOTE) return FAILED;
  const after = encodeString(source, start + 1, end, target);
  if (after === FAILED) return FAILED;
  const colon = skipSpace(source.view, after, end);
  if (colon >= end || source.view.getUint8(colon) !== COLON) return FAILED;
  return skipSpace(source.view, colon + 1, end);
}

// --- the time ---

/** Whether the text that was just written is the key of the time. */
function isTimeKey(view: DataView, key: Uint8Array | undefined): boolean {
  if (key === undefined || out - textStart !== key.length) return false;
  for (let index = 0; index < key.length; index++) {
    if (view.getUint8(textStart + index) !== key[index]) return false;
  }
  return true;
}

function noteTime(top: TopLevel): void {
  top.timeStart = textStart;
  top.timeEnd = out;
}

// --- scalars ---

function encodeScalar(
  source: Memory,
  byte: number,
  start: number,
  end: number,
  target: Memory,
): number {
  // A literal of four letters, or the four last letters of `false`.
  const word = byte === LOWER_F ? start + 1 : start;
  const letters = word + 4 <= end ? source.view.getInt32(word, true) : 0;
  let literal = 0;
  if (byte === LOWER_F) literal = letters === ALSE_WORD ? FALSE : 0;
  else if (letters === TRUE_WORD) literal = TRUE;
  else if (letters === NULL_WORD) literal = NIL;
  if (literal !== 0) {
    out = putByte(target.view, out, literal);
    return word + 4;
  }
  if (byte !== MINUS && (byte < ZERO || byte > NINE)) return FAILED;
  const after = skipNumber(source.bytes, start, end);
  if (after !== FAILED) out = putNumber(source, start, after, target.view, out);
  return after;
}

/** @param start behind the opening quote. */
function encodeString(source: Memory, start: number, end: number, target: Memory): number {
  const stop = skipPlain(source.view, start, end);
  if (stop >= end) return FAILED;
  const byte = source.view.getUint8(stop);
  if (byte === BACKSLASH) return encodeEscaped(source, start, stop, end, target);
  if (byte !== QUOTE) return FAILED;
  textStart = putStrHeader(target.view, out, stop - start);
  copy(source, start, stop, target, textStart);
  out = textStart + stop - start;
  return stop + 1;
}

/** The first byte at or behind `start` that a string does not hold as it is, or `end`. */
function skipPlain(view: DataView, start: number, end: number): number {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    // Four bytes at a time: the lowest bit that is set belongs to the first byte looked for (those above it may lie).
    const word = view.getInt32(at, true);
    const quote = word ^ QUOTES;
    const backslash = word ^ BACKSLASHES;
    const marks =
      (((quote - LOW_BITS) & ~quote) |
        ((backslash - LOW_BITS) & ~backslash) |
        ((word - SPACES) & ~word)) &
      HIGH_BITS;
    if (marks !== 0) return at + ((31 - Math.clz32(marks & -marks)) >>> 3);
  }
  for (; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) return at;
  }
  return end;
}

function copy(source: Memory, start: number, end: number, target: Memory, to: number): void {
  const length = end - start;
  if (length > MAX_LOOPED_COPY) {
    source.bytes.copy(target.bytes, to, start, end);
    return;
  }
  if (length < 4) {
    for (let index = 0; index < length; index++) {
      target.view.setUint8(to + index, source.view.getUint8(start + index));
    }
    return;
  }
  const last = length - 4;
  for (let index = 0; index < last; index += 4) {
    target.view.setInt32(to + index, source.view.getInt32(start + index, true), true);
  }
  target.view.setInt32(to + last, source.view.getInt32(start + last, true), true);
}

// --- escapes ---

/** A text with an escape in it, first at `escape`; what stands before is copied as it is. */
function encodeEscaped(
  source: Memory,
  start: number,
  escape: number,
  end: number,
  target: Memory,
): number {
  const { view } = source;
  // Its length is known at its end: the head has 16 bits for it, as if it were long.
  const head = out;
  textStart = head + HEAD_BYTES;
  copy(source, start, escape, target, textStart);
  out = textStart + escape - start;
  let at = escape;
  for (;;) {
    if (at >= end) return FAILED;
    const byte = view.getUint8(at);
    if (byte === QUOTE) break;
    if (byte === BACKSLASH) {
      at = unescape(view, at + 1, end, target.view);
      if (at === FAILED) return FAILED;
      continue;
    }
    if (byte < SPACE) return FAILED;
    out = putByte(target.view, out, byte);
    at += 1;
  }
  const length = out - textStart;
  if (length <= MAX_16) put16(target.view, head, STR_16, length);
  else {
    makeRoom(target, textStart);
    textStart += LONGER_HEAD_BYTES;
    put32(target.view, head, STR_16 + TO_32, length);
  }
  return at + 1;
}

/** @param start behind the backslash. */
function unescape(view: DataView, start: number, end: number, target: DataView): number {
  if (start >= end) return FAILED;
  const letter = view.getUint8(start);
  if (letter !== LOWER_U) {
    const byte = ESCAPED[letter] ?? 0;
    out = putByte(target, out, byte);
    return byte === 0 ? FAILED : start + 1;
  }
  const unit = hexAt(view, start + 1, end);
  if (unit === FAILED) return FAILED;
  const after = start + UNICODE_ESCAPE_BYTES - 1;
  if (unit < HIGH_HALVES || unit >= HALVES_END) {
    putCharacter(target, unit);
    return after;
  }
  const other = unit < LOW_HALVES ? lowHalfAt(view, after, end) : FAILED;
  if (other === FAILED) {
    putCharacter(target, REPLACEMENT);
    return after;
  }
  const high = (unit - HIGH_HALVES) << HALF_BITS;
  putCharacter(target, BEYOND_16_BITS + high + other - LOW_HALVES);
  return after + UNICODE_ESCAPE_BYTES;
}

/** The second half of a character, if an escape with one stands here. */
function lowHalfAt(view: DataView, at: number, end: number): number {
  if (at + 2 > end || view.getUint8(at) !== BACKSLASH || view.getUint8(at + 1) !== LOWER_U) {
    return FAILED;
  }
  const unit = hexAt(view, at + 2, end);
  return unit >= LOW_HALVES && unit < HALVES_END ? unit : FAILED;
}

/** The value of four hexadecimal digits. */
function hexAt(view: DataView, start: number, end: number): number {
  if (start + 4 > end) return FAILED;
  let value = 0;
  for (let at = start; at < start + 4; at++) {
    const byte = view.getUint8(at);
    const letter = byte | CASE_BIT;
    if (byte >= ZERO && byte <= NINE) value = value * 16 + byte - ZERO;
    else if (letter >= LOWER_A && letter <= LOWER_F) value = value * 16 + letter - LOWER_A + 10;
    else return FAILED;
  }
  return value;
}

/** A character in UTF-8. */
function putCharacter(view: DataView, code: number): void {
  if (code < 0x80) {
    out = putByte(view, out, code);
    return;
  }
  if (code < 0x800) out = putByte(view, out, 0xc0 | (code >>> 6));
  else {
    if (code < BEYOND_16_BITS) out = putByte(view, out, 0xe0 | (code >>> 12));
    else {
      out = putByte(view, out, 0xf0 | (code >>> 18));
      out = putByte(view, out, continuation(code >>> 12));
    }
    out = putByte(view, out, continuation(code >>> 6));
  }
  out = putByte(view, out, continuation(code));
}

function continuation(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

function skipSpace(view: DataView, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(view.getUint8(at))) at += 1;
  return at;
}

function isSpace(byte: number): boolean {
  return byte <= SPACE && (byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09);
}
