/**
 * What may happen a thousand times a second is told once a second, with a count of what was not told. Knows nothing of
 * what it tells.
 */
import type { Log, LogFields } from './log.ts';

/** As often as a person can follow. */
const EVERY_MS = 1000;

export class Seldom {
  readonly #log: Log;
  /** In ms; only differences count. */
  readonly #now: () => number;
  #toldAt = -Infinity;
  #untold = 0;

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** A warning. */
  warn(message: string, fields: LogFields): void {
    const now = this.#now();
    if (now - this.#toldAt < EVERY_MS) {
      this.#untold += 1;
      return;
    }
    this.#log.warn(message, this.#untold === 0 ? fields : { ...fields, and_others: this.#untold });
    this.#toldAt = now;
    this.#untold = 0;
  }
}
