/**
 * Texts of JSON to texts of MessagePack: escapes and surrogates become what JSON.parse makes of them, as UTF-8, and
 * the bytes are proved to be UTF-8 on the way.
 *
 * A text is read in steps of 16 bytes. A newline or any other control character ends it, so that no step asks where
 * the bytes end.
 */
import { BACKSLASH, CASE_BIT, copyLoosely, isDigit, QUOTE, SPACE, VECTOR_BYTES } from './bytes';
import {
  HEAD_16_BYTES,
  HEAD_8_BYTES,
  LONGER_HEAD_BYTES,
  MAX_16,
  MAX_8,
  MIN_STR_8,
  put16,
  put32,
  put8,
  putStrHeader,
  STR_16,
  STR_32,
  STR_8,
} from './msgpack';

/** Where the last text was written: its content, and what stands behind it. */
export let textStart: usize = 0;
export let textEnd: usize = 0;

/** From here on memory.copy is faster than a loop. */
const LONG_BYTES: usize = 512;

/** UTF-16 halves of one character: the first ones begin here, then the second ones, and here they end. */
const HIGH_HALVES: u32 = 0xd800;
const LOW_HALVES: u32 = 0xdc00;
const HALVES_END: u32 = 0xe000;
/** What a pair of halves counts from. */
const BEYOND_16_BITS: u32 = 0x1_0000;
/** Stands for a half without its other, as in every text that is made of UTF-16. */
const REPLACEMENT: u32 = 0xfffd;
const NO_HEX: u32 = 0xffff_ffff;
const LETTER_U: u8 = 0x75;
/** The four digits of an escape. */
const HEX_BYTES: usize = 4;

/**
 * Marks, one bit a byte, what a text does not hold as it is: quotes, backslashes, control characters, and (as
 * negative numbers) what is not ASCII.
 */
export function stops(bytes: v128): u32 {
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(QUOTE)), i8x16.eq(bytes, i8x16.splat(BACKSLASH))),
      i8x16.lt_s(bytes, i8x16.splat(SPACE)),
    ),
  );
}

/**
 * Writes the text whose content begins at `start`, to `to`.
 * @returns the place behind its closing quote, or 0 when it is none; then textEnd means nothing.
 */
export function putText(start: usize, to: usize): usize {
  let length: usize = 0;
  let bytes = v128.load(start);
  let marks = stops(bytes);
  // It is written as it is read, behind the head that most texts have that are not short.
  v128.store(to, bytes, HEAD_8_BYTES);
  while (marks === 0) {
    length += VECTOR_BYTES;
    bytes = v128.load(start + length);
    marks = stops(bytes);
    v128.store(to + length, bytes, HEAD_8_BYTES);
  }
  length += ctz(marks);
  if (load<u8>(start + length) !== QUOTE) return putRewritten(start, to, length);
  if (length >= MIN_STR_8 && length <= MAX_8) {
    put8(to, STR_8, <u8>length);
    textStart = to + HEAD_8_BYTES;
  } else {
    textStart = putStrHeader(to, <u32>length);
    if (length > LONG_BYTES) memory.copy(textStart, start, length);
    else copyLoosely(textStart, start, length);
  }
  textEnd = textStart + length;
  return start + length + 1;
}

/**
 * A text with an escape or a character beyond ASCII in it. Its length is known at its end: the head has 16 bits for
 * it, as if it were long.
 * @param plain so many bytes of it are as they are.
 */
function putRewritten(start: usize, to: usize, plain: usize): usize {
  textStart = to + HEAD_16_BYTES;
  copyLoosely(textStart, start, plain);
  let out = textStart + plain;
  let at = start + plain;
  while (true) {
    const byte = load<u8>(at);
    if (byte === QUOTE) break;
    const meant: u8 = byte === BACKSLASH ? load<u8>(MEANT + <usize>load<u8>(at, 1)) : 0;
    if (meant !== 0) {
      store<u8>(out, meant);
      at += 2;
      out += 1;
    } else {
      // What is left is a control character, or not ASCII: only the second may be a character.
      at = byte === BACKSLASH ? unescapeUnicode(at + 1, out) : copyCharacter(at, out);
      if (at === 0) return 0;
      out = textEnd;
    }
    let marks: u32 = 0;
    while (true) {
      const bytes = v128.load(at);
      v128.store(out, bytes);
      marks = stops(bytes);
      if (marks !== 0) break;
      at += VECTOR_BYTES;
      out += VECTOR_BYTES;
    }
    at += ctz(marks);
    out += ctz(marks);
  }
  putHeadBefore(to, out);
  return at + 1;
}

