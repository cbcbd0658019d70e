/**
 * Timestamps of audit events as a person reads them: the local time of a stage, and how long a request took.
 * Pure: knows nothing of the present time, and takes any value where a timestamp should stand.
 */

/**
 * - `time`: `05:06:07`
 * - `day`: `03-04 05:06:07`
 * - `day-ms`: `03-04 05:06:07.089`
 * - `full`: `2026-03-04 05:06:07.089`
 */
export type TimeForm = 'time' | 'day' | 'day-ms' | 'full';

/** RFC 3339, as kube-apiserver writes it: UTC with up to nine digits of a second. Others' offsets are taken too. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Microseconds since 1970 (exact up to the year 2255), or undefined for whatever is no RFC 3339 timestamp. */
export function epochMicros(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const parts = TIMESTAMP.exec(value);
  if (parts === null) return undefined;
  const [, seconds = '', fraction = '', zone = ''] = parts;
  const epochMs = Date.parse(seconds + zone);
  return Number.isNaN(epochMs)
    ? undefined
    : epochMs * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

const FORM_STARTS: Readonly<Record<TimeForm, number>> = { time: 11, day: 5, 'day-ms': 5, full: 0 };
const FORM_ENDS: Readonly<Record<TimeForm, number>> = { time: 19, day: 19, 'day-ms': 23, full: 23 };

/** Local time in the machine's zone, or in `timeZone` (an IANA name). A missing time is a `-`, filled up. */
export function localTime(
  micros: number | undefined,
  form: TimeForm,
  timeZone: string | undefined,
): string {
  const start = FORM_STARTS[form];
  const end = FORM_ENDS[form];
  if (micros === undefined) return '-'.padEnd(end - start);
  const minute = Math.floor(micros / 60_000_000);
  const ms = Math.floor(micros / 1000) - minute * 60_000;
  const seconds = (ms / 1000).toFixed(3).padStart(6, '0');
  return `${localMinute(minute, timeZone)}:${seconds}`.slice(start, end);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Building one takes a thousand times longer than using it. There are as many as zones were asked for: one. */
function formatterFor(timeZone: string | undefined): Intl.DateTimeFormat {
  const key = timeZone ?? '';
  const known = formatters.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    calendar: 'gregory',
    numberingSystem: 'latn',
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  formatters.set(key, made);
  return made;
}

/** The last minute that was formatted: events come in bursts, and formatting costs more than all else in a line. */
let lastMinute = { minute: NaN, timeZone: undefined as string | undefined, text: '' };

/** `2026-03-04 05:06`. Zone offsets are whole minutes since 1972, so the seconds need no calendar. */
function localMinute(minute: number, timeZone: string | undefined): string {
  if (lastMinute.minute === minute && lastMinute.timeZone === timeZone) return lastMinute.text;
  const parts = new Map<string, string>();
  for (const { type, value } of formatterFor(timeZone).formatToParts(minute * 60_000)) {
    parts.set(type, value);
  }
  const part = (type: string): string => parts.get(type) ?? '';
  const date = `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
  const text = `${date} ${part('hour')}:${part('minute')}`;
  lastMinute = { minute, timeZone, text };
  return text;
}

/** At most six columns: `0.7ms`, `123ms`, `1.23s`, `59.9s`, `4m05s`, `2h03m`, `3d04h`, `>999d`. `-` when unknown or negative. */
export function durationText(from: number | undefined, to: number | undefined): string {
  if (from === undefined || to === undefined || to < from) return '-';
  const ms = (to - from) / 1000;
  if (ms < 99.95) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${ms.toFixed(0)}ms`;
  const seconds = ms / 1000;
  if (seconds < 9.995) return `${seconds.toFixed(2)}s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return twoUnits(whole, 60, 'm', 1, 's');
  if (whole < 86_400) return twoUnits(whole, 3600, 'h', 60, 'm');
  if (whole < 100 * 86_400) return twoUnits(whole, 86_400, 'd', 3600, 'h');
  return whole < 1000 * 86_400 ? `${Math.floor(whole / 86_400)}d` : '>999d';
}

function twoUnits(
  seconds: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${largeName}${String(rest).padStart(2, '0')}${smallName}`;
}
