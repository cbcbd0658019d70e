/** How a receiver of the benchmarks reads: at once, or as a receiver in trouble does. Knows nothing of what is read. */

/** How long it stops, and how long it is slow after that, before it reads as fast as it can. */
export interface Slowness {
  readonly stopsMs: number;
  readonly isSlowMs: number;
}

const PAUSE_MS = 10;

/** @returns what to call after each read: how long to wait before the next one. */
export function waits({ stopsMs, isSlowMs }: Slowness): () => number {
  let beganMs: number | undefined;
  return () => {
    if (beganMs === undefined) {
      beganMs = performance.now();
      return stopsMs;
    }
    return performance.now() < beganMs + stopsMs + isSlowMs ? PAUSE_MS : 0;
  };
}
