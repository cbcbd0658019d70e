/**
 * Ends the sleep of a log's loop. A wakeup is a hint, never the truth: nothing is concluded from it.
 */
import { setTimeout as delay } from 'node:timers/promises';

export class Wakeup {
  /** Set while somebody sleeps. */
  #wake: (() => void) | undefined;
  #endsWithHint = false;
  #hinted = false;
  /** The signal that was slept under last: one listener serves all sleeps. */
  #signal: AbortSignal | undefined;

  /** Whether a hint came since the last sleep that hints may end. */
  get hinted(): boolean {
    return this.#hinted;
  }

  /** Something may have changed. A hint that comes while nobody sleeps ends the next sleep at once. */
  notify(): void {
    this.#hinted = true;
    if (this.#endsWithHint) this.#wake?.();
  }

  /** The same, and it cannot wait: a pause ends, too. */
  interrupt(): void {
    this.#hinted = true;
    this.#wake?.();
  }

  /** Sleeps until a hint, the timeout or the abort. @returns whether there was a hint. */
  async sleep(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#hinted) await this.#sleep(timeoutMs, signal, true);
    const hinted = this.#hinted;
    this.#hinted = false;
    return hinted;
  }

  /** Sleeps until the timeout, an interruption or the abort: hints wait. */
  async pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#sleep(timeoutMs, signal, false);
  }

  async #sleep(timeoutMs: number, signal: AbortSignal, endsWithHint: boolean): Promise<void> {
    if (signal.aborted) return;
    this.#listenTo(signal);
    this.#endsWithHint = endsWithHint;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #listenTo(signal: AbortSignal): void {
    if (this.#signal === signal) return;
    this.#signal?.removeEventListener('abort', this.#end);
    this.#signal = signal;
    signal.addEventListener('abort', this.#end, { once: true });
  }

  readonly #end = (): void => this.#wake?.();
}

/** Sleeps without listening to hints; ends early, and quietly, on the abort. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
