/** What the writer of the latency benchmark and the one who starts it know of each other. */

export interface WriterOptions {
  readonly eventsPerSecond: number;
  /** Before the events that count. */
  readonly settleMs: number;
  readonly forMs: number;
}

/** One line each on stdout. */
export type FromWriter =
  | { readonly began: true }
  | { readonly events: number; readonly fromUs: number; readonly toUs: number };

/** @returns how many events a time has at a rate. */
export function countAt(eventsPerSecond: number): (ms: number) => number {
  return (ms) => Math.round((eventsPerSecond * ms) / 1000);
}
