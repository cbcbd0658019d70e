/**
 * MessagePack's own words, as few as audit events need, each in the smallest form that holds it. Each gives the place
 * behind what it wrote. https://github.com/msgpack/msgpack/blob/master/spec.md
 */

export const NIL: u8 = 0xc0;
export const FALSE: u8 = 0xc2;
export const TRUE: u8 = 0xc3;
export const FLOAT_64: u8 = 0xcb;
export const UINT_8: u8 = 0xcc;
export const UINT_16: u8 = 0xcd;
export const UINT_32: u8 = 0xce;
export const UINT_64: u8 = 0xcf;
export const INT_8: u8 = 0xd0;
export const INT_16: u8 = 0xd1;
export const INT_32: u8 = 0xd2;
export const INT_64: u8 = 0xd3;
const FIXEXT_8: u8 = 0xd7;
export const STR_8: u8 = 0xd9;
export const STR_16: u8 = 0xda;
export const STR_32: u8 = 0xdb;
export const ARRAY_16: u8 = 0xdc;
export const MAP_16: u8 = 0xde;
/** From a container's head with 16 bits of count to the one with 32: the next kind, two bytes more. */
export const TO_32: u8 = 1;
export const LONGER_HEAD_BYTES: usize = 2;
/** A head with 16 bits of length or count. */
export const HEAD_16_BYTES: usize = 3;
export const MAX_16: u32 = 0xffff;
/** A head with 8 bits of length, which texts have from here on. */
export const HEAD_8_BYTES: usize = 2;
export const MIN_STR_8: u32 = 32;
export const MAX_8: u32 = 0xff;

export const FIXMAP: u8 = 0x80;
export const FIXARRAY: u8 = 0x90;
export const FIXSTR: u8 = 0xa0;
/** The ext type that the Forward protocol gives to EventTime. */
const EVENT_TIME_TYPE: u8 = 0;
export const EVENT_TIME_BYTES: usize = 10;

export function put8(at: usize, head: u8, value: u8): usize {
  store<u8>(at, head);
  store<u8>(at + 1, value);
  return at + 2;
}

export function put16(at: usize, head: u8, value: u16): usize {
  store<u8>(at, head);
  store<u16>(at + 1, bswap<u16>(value));
  return at + 3;
}

export function put32(at: usize, head: u8, value: u32): usize {
  store<u8>(at, head);
  store<u32>(at + 1, bswap<u32>(value));
  return at + 5;
}

function put64(at: usize, head: u8, value: u64): usize {
  store<u8>(at, head);
  store<u64>(at + 1, bswap<u64>(value));
  return at + 9;
}

/** @param length in bytes of UTF-8. */
export function putStrHeader(at: usize, length: u32): usize {
  if (length < MIN_STR_8) {
    store<u8>(at, FIXSTR | (<u8>length));
    return at + 1;
  }
  if (length <= MAX_8) return put8(at, STR_8, <u8>length);
  if (length <= MAX_16) return put16(at, STR_16, <u16>length);
  return put32(at, STR_32, length);
}

/** @param count at most 65,535. */
export function putMapHeader(at: usize, count: u32): usize {
  if (count >= 16) return put16(at, MAP_16, <u16>count);
  store<u8>(at, FIXMAP | (<u8>count));
  return at + 1;
}

export function putUint(at: usize, value: u64): usize {
  if (value < 0x80) {
    store<u8>(at, <u8>value);
    return at + 1;
  }
  if (value <= 0xff) return put8(at, UINT_8, <u8>value);
  if (value <= 0xffff) return put16(at, UINT_16, <u16>value);
  if (value <= 0xffff_ffff) return put32(at, UINT_32, <u32>value);
  return put64(at, UINT_64, value);
}

/** @param value less than 0. */
export function putNegative(at: usize, value: i64): usize {
  if (value >= -32) {
    store<u8>(at, <u8>value);
    return at + 1;
  }
  if (value >= -0x80) return put8(at, INT_8, <u8>value);
  if (value >= -0x8000) return put16(at, INT_16, <u16>value);
  if (value >= -0x8000_0000) return put32(at, INT_32, <u32>value);
  return put64(at, INT_64, <u64>value);
}

export function putFloat(at: usize, value: f64): usize {
  return put64(at, FLOAT_64, reinterpret<u64>(value));
}

export function putEventTime(at: usize, seconds: u32, nanoseconds: u32): usize {
  put8(at, FIXEXT_8, EVENT_TIME_TYPE);
  store<u32>(at + 2, bswap<u32>(seconds));
  store<u32>(at + 6, bswap<u32>(nanoseconds));
  return at + EVENT_TIME_BYTES;
}
