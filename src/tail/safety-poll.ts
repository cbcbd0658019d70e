/**
 * How long a log may sleep when nothing wakes it: a wakeup is a hint and may be lost, so whoever sleeps looks from time
 * to time. A watch that has proved itself is trusted for longer. Pure; it knows no files and no watches.
 */

/** The slow safety poll: what no event announced is found within it (FIELD.md: watches are lossy). */
const SAFETY_POLL_MS = 1000;
/** The same for a quiet log whose watch has missed nothing: many such logs would be all that an idle agent does. */
const QUIET_POLL_MS = 5000;
/** So many quiet logs are looked at in a second at the most, however many there are: one look takes 0.2 ms. */
const QUIET_POLLS_PER_SECOND = 5;
const MS_PER_SECOND = 1000;
/** The poll where the system refuses to watch (SELinux, inotify limits): the only source of news then. */
const UNWATCHED_POLL_MS = 250;
/** How often every file is looked at anew, whatever its name: a backup may still grow, or be replaced. */
const FULL_SCAN_MS = 10_000;
const QUIET_FULL_SCAN_MS = 60_000;
/** A log is quiet when so many polls in a row found nothing. */
const QUIET_POLLS = 4;
/** Between the end of a sleep and the look something may happen whose hint is still on its way: that is no miss. */
const MISSES_MAX = 3;

/** A sleep, and what was read behind it. */
export interface Awakening {
  /** Whether the watch had told of it. */
  readonly hinted: boolean;
  readonly found: boolean;
}

export class SafetyPoll {
  #quiet = 0;
  #misses = 0;

  passed({ hinted, found }: Awakening): void {
    if (found && !hinted) this.#misses += 1;
    this.#quiet = hinted || found ? 0 : this.#quiet + 1;
  }

  /** @param logs how many are looked at in this way. */
  intervalMs(isWatched: boolean, logs = 1): number {
    if (!isWatched) return UNWATCHED_POLL_MS;
    if (!this.#isTrusted) return SAFETY_POLL_MS;
    const inTurnMs = Math.min(logs * (MS_PER_SECOND / QUIET_POLLS_PER_SECOND), QUIET_FULL_SCAN_MS);
    return Math.max(QUIET_POLL_MS, inTurnMs);
  }

  fullScanMs(isWatched: boolean): number {
    return isWatched && this.#isTrusted ? QUIET_FULL_SCAN_MS : FULL_SCAN_MS;
  }

  get #isTrusted(): boolean {
    return this.#misses < MISSES_MAX && this.#quiet >= QUIET_POLLS;
  }
}
