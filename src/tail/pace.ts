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

/**
 * Pause after reading up to the end, so that a busy log is read in runs and not event by event; and, while looks take
 * the place of the watch, from one look to the next. Half of it is the median of the latency. Against what looks may
 * miss it must be less than the life of a file under rotation at full speed: 30 ms with one backup kept.
 */
const LOOK_EVERY_MS = 17;
/**
 * The same between looks that find little, which cost as much as those that find much: below a few hundred events a second
 * two thirds of them do.
 */
const LOOK_SELDOM_MS = 24;
/** Some six events: what 400 a second write between two looks. */
const LITTLE_BYTES = 8 * 1024;
/** A log is busy when it grew in so many rounds in a row. A short burst is not worth closing a watch. */
const BUSY_ROUNDS = 8;
/**
 * More in a round is too fast for looks. kube-apiserver's smallest file has 1 MB: at this rate it takes four rounds to
 * fill, and is there for as many more until it is deleted.
 */
const LOOK_BYTES_MAX = 256 * 1024;
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

  /** How long after the last look the next one comes. @param bytes that were read since. */
  lookAfterMs(bytes: number): number {
    return this.#looks && bytes < LITTLE_BYTES ? LOOK_SELDOM_MS : LOOK_EVERY_MS;
  }

  /** Whether so much in a round is too much for looks. */
  isTooFast(bytes: number): boolean {
    return bytes > LOOK_BYTES_MAX;
  }

  /** A round is over. */
  passed({ bytes, hinted }: Round): void {
    if (this.isTooFast(bytes)) this.alarm();
    const isBusy = hinted && bytes > 0 && !this.isTooFast(bytes);
    const speaksForChange = this.#looks ? bytes === 0 : isBusy;
    this.#count = speaksForChange ? this.#count + 1 : 0;
    if (this.#count < (this.#looks ? QUIET_LOOKS : BUSY_ROUNDS)) return;
    this.#looks = !this.#looks;
    this.#count = 0;
  }

  /** Something happens that looks may be too slow for: it takes a watch, for some time at least. */
  alarm(): void {
    this.#looks = false;
    this.#count = 0;
  }
}
