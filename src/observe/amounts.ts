/** Amounts for people: counts, sizes and spans of time, in the unit that says it well enough. Pure. */

const KIB = 1024;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const SPANS = [
  ['days', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;
const WHOLE_NUMBERS = new Intl.NumberFormat('en-US');

/** `1,234,567` */
export function count(amount: number): string {
  return WHOLE_NUMBERS.format(Math.round(amount));
}

/** `1.5 MiB` */
export function size(bytes: number): string {
  const power = bytes < KIB ? 0 : Math.floor(Math.log(bytes) / Math.log(KIB));
  const exponent = Math.min(UNITS.length - 1, power);
  const amount = bytes / KIB ** exponent;
  return `${exponent === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[exponent] ?? ''}`;
}

/** `90 s`, `10 min`, `2 h`, `4 days` */
export function span(seconds: number): string {
  const [unit, length] = SPANS.find(([, least]) => seconds >= 2 * least) ?? ['s', 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}