function putHeadBefore(to: usize, end: usize): void {
  const length = <u32>(end - textStart);
  textEnd = end;
  if (length <= MAX_16) {
    put16(to, STR_16, <u16>length);
    return;
  }
  memory.copy(textStart + LONGER_HEAD_BYTES, textStart, length);
  textStart += LONGER_HEAD_BYTES;
  textEnd += LONGER_HEAD_BYTES;
  put32(to, STR_32, length);
}

// --- UTF-8 (RFC 3629) ---

/** Copies one character of two to four bytes; what is behind it is in textEnd. @returns 0 when it is none. */
function copyCharacter(at: usize, to: usize): usize {
  const first = load<u8>(at);
  const second = load<u8>(at + 1);
  store<u32>(to, load<u32>(at));
  let length: usize = 0;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  else if (first >= 0xe0 && first <= 0xef) length = isSecondOfThree(first, second) ? 3 : 0;
  else if (first >= 0xf0 && first <= 0xf4) length = isSecondOfFour(first, second) ? 4 : 0;
  for (let index: usize = 1; index < length; index++) {
    if ((load<u8>(at + index) & 0xc0) !== 0x80) return 0;
  }
  textEnd = to + length;
  return length === 0 ? 0 : at + length;
}

/** No longer form than needed, and no half of a UTF-16 pair. */
function isSecondOfThree(first: u8, second: u8): bool {
  if (first === 0xe0) return second >= 0xa0;
  return first !== 0xed || second < 0xa0;
}

/** No longer form than needed, and nothing above U+10FFFF. */
function isSecondOfFour(first: u8, second: u8): bool {
  if (first === 0xf0) return second >= 0x90;
  return first !== 0xf4 || second < 0x90;
}

/** Writes a character in UTF-8; what is behind it is in textEnd. */
function putCharacter(to: usize, code: u32): void {
  let at = to;
  if (code < 0x80) {
    store<u8>(at, <u8>code);
  } else {
    if (code < 0x800) store<u8>(at++, <u8>(0xc0 | (code >> 6)));
    else {
      if (code < BEYOND_16_BITS) store<u8>(at++, <u8>(0xe0 | (code >> 12)));
      else {
        store<u8>(at++, <u8>(0xf0 | (code >> 18)));
        store<u8>(at++, continuation(code >> 12));
      }
      store<u8>(at++, continuation(code >> 6));
    }
    store<u8>(at, continuation(code));
  }
  textEnd = at + 1;
}

function continuation(bits: u32): u8 {
  return <u8>(0x80 | (bits & 0x3f));
}

// --- escapes (RFC 8259, section 7) ---

/** What the letter behind a backslash stands for, by the letter; 0 where that is more than one byte, or nothing. */
const MEANT = meanings();

function meanings(): usize {
  const table = memory.data(256);
  store<u8>(table + QUOTE, QUOTE);
  store<u8>(table + BACKSLASH, BACKSLASH);
  store<u8>(table + 0x2f, 0x2f);
  store<u8>(table + 0x62, 0x08);
  store<u8>(table + 0x66, 0x0c);
  store<u8>(table + 0x6e, 0x0a);
  store<u8>(table + 0x72, 0x0d);
  store<u8>(table + 0x74, 0x09);
  return table;
}

/** Writes the character of `\\u` and four digits. @returns the place behind it, or 0 when it is none. */
function unescapeUnicode(at: usize, to: usize): usize {
  const unit = load<u8>(at) === LETTER_U ? hexAt(at + 1) : NO_HEX;
  if (unit === NO_HEX) return 0;
  const after = at + 1 + HEX_BYTES;
  if (unit < HIGH_HALVES || unit >= HALVES_END) {
    putCharacter(to, unit);
    return after;
  }
  const other = unit < LOW_HALVES ? lowHalfAt(after) : NO_HEX;
  if (other === NO_HEX) {
    putCharacter(to, REPLACEMENT);
    return after;
  }
  putCharacter(to, BEYOND_16_BITS + ((unit - HIGH_HALVES) << 10) + other - LOW_HALVES);
  return after + 2 + HEX_BYTES;
}

/** The second half of a character, if an escape with one stands here. */
function lowHalfAt(at: usize): u32 {
  if (load<u8>(at) !== BACKSLASH || load<u8>(at + 1) !== LETTER_U) return NO_HEX;
  const unit = hexAt(at + 2);
  return unit >= LOW_HALVES && unit < HALVES_END ? unit : NO_HEX;
}

/** The value of four hexadecimal digits. */
function hexAt(start: usize): u32 {
  let value: u32 = 0;
  for (let at = start; at < start + HEX_BYTES; at++) {
    const byte = load<u8>(at);
    const letter: u8 = (byte | CASE_BIT) - 0x61;
    if (isDigit(byte)) value = value * 16 + byte - 0x30;
    else if (letter < 6) value = value * 16 + letter + 10;
    else return NO_HEX;
  }
  return value;
}
