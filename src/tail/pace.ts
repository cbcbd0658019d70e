/**
 * Decides how a log's loop hears of news: through its watch, or, while the log is busy and slow enough, by looking
 * from time to time. Pure; it knows no files and no watches.
 */

/** What a round of the loop, from one sleep to the next, found. */
export interface Round {
  /** Bytes that were read. */
  readonly bytes: number;
  /** Whether the next hint is there already. */
  readonly hinted: boolean;
}

/** A log is busy when it grew in so many rounds in a row. A short burst is not worth closing a watch. */
const BUSY_ROUNDS = 8;
/** A log is quiet when so many looks in a row found nothing: then a watch that sleeps costs less. */
const QUIET_LOOKS = 8;

export class Pace {
  #looks = false;
  /** Rounds in a row that speak for the other way. */
  #count = 0;

  /** True while looks take the place of the watch. */
  get looks(): boolean {
    return this.#looks;
  }

  /** A round is over. */
  passed({ bytes, hinted }: Round): void {
    const speaksForChange = this.#looks ? bytes === 0 : bytes > 0 && hinted;
    this.#count = speaksForChange ? this.#count + 1 : 0;
    if (this.#count < (this.#looks ? QUIET_LOOKS : BUSY_ROUNDS)) return;
    this.#looks = !this.#looks;
    this.#count = 0;
  }

  /** Something happens that looks may be too slow for: it takes a watch. */
  alarm(): void {
    this.#looks = false;
    this.#count = 0;
  }
}
