/**
 * What is found of events in one file, as runs: neighbours count as one finding, so that a thousand missing events in
 * a row are one line of a report. Bounded. Pure.
 */

/** Events that stand side by side; `bytes` from the first one to behind the last. */
export interface Run {
  readonly offset: number;
  readonly bytes: number;
  readonly events: number;
}

/** More findings of one kind in one file help nobody: they are counted, and not named. */
const MAX_RUNS = 10_000;

export class Runs {
  readonly #runs: { offset: number; bytes: number; events: number }[] = [];
  #events = 0;
  /** Whether the last event belongs to a run that is kept. */
  #isKept = false;

  /** All events, also those of runs that are not kept. */
  get events(): number {
    return this.#events;
  }

  /**
   * An event [start, end).
   * @param goesOn it stands behind the one that was added last.
   */
  add(start: number, end: number, goesOn: boolean): void {
    this.#events += 1;
    const last = this.#runs.at(-1);
    if (last !== undefined && goesOn) {
      if (!this.#isKept) return;
      last.events += 1;
      last.bytes = end - last.offset;
      return;
    }
    this.#isKept = this.#runs.length < MAX_RUNS;
    if (this.#isKept) this.#runs.push({ offset: start, bytes: end - start, events: 1 });
  }

  list(): readonly Run[] {
    return this.#runs;
  }
}
