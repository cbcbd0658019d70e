/**
 * Ends the sleep of a log's loop. A wakeup is a hint, never the truth: nothing is concluded from it.
 */
import { setTimeout as delay } from 'node:timers/promises';

export class Wakeup {
  /** Set while somebody sleeps. */
  #wake: (() => void) | undefined;
  #hinted = false;

  /** Something may have changed. A hint that comes while nobody sleeps ends the next sleep at once. */
  notify(): void {
    this.#hinted = true;
    this.#wake?.();
  }

  /** Sleeps until a hint, the timeout or the abort. */
  async sleep(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#hinted && !signal.aborted) await this.#sleep(timeoutMs, signal);
    this.#hinted = false;
  }

  async #sleep(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}

/** Sleeps without listening to hints; ends early, and quietly, on the abort. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
