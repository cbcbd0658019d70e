/**
 * Audit events that carry a number, and the way back from what was shipped to the numbers. Pure.
 */
import { sequenceOf } from '../../src/commands/simulate/events.ts';

const PADDING = 'x'.repeat(300);

/** One line without its newline; the number stands in the auditID, where `sequenceOf` finds it. */
export function eventOf(number: number): string {
  const digits = number.toString(16).padStart(12, '0');
  return (
    `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",` +
    `"auditID":"5f0cf05d-9a4c-4c8e-8a53-${digits}","stage":"ResponseComplete","verb":"get",` +
    `"userAgent":"numbered ${PADDING}","stageTimestamp":"2026-03-04T05:06:07.000000Z"}`
  );
}

/** The lines of the events from `first` to `last`, each with its newline. */
export function eventsOf(first: number, last: number): string {
  const events = Array.from({ length: last - first + 1 }, (_, index) => eventOf(first + index));
  return events.map((event) => `${event}\n`).join('');
}

/** The number of each line; NaN for one that is no numbered event, so that no comparison overlooks it. */
export function numbersOf(lines: readonly (Buffer | string)[]): readonly number[] {
  return lines.map((line) => sequenceOf(line.toString('latin1')) ?? NaN);
}

/** Numbers for a person to compare: `1-1080 1-20 1081-1200` for all in order with the first 20 repeated. */
export function runsOf(numbers: readonly number[]): string {
  const runs: { readonly from: number; to: number }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run?.to === number - 1) run.to = number;
    else runs.push({ from: number, to: number });
  }
  return runs.map(({ from, to }) => `${from}-${to}`).join(' ');
}
