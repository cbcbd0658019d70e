/**
 * One line: an event as an entry of the Forward protocol, `[EventTime, record]`, or as a line of JSON, with the key
 * `shipper` as its last one where something is to be added.
 */
import {
  CLOSE_BRACE,
  COMMA,
  copyLoosely,
  decimalDigits,
  NEWLINE,
  OPEN_BRACE,
  putDecimal,
  skipSpace,
} from './bytes';
import { copyEnd, eventEnd, hasTime, memberCount, omitsAny, putEvent } from './event';
import { EVENT_TIME_BYTES, putEventTime, putStrHeader, putUint } from './msgpack';
import { nanoseconds, seconds } from './time';

/** The head of an array of two: the time and the record. */
const ENTRY: u8 = 0x92;
const ENTRY_HEAD_BYTES: usize = 1 + EVENT_TIME_BYTES;

/** Between a line of JSON and what the encoder writes: commas, braces, and two numbers of at most 20 digits. */
const JSON_ROOM: usize = 64;

/** Behind what was written. */
export let out: usize = 0;

/**
 * What is added to each event: three texts of the format, of which the first stands before the offset, the second
 * before the id, and the third ends it. Without the second there is neither offset nor id.
 */
let first: usize = 0;
let firstBytes: usize = 0;
let second: usize = 0;
let secondBytes: usize = 0;
let third: usize = 0;
let thirdBytes: usize = 0;

/** For events without a time of their own. */
let clockSeconds: u32 = 0;
let clockNanoseconds: u32 = 0;

export function setOut(place: usize): void {
  out = place;
}

/** The three texts stand behind each other, from `place` on. All are empty where nothing is added. */
export function setAdded(place: usize, one: usize, two: usize, three: usize): void {
  first = place;
  firstBytes = one;
  second = first + one;
  secondBytes = two;
  third = second + two;
  thirdBytes = three;
}

export function setClock(epochSeconds: u32, fraction: u32): void {
  clockSeconds = epochSeconds;
  clockNanoseconds = fraction;
}

/**
 * Writes the line at `start`.
 * @returns the place behind its newline, or 0 when it is not one event; then nothing was written.
 */
export function forwardLine(start: usize, offset: u64): usize {
  const head = out;
  const after = putEvent(skipSpace(start), head + ENTRY_HEAD_BYTES, firstBytes === 0 ? 0 : 1, 0);
  const newline: usize = after === 0 ? 0 : skipSpace(after);
  if (newline === 0 || load<u8>(newline) !== NEWLINE) return 0;
  store<u8>(head, ENTRY);
  if (hasTime) putEventTime(head + 1, seconds, nanoseconds);
  else putEventTime(head + 1, clockSeconds, clockNanoseconds);
  out = eventEnd;
  if (firstBytes > 0) addPacked(offset);
  return newline + 1;
}

/** The first text ends with the key of the offset, the second with that of the id; the third begins the id. */
function addPacked(offset: u64): void {
  copyLoosely(out, first, firstBytes);
  out += firstBytes;
  if (secondBytes === 0) return;
  out = putUint(out, offset);
  copyLoosely(out, second, secondBytes);
  out = putStrHeader(out + secondBytes, <u32>(thirdBytes + decimalDigits(offset)));
  copyLoosely(out, third, thirdBytes);
  out = putDecimal(out + thirdBytes, offset);
}

/**
 * As forwardLine; where nothing is added or left out the line stays as it is, and nothing is written.
 * @param end of all lines: what is further behind `out` than they are long is free for a while.
 */
export function jsonLine(start: usize, end: usize, offset: u64): usize {
  // The encoder is the judge of what JSON is; what it writes here nobody reads.
  const scratch = out + (end - start) + firstBytes + secondBytes + thirdBytes + JSON_ROOM;
  const after = putEvent(skipSpace(start), scratch, 0, omitsAny() ? out + 1 : 0);
  const newline: usize = after === 0 ? 0 : skipSpace(after);
  if (newline === 0 || load<u8>(newline) !== NEWLINE) return 0;
  if (firstBytes === 0 && !omitsAny()) return newline + 1;
  if (omitsAny()) {
    store<u8>(out, OPEN_BRACE);
    out = copyEnd();
  } else {
    copyLoosely(out, start, after - 1 - start);
    out += after - 1 - start;
  }
  if (firstBytes > 0) addText(offset);
  store<u8>(out, CLOSE_BRACE);
  store<u8>(out + 1, NEWLINE);
  out += 2;
  return newline + 1;
}

function addText(offset: u64): void {
  if (memberCount > 0) {
    store<u8>(out, COMMA);
    out += 1;
  }
  copyLoosely(out, first, firstBytes);
  out += firstBytes;
  if (secondBytes === 0) return;
  out = putDecimal(out, offset);
  copyLoosely(out, second, secondBytes);
  out = putDecimal(out + secondBytes, offset);
  copyLoosely(out, third, thirdBytes);
  out += thirdBytes;
}
