/**
 * The time of an event, from an RFC 3339 text to the nanosecond, as Fluentd's EventTime tells it: from 1970 to 2106.
 */
import { CASE_BIT, COLON, DOT, MINUS, PLUS, VECTOR_BYTES, ZERO } from './bytes';

export let seconds: u32 = 0;
export let nanoseconds: u32 = 0;

/** `2006-01-02T15:04:05`: what stands before the fraction and the zone. */
const SECONDS_CHARS: usize = 19;
/** `+01:00` */
const ZONE_CHARS: usize = 6;
const FRACTION_DIGITS: i32 = 9;
const SECONDS_PER_DAY: i64 = 86_400;
/** From March 1 of the year 0 to January 1 of 1970. */
const DAYS_BEFORE_1970: i32 = 719_468;
/** Larger than any number of four digits, and stays so: digits that are none. */
const NO_NUMBER: i32 = 0x10_0000;

/** Reads bytes [start, end); digits behind the nanosecond are left out. @returns whether they are such a time. */
export function readTime(start: usize, end: usize): bool {
  if (end - start <= SECONDS_CHARS || !hasForm(start)) return false;
  if (!isSameMinute(start) && !readMinute(start)) return false;
  // A leap second is 60; it counts as the one behind it.
  const second = number(start + 17, 2);
  const zone = skipFraction(start + SECONDS_CHARS, end);
  if (second > 60 || zone === 0 || !isZone(zone, end)) return false;
  const time = minuteSeconds + second - zoneSeconds(zone, end);
  seconds = <u32>time;
  return time >= 0 && time <= 0xffff_ffff;
}

/** The minute that was read last, `2006-01-02T15:04`, and its seconds since 1970: most events are of the same one. */
const lastMinute: usize = memory.data(<i32>VECTOR_BYTES, 16);
let minuteSeconds: i64 = 0;

function isSameMinute(start: usize): bool {
  return i8x16.all_true(i8x16.eq(v128.load(start), v128.load(lastMinute)));
}

function readMinute(start: usize): bool {
  const year = number(start, 4);
  const month = number(start + 5, 2);
  const day = number(start + 8, 2);
  const hour = number(start + 11, 2);
  const minute = number(start + 14, 2);
  if (!isDate(year, month, day) || hour > 23 || minute > 59) return false;
  const days = <i64>daysSince1970(year, month, day);
  minuteSeconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60;
  v128.store(lastMinute, v128.load(start));
  return true;
}

function hasForm(start: usize): bool {
  return (
    load<u8>(start + 4) === MINUS &&
    load<u8>(start + 7) === MINUS &&
    (load<u8>(start + 10) | CASE_BIT) === 0x74 &&
    load<u8>(start + 13) === COLON &&
    load<u8>(start + 16) === COLON
  );
}

/** Reads the fraction, if there is one. @returns where the zone begins; 0 where the fraction is none. */
function skipFraction(start: usize, end: usize): usize {
  nanoseconds = 0;
  if (load<u8>(start) !== DOT) return start;
  let digits = 0;
  let at = start + 1;
  for (; at < end; at++) {
    const digit: u8 = load<u8>(at) - ZERO;
    if (digit > 9) break;
    if (digits < FRACTION_DIGITS) nanoseconds = nanoseconds * 10 + digit;
    digits += 1;
  }
  for (let missing = digits; missing < FRACTION_DIGITS; missing++) nanoseconds *= 10;
  return digits === 0 ? 0 : at;
}

function isZone(start: usize, end: usize): bool {
  if (end - start === 1) return (load<u8>(start) | CASE_BIT) === 0x7a;
  if (end - start !== ZONE_CHARS || load<u8>(start + 3) !== COLON) return false;
  const sign = load<u8>(start);
  return (
    (sign === PLUS || sign === MINUS) && number(start + 1, 2) <= 23 && number(start + 4, 2) <= 59
  );
}

/** The seconds that a zone is ahead of UTC. */
function zoneSeconds(start: usize, end: usize): i32 {
  if (end - start === 1) return 0;
  const size = number(start + 1, 2) * 3600 + number(start + 4, 2) * 60;
  return load<u8>(start) === MINUS ? -size : size;
}

/** So many digits as a number; NO_NUMBER or more where one is none. */
function number(start: usize, length: usize): i32 {
  let value = 0;
  for (let at = start; at < start + length; at++) {
    const digit: u8 = load<u8>(at) - ZERO;
    value = digit > 9 ? NO_NUMBER : value * 10 + digit;
    if (value >= NO_NUMBER) return NO_NUMBER;
  }
  return value;
}

function isDate(year: i32, month: i32, day: i32): bool {
  return year < NO_NUMBER && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

function daysOf(year: i32, month: i32): i32 {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeapYear(year: i32): bool {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days of the Gregorian calendar: years begin in March, so that the leap day is the last one. */
function daysSince1970(year: i32, month: i32, day: i32): i32 {
  const fromMarch = month > 2 ? month - 3 : month + 9;
  const years = month > 2 ? year : year - 1;
  const leapDays = years / 4 - years / 100 + years / 400;
  const dayOfYear = (153 * fromMarch + 2) / 5 + day - 1;
  return 365 * years + leapDays + dayOfYear - DAYS_BEFORE_1970;
}
