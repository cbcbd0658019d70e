/**
 * Whether the receiver takes events at present: the evidence without which no single event is condemned. A receiver
 * whose disk is full may well acknowledge a message without events. Pure.
 */

export class Health {
  #taken = 0;
  #failing = false;

  /** How many chunks, or parts of them, were taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** A chunk with events was acknowledged. */
  took(): void {
    this.#taken += 1;
    this.#failing = false;
  }

  /** An attempt failed that nobody blames a single event for. */
  failed(): void {
    this.#failing = true;
  }

  /** Whether something was taken since then, and nothing has failed after it. @param taken as it was then. */
  isWellSince(taken: number): boolean {
    return this.#taken > taken && !this.#failing;
  }
}
