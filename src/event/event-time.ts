/**
 * The time of an event, read from bytes: from a line without parsing it, or from an RFC 3339 text to the nanosecond.
 * Pure.
 */

const NEWLINE = 10;
// kube-apiserver writes requestReceivedTimestamp and stageTimestamp behind the bodies, and annotations (whose
// values are strings, with their quotes escaped) behind those: the last occurrence is the event's own.
const STAGE_TIMESTAMP = Buffer.from('"stageTimestamp":"');
/** RFC 3339 with microseconds takes 27 bytes; zones and nanoseconds a few more. */
const MAX_TIMESTAMP_BYTES = 40;

/** Which time an event gets on its way: one of its own, or that of its shipping. */
export type TimeKey = 'stageTimestamp' | 'requestReceivedTimestamp' | 'now';

/** Fluentd's EventTime: both are whole and fit into 32 bits. */
export interface EventTime {
  /** Since 1970; the last one is in 2106. */
  seconds: number;
  nanoseconds: number;
}

/** The stageTimestamp of one line (RFC 3339) in ms since the epoch; undefined when it has none. */
export function stageTimeMs(line: Buffer): number | undefined {
  const at = line.lastIndexOf(STAGE_TIMESTAMP);
  if (at === -1) return undefined;
  const start = at + STAGE_TIMESTAMP.length;
  const text = line.toString('latin1', start, start + MAX_TIMESTAMP_BYTES);
  const epochMs = Date.parse(text.slice(0, text.indexOf('"')));
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** The offset of the first line whose event is not before the time; undefined when there is none in the block. */
export function firstLineSince(lines: Buffer, epochMs: number): number | undefined {
  for (let start = 0; start < lines.length;) {
    const newline = lines.indexOf(NEWLINE, start);
    const end = newline === -1 ? lines.length : newline + 1;
    const time = stageTimeMs(lines.subarray(start, end));
    if (time !== undefined && time >= epochMs) return start;
    start = end;
  }
  return undefined;
}

// --- RFC 3339 to the nanosecond ---

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;
const LOWER_T = 0x74;
const LOWER_Z = 0x7a;
/** Added to an upper-case ASCII letter it gives the lower-case one. */
const CASE_BIT = 0x20;

/** `2006-01-02T15:04:05`: what stands before the fraction and the zone. */
const SECONDS_CHARS = 19;
/** `+01:00` */
const ZONE_CHARS = 6;
const FRACTION_DIGITS = 9;
const MS_PER_SECOND = 1000;
const NS_PER_MS = 1_000_000;
const SECONDS_PER_DAY = 86_400;
const MAX_SECONDS = 0xffff_ffff;

const MONTH_DAYS = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

export function readClock(epochMs: number, into: EventTime): void {
  into.seconds = Math.floor(epochMs / MS_PER_SECOND);
  into.nanoseconds = Math.floor((epochMs - into.seconds * MS_PER_SECOND) * NS_PER_MS);
}

/**
 * Reads an RFC 3339 time from bytes [start, end). Digits behind the nanosecond are left out.
 *
 * @returns whether it is one that EventTime can tell, 1970 to 2106; otherwise `into` means nothing.
 */
export function readRfc3339(view: DataView, start: number, end: number, into: EventTime): boolean {
  if (end - start <= SECONDS_CHARS) return false;
  const local = readLocal(view, start);
  const zone = skipFraction(view, start + SECONDS_CHARS, end, into);
  const offset = readZone(view, zone, end);
  if (local === undefined || offset === undefined) return false;
  into.seconds = local - offset;
  return into.seconds >= 0 && into.seconds <= MAX_SECONDS;
}

/** Date and time of day in seconds since 1970, as if they were UTC. */
function readLocal(view: DataView, start: number): number | undefined {
  const year = number(view, start, 4);
  const month = number(view, start + 5, 2);
  const day = number(view, start + 8, 2);
  const hour = number(view, start + 11, 2);
  const minute = number(view, start + 14, 2);
  const second = number(view, start + 17, 2);
  const hasForm =
    view.getUint8(start + 4) === MINUS &&
    view.getUint8(start + 7) === MINUS &&
    (view.getUint8(start + 10) | CASE_BIT) === LOWER_T &&
    view.getUint8(start + 13) === COLON &&
    view.getUint8(start + 16) === COLON;
  if (!hasForm || !isDate(year, month, day)) return undefined;
  // A leap second is 60; it counts as the one behind it.
  if (!isWithin(hour, 23) || !isWithin(minute, 59) || !isWithin(second, 60)) return undefined;
  return daysSince1970(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
}

/** Reads the fraction, if there is one. @returns where the zone begins; `end` where the fraction is none. */
function skipFraction(view: DataView, start: number, end: number, into: EventTime): number {
  into.nanoseconds = 0;
  if (view.getUint8(start) !== DOT) return start;
  let at = start + 1;
  let digits = 0;
  for (; at < end; at++) {
    const digit = view.getUint8(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    if (digits < FRACTION_DIGITS) into.nanoseconds = into.nanoseconds * 10 + digit;
    digits += 1;
  }
  for (let missing = digits; missing < FRACTION_DIGITS; missing++) into.nanoseconds *= 10;
  return digits === 0 ? end : at;
}

/** The seconds that the zone in [start, end) is ahead of UTC. */
function readZone(view: DataView, start: number, end: number): number | undefined {
  if (end - start === 1) return (view.getUint8(start) | CASE_BIT) === LOWER_Z ? 0 : undefined;
  if (end - start !== ZONE_CHARS || view.getUint8(start + 3) !== COLON) return undefined;
  const sign = view.getUint8(start);
  const hours = number(view, start + 1, 2);
  const minutes = number(view, start + 4, 2);
  if (!isWithin(hours, 23) || !isWithin(minutes, 59)) return undefined;
  const seconds = hours * 3600 + minutes * 60;
  if (sign === PLUS) return seconds;
  return sign === MINUS ? -seconds : undefined;
}

/** So many digits as a number; NaN where one is none. */
function number(view: DataView, start: number, length: number): number {
  let value = 0;
  for (let at = start; at < start + length; at++) {
    const digit = view.getUint8(at) - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** False for NaN. */
function isWithin(value: number, max: number): boolean {
  return value <= max;
}

function isDate(year: number, month: number, day: number): boolean {
  if (Number.isNaN(year) || !(month >= 1) || month > 12 || !(day >= 1)) return false;
  const leapDay = month === 2 && isLeapYear(year) ? 1 : 0;
  return day <= (MONTH_DAYS[month - 1] ?? 0) + leapDay;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days of the Gregorian calendar: years begin in March, so that the leap day is the last one. */
function daysSince1970(year: number, month: number, day: number): number {
  const fromMarch = month > 2 ? month - 3 : month + 9;
  const years = month > 2 ? year : year - 1;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  const dayOfYear = Math.floor((153 * fromMarch + 2) / 5) + day - 1;
  return 365 * years + leapDays + dayOfYear - DAYS_BEFORE_1970;
}

/** From March 1 of the year 0 to January 1 of 1970. */
const DAYS_BEFORE_1970 = 719_468;
