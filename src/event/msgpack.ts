/**
 * MessagePack's own words, as few as audit events need: headers and numbers, each in the smallest form that holds it.
 * Pure; flat functions over a DataView that give the offset behind what they wrote. It knows nothing of JSON.
 */
import type { EventTime } from './event-time.ts';

/** Bytes, and the view through which numbers are read from them and written to them. */
export interface Memory {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function memoryOf(bytes: Buffer): Memory {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** The longest header of a text: its kind and 32 bits of length. */
export const MAX_HEADER_BYTES = 5;
/** What EventTime takes: two bytes that say so, seconds, nanoseconds. */
export const EVENT_TIME_BYTES = 10;

const FIXMAP = 0x80;
const FIXSTR = 0xa0;
const NEGATIVE_FIXINT = 0x100;
const FIXEXT_8 = 0xd7;
/** The ext type that the Forward protocol gives to EventTime. */
const EVENT_TIME_TYPE = 0;
const FLOAT_64 = 0xcb;
const UINT_8 = 0xcc;
const UINT_16 = 0xcd;
const UINT_32 = 0xce;
const UINT_64 = 0xcf;
const INT_8 = 0xd0;
const INT_16 = 0xd1;
const INT_32 = 0xd2;
const INT_64 = 0xd3;
const STR_8 = 0xd9;
export const STR_16 = 0xda;
const STR_32 = 0xdb;
export const ARRAY_16 = 0xdc;
export const MAP_16 = 0xde;
export const TRUE = 0xc3;
export const FALSE = 0xc2;
export const NIL = 0xc0;

const TWO_TO_32 = 0x1_0000_0000;

export function putByte(view: DataView, at: number, byte: number): number {
  view.setUint8(at, byte);
  return at + 1;
}

/** @param length in bytes of UTF-8. */
export function putStrHeader(view: DataView, at: number, length: number): number {
  if (length < 32) return putByte(view, at, FIXSTR | length);
  if (length <= 0xff) return put8(view, at, STR_8, length);
  if (length <= 0xffff) return put16(view, at, STR_16, length);
  return put32(view, at, STR_32, length);
}

/** @param count at most 65,535. */
export function putMapHeader(view: DataView, at: number, count: number): number {
  return count < 16 ? putByte(view, at, FIXMAP | count) : put16(view, at, MAP_16, count);
}

/** @param value a whole number that a double holds exactly (-0 is none). */
export function putInt(view: DataView, at: number, value: number): number {
  if (value < 0) return putNegative(view, at, value);
  if (value < 0x80) return putByte(view, at, value);
  if (value <= 0xff) return put8(view, at, UINT_8, value);
  if (value <= 0xffff) return put16(view, at, UINT_16, value);
  if (value < TWO_TO_32) return put32(view, at, UINT_32, value);
  return put64(view, at, UINT_64, value);
}

function putNegative(view: DataView, at: number, value: number): number {
  if (value >= -32) return putByte(view, at, NEGATIVE_FIXINT + value);
  if (value >= -0x80) return put8(view, at, INT_8, value);
  if (value >= -0x8000) return put16(view, at, INT_16, value);
  if (value >= -0x8000_0000) return put32(view, at, INT_32, value);
  return put64(view, at, INT_64, value);
}

export function putFloat(view: DataView, at: number, value: number): number {
  view.setUint8(at, FLOAT_64);
  view.setFloat64(at + 1, value);
  return at + 9;
}

export function putEventTime(view: DataView, at: number, time: EventTime): number {
  put8(view, at, FIXEXT_8, EVENT_TIME_TYPE);
  view.setUint32(at + 2, time.seconds);
  view.setUint32(at + 6, time.nanoseconds);
  return at + EVENT_TIME_BYTES;
}

/** A head and one byte; a negative number in two's complement, as in those below. */
function put8(view: DataView, at: number, head: number, value: number): number {
  view.setUint8(at, head);
  view.setUint8(at + 1, value);
  return at + 2;
}

export function put16(view: DataView, at: number, head: number, value: number): number {
  view.setUint8(at, head);
  view.setUint16(at + 1, value);
  return at + 3;
}

export function put32(view: DataView, at: number, head: number, value: number): number {
  view.setUint8(at, head);
  view.setUint32(at + 1, value);
  return at + 5;
}

/** A whole number from -2^63 to 2^64 - 1 that a double does not hold. */
export function putBigInt(view: DataView, at: number, value: bigint): number {
  view.setUint8(at, value < 0n ? INT_64 : UINT_64);
  view.setBigUint64(at + 1, BigInt.asUintN(64, value));
  return at + 9;
}

function put64(view: DataView, at: number, head: number, value: number): number {
  const high = Math.floor(value / TWO_TO_32);
  view.setUint8(at, head);
  view.setInt32(at + 1, high);
  view.setUint32(at + 5, value - high * TWO_TO_32);
  return at + 9;
}
