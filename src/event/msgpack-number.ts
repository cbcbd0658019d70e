/**
 * A number's text to MessagePack: a whole number with all its digits as long as 64 bits hold them, anything else as
 * the double that JSON.parse makes of it. Pure; it expects the text to be a number of JSON.
 */
import { putBigInt, putFloat, putInt, type Memory } from './msgpack.ts';

const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** A double holds every whole number of so many digits. */
const EXACT_DIGITS = 15;
/** 2^64 - 1 has so many. */
const MAX_DIGITS = 20;
/** So many of a longer one are read as a number of their own: what is before them has 15 at most. */
const LOW_DIGITS = 5;
const LOW_FACTOR = 100_000n;
const MAX_UINT_64 = 0xffff_ffff_ffff_ffffn;
const MIN_INT_64 = -0x8000_0000_0000_0000n;

/** Encodes the number in bytes [start, end). @returns the offset behind what was written to `to`. */
export function putNumber(
  source: Memory,
  start: number,
  end: number,
  target: DataView,
  to: number,
): number {
  const isNegative = source.view.getUint8(start) === MINUS;
  const first = isNegative ? start + 1 : start;
  if (end - first > MAX_DIGITS || !areDigits(source.view, first, end)) {
    return putFloat(target, to, doubleOf(source, start, end));
  }
  if (end - first > EXACT_DIGITS) return putLong(source, start, first, end, target, to);
  const value = digitsValue(source.view, first, end);
  if (!isNegative) return putInt(target, to, value);
  return value === 0 ? putFloat(target, to, -0) : putInt(target, to, -value);
}

/** A whole number of 16 to 20 digits. */
function putLong(
  source: Memory,
  start: number,
  first: number,
  end: number,
  target: DataView,
  to: number,
): number {
  const high = digitsValue(source.view, first, end - LOW_DIGITS);
  const low = digitsValue(source.view, end - LOW_DIGITS, end);
  const size = BigInt(high) * LOW_FACTOR + BigInt(low);
  const value = first > start ? -size : size;
  if (value < MIN_INT_64 || value > MAX_UINT_64) {
    return putFloat(target, to, doubleOf(source, start, end));
  }
  return putBigInt(target, to, value);
}

/** Fractions, exponents and what has too many digits: rare enough for a text. */
function doubleOf(source: Memory, start: number, end: number): number {
  return Number(source.bytes.toString('latin1', start, end));
}

function areDigits(view: DataView, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte < ZERO || byte > NINE) return false;
  }
  return true;
}

/** The value of so few digits that a double holds it. */
function digitsValue(view: DataView, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + view.getUint8(at) - ZERO;
  return value;
}
