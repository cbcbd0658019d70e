/** For how much of a time agents could see the log. Pure: it is told when they could not. */
import type { Span } from './outages.ts';

export class Sight {
  /** Sorted, and apart from each other. */
  readonly #blind: readonly Span[];
  /** How long it was blind before each of them. */
  readonly #blindBeforeMs: readonly number[];

  /** @param spans in which no agent saw anything; in any order, and they may overlap. */
  constructor(spans: readonly Span[]) {
    const blind: Span[] = [];
    for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
      const last = blind.at(-1);
      if (last === undefined || last.toMs < span.fromMs) blind.push(span);
      else blind[blind.length - 1] = { ...last, toMs: Math.max(last.toMs, span.toMs) };
    }
    let sum = 0;
    this.#blind = blind;
    this.#blindBeforeMs = blind.map(({ fromMs, toMs }) => (sum += toMs - fromMs) - (toMs - fromMs));
  }

  /** How long, in all, somebody could see it between the two moments. */
  seenMs(fromMs: number, toMs: number): number {
    return toMs - fromMs - (this.#blindMsUntil(toMs) - this.#blindMsUntil(fromMs));
  }

  #blindMsUntil(ms: number): number {
    // The last one that began before.
    let [low, high] = [-1, this.#blind.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#blind[middle]?.fromMs ?? 0) <= ms) low = middle;
      else high = middle - 1;
    }
    const span = this.#blind[low];
    if (span === undefined) return 0;
    return (this.#blindBeforeMs[low] ?? 0) + Math.min(ms, span.toMs) - span.fromMs;
  }
}
