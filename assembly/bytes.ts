/**
 * The bytes that JSON and the core's parts speak of, and what all of them do with bytes. Knows nothing of JSON's
 * structure and of MessagePack.
 */

export const NEWLINE: u8 = 0x0a;
export const SPACE: u8 = 0x20;
export const QUOTE: u8 = 0x22;
export const PLUS: u8 = 0x2b;
export const COMMA: u8 = 0x2c;
export const MINUS: u8 = 0x2d;
export const DOT: u8 = 0x2e;
export const ZERO: u8 = 0x30;
export const COLON: u8 = 0x3a;
export const OPEN_BRACKET: u8 = 0x5b;
export const BACKSLASH: u8 = 0x5c;
export const OPEN_BRACE: u8 = 0x7b;
export const CLOSE_BRACE: u8 = 0x7d;
/** Added to an upper-case ASCII letter it gives the lower-case one. */
export const CASE_BIT: u8 = 0x20;

const TAB: u8 = 0x09;
const RETURN: u8 = 0x0d;

/** How far a step of 16 bytes may reach beyond what is read or written. */
export const VECTOR_BYTES: usize = 16;

/** Multiplier of hashes that need only be good enough: what is found by them is compared. */
export const MIX: u64 = ((<u64>0x9e37_79b9) << 32) | 0x7f4a_7c15;

export function isDigit(byte: u8): bool {
  return byte - ZERO < 10;
}

/**
 * Behind JSON's white space, but for the newline: that ends every line, and is the guard behind the last one, so that
 * no reader ever asks where the bytes end.
 */
export function skipSpace(start: usize): usize {
  let at = start;
  while (true) {
    const byte = load<u8>(at);
    if (byte !== SPACE && byte !== TAB && byte !== RETURN) return at;
    at += 1;
  }
}

/** Copies in steps of a vector: what stands up to 15 bytes behind the copy is overwritten. */
export function copyLoosely(to: usize, from: usize, length: usize): void {
  for (let done: usize = 0; done < length; done += VECTOR_BYTES) {
    v128.store(to + done, v128.load(from + done));
  }
}

/** Whether so many bytes, at least a vector of them, are the same here and there. */
export function isSame(one: usize, other: usize, length: usize): bool {
  // What differs at all differs at its end.
  const last = length - VECTOR_BYTES;
  return !differ(one + last, other + last) && isSameLoosely(one, other, last);
}

/** In steps of a vector: of up to 15 bytes behind these it is asked as well. */
export function isSameLoosely(one: usize, other: usize, length: usize): bool {
  for (let at: usize = 0; at < length; at += VECTOR_BYTES) {
    if (differ(one + at, other + at)) return false;
  }
  return true;
}

function differ(one: usize, other: usize): bool {
  return v128.any_true(v128.xor(v128.load(one), v128.load(other)));
}

/** A whole number in decimal digits. @returns the place behind them. */
export function putDecimal(at: usize, value: u64): usize {
  const after = at + decimalDigits(value);
  let rest = value;
  for (let place = after - 1; place >= at; place--) {
    store<u8>(place, ZERO + <u8>(rest % 10));
    rest /= 10;
  }
  return after;
}

export function decimalDigits(value: u64): usize {
  let digits: usize = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) digits += 1;
  return digits;
}
