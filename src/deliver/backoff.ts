/** How long to wait before the next attempt, and the waiting. */
import { setTimeout as delay } from 'node:timers/promises';

/** Waits; ends early, either way, when the signal is aborted. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

const FIRST_MS = 100;
/** Long enough not to hammer a receiver that is down, short enough to be back soon after it is. */
const CAP_MS = 30_000;

/**
 * Exponential backoff with full jitter above half of the delay: attempts of many agents spread out.
 * @param attempt 1 for the wait after the first failure. @param random in [0, 1).
 * @returns milliseconds
 */
export function backoffMs(attempt: number, random: () => number): number {
  const full = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 30));
  return full / 2 + (full / 2) * random();
}

export async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}
