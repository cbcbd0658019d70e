/** When somebody was away, and for how long at most. Knows nothing of why. */

export interface Span {
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

export class Outages {
  longestMs = 0;
  #sinceMs: number | undefined;

  /** Nothing changes while somebody is away already. */
  begins(): void {
    this.#sinceMs ??= Date.now();
  }

  /** @returns when somebody was away, if somebody was. */
  over(): Span | undefined {
    if (this.#sinceMs === undefined) return undefined;
    const span = { fromMs: this.#sinceMs, toMs: Date.now() };
    this.longestMs = Math.max(this.longestMs, span.toMs - span.fromMs);
    this.#sinceMs = undefined;
    return span;
  }
}
