/**
 * Literals and numbers of JSON to MessagePack: a whole number with all its digits as long as 64 bits hold them, any
 * other one as the double that JSON.parse makes of it.
 */
import { CASE_BIT, DOT, isDigit, MINUS, PLUS, ZERO } from './bytes';
import { FALSE, NIL, putFloat, putNegative, putUint, TRUE } from './msgpack';

/** The double nearest to the number in bytes [start, end): JavaScript's own, for they are rare. */
export declare function toDouble(start: usize, end: usize): f64;

/** The place behind what was written last. */
export let scalarEnd: usize = 0;

/** The literals' first four bytes, or the last four of `false`, as a little-endian number. */
const TRUE_WORD: u32 = 0x65757274;
const NULL_WORD: u32 = 0x6c6c756e;
const ALSE_WORD: u32 = 0x65736c61;
const LOWER_F: u8 = 0x66;

/** No u64 that is larger takes another digit. */
const MAX_TENTH: u64 = u64.MAX_VALUE / 10;
const MIN_INT_64: u64 = 0x8000_0000_0000_0000;

/** Writes the scalar at `start` that is no text, to `to`. @returns the place behind it, or 0 when it is none. */
export function putScalar(start: usize, to: usize): usize {
  const byte = load<u8>(start);
  if (isDigit(byte) || byte === MINUS) return putNumber(start, to);
  const letters = byte === LOWER_F ? start + 1 : start;
  const word = load<u32>(letters);
  let literal: u8 = 0;
  if (byte === LOWER_F) literal = word === ALSE_WORD ? FALSE : 0;
  else if (word === TRUE_WORD) literal = TRUE;
  else if (word === NULL_WORD) literal = NIL;
  store<u8>(to, literal);
  scalarEnd = to + 1;
  return literal === 0 ? 0 : letters + 4;
}

function putNumber(start: usize, to: usize): usize {
  const isNegative = load<u8>(start) === MINUS;
  const first = isNegative ? start + 1 : start;
  let at = first;
  let value: u64 = 0;
  let fits = true;
  for (; isDigit(load<u8>(at)); at++) {
    const digit = <u64>(load<u8>(at) - ZERO);
    if (value > MAX_TENTH || (value === MAX_TENTH && digit > 5)) fits = false;
    value = value * 10 + digit;
  }
  if (at === first || (load<u8>(first) === ZERO && at > first + 1)) return 0;
  const after = skipFraction(at);
  const isWhole = after === at;
  if (isNegative && (value === 0 || value > MIN_INT_64)) fits = false;
  if (!isWhole || !fits) {
    if (after !== 0) scalarEnd = putFloat(to, toDouble(start, after));
    return after;
  }
  scalarEnd = isNegative ? putNegative(to, -(<i64>value)) : putUint(to, value);
  return after;
}

/** Behind a fraction and an exponent, if there are any; 0 when one has no digits. */
function skipFraction(start: usize): usize {
  let at = start;
  if (load<u8>(at) === DOT) {
    at = skipDigits(at + 1);
    if (at === 0) return 0;
  }
  if ((load<u8>(at) | CASE_BIT) !== 0x65) return at;
  const sign = load<u8>(at + 1);
  return skipDigits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
}

/** At least one digit. */
function skipDigits(start: usize): usize {
  let at = start;
  while (isDigit(load<u8>(at))) at += 1;
  return at > start ? at : 0;
}
