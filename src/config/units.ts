/**
 * Durations, sizes and times as people write them in the configuration, and back. Pure; knows no keys and no sources.
 */
import { escapeControl } from '../observe/terminal.ts';

/** A value, or what is wrong with the text and what to write instead. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

const MS_OF_DURATION_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const BYTES_OF_SIZE_UNIT = {
  B: 1,
  KB: 1000,
  KiB: 1024,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
} as const;

/** Longest piece of a wrong value that a message repeats: enough to recognise it, short enough for one line. */
const QUOTED_CHARS_MAX = 60;

/** Any wrong value in quotes, fit for one line on a terminal. */
export function quote(text: string): string {
  const shown = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
  return `"${escapeControl(shown)}"`;
}

/** Milliseconds of `500ms`, `10s`, `15m`, `2h` or `7d`. */
export function parseDuration(text: string): Parsed<number> {
  const [, digits, unit] = /^(\d+)([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return noDuration(text);
  if (unit === '') {
    return wrong(`has no unit; write for example ${digits}s or ${digits}ms`);
  }
  if (!isKeyOf(MS_OF_DURATION_UNIT, unit)) return noDuration(text);
  return safeInteger(Number(digits) * MS_OF_DURATION_UNIT[unit]);
}

function noDuration(text: string): Parsed<number> {
  return wrong(
    `${quote(text)} is not a duration; write a whole number and a unit: 500ms, 10s, 15m, 2h or 7d`,
  );
}

/** Bytes of `64KiB`, `16MiB`, `1GB` or a plain number of bytes. */
export function parseSize(text: string): Parsed<number> {
  const [, digits, unit] = /^(\d+)([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return noSize(text, '');
  if (unit === '') return safeInteger(Number(digits));
  if (!isKeyOf(BYTES_OF_SIZE_UNIT, unit)) return noSize(text, didYouMean(digits, unit));
  return safeInteger(Number(digits) * BYTES_OF_SIZE_UNIT[unit]);
}

/** `16Mi` (Kubernetes), `16M` and `16mib` are close enough to say what was meant, not to guess it. */
function didYouMean(digits: string, unit: string): string {
  const wanted = unit.toLowerCase();
  const meant = Object.keys(BYTES_OF_SIZE_UNIT).find((known) =>
    [wanted, `${wanted}b`].includes(known.toLowerCase()),
  );
  return meant === undefined ? '' : `; did you mean ${digits}${meant}?`;
}

function noSize(text: string, hint: string): Parsed<number> {
  return wrong(
    hint === ''
      ? `${quote(text)} is not a size; write bytes or a whole number and a unit: 65536, 64KiB, 16MiB or 1GB`
      : `${quote(text)} is not a size${hint}`,
  );
}

/** Milliseconds since 1970 of an RFC 3339 time; what is finer than a millisecond is cut off. */
export function parseTime(text: string): Parsed<number> {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?$/.exec(text);
  const [, year, month, day, zone] = match ?? [];
  if (match === null) {
    return wrong(`${quote(text)} is not an RFC 3339 time such as 2026-03-04T05:06:07Z`);
  }
  if (zone === undefined) {
    return wrong(`has no time zone; add Z for UTC or an offset such as +02:00 to ${quote(text)}`);
  }
  const epochMs = Date.parse(text.replace(' ', 'T').toUpperCase());
  if (Number.isNaN(epochMs) || Number(day) > daysInMonth(Number(year), Number(month))) {
    return wrong(`${quote(text)} is not a date and time that exists`);
  }
  return { ok: true, value: epochMs };
}

/** JavaScript's Date rolls February 30 over into March. */
function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** `ms`, a whole number that is not negative, in the largest unit that parseDuration reads back exactly. */
export function formatDuration(ms: number): string {
  return formatWith(MS_OF_DURATION_UNIT, ms) ?? `${ms}ms`;
}

/** `bytes`, a whole number that is not negative, in the largest unit that parseSize reads back exactly. */
export function formatSize(bytes: number): string {
  return formatWith(BYTES_OF_SIZE_UNIT, bytes) ?? String(bytes);
}

/** The largest unit that divides the amount. Units stand in ascending order, the smallest is 1. */
function formatWith(units: Readonly<Record<string, number>>, amount: number): string | undefined {
  const unit = Object.entries(units).findLast(([, size]) => size > 1 && amount % size === 0);
  if (unit === undefined || amount === 0) return undefined;
  return `${amount / unit[1]}${unit[0]}`;
}

function safeInteger(value: number): Parsed<number> {
  return Number.isSafeInteger(value)
    ? { ok: true, value }
    : wrong('is far too large; write a smaller value');
}

function wrong(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}

function isKeyOf<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key);
}
