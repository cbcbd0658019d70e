/**
 * Which bytes of one generation are settled. Its contiguous settled prefix is all that a checkpoint may hold.
 * Pure; it knows nothing of files, chunks and clocks.
 */
import { strict as assert } from 'node:assert';

/** Bytes [start, end) that were handed on together. */
export interface LedgerRange {
  readonly start: number;
  readonly end: number;
  /** False for a part of a line whose rest follows: a checkpoint must not stand behind it. */
  readonly endsLine: boolean;
}

interface Entry {
  readonly start: number;
  end: number;
  /** Where its last whole line ends; undefined when it is part of one. */
  lineEnd: number | undefined;
  settled: boolean;
}

export class Ledger {
  /** Issued ranges that are not yet part of the settled prefix, in file order. */
  readonly #open: Entry[] = [];
  #issuedTo: number;
  #position: number;
  #inFlightBytes = 0;

  constructor(start: number) {
    this.#issuedTo = start;
    this.#position = start;
  }

  /** The end of the last issued range. */
  get issuedTo(): number {
    return this.#issuedTo;
  }

  /** What a checkpoint may hold: everything before it is settled, and it lies just after a line. */
  get position(): number {
    return this.#position;
  }

  /** Issued and not settled, wherever they lie. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Nothing is on its way, also no range without bytes. */
  get isSettled(): boolean {
    return this.#open.length === 0;
  }

  /** A range was read and goes on its way. Ranges come in file order without gaps; skipped bytes are issued too. */
  issue(range: LedgerRange): void {
    assert.equal(range.start, this.#issuedTo, 'ranges are issued without gaps');
    assert.ok(range.end >= range.start, 'a range does not end before it starts');
    const { start, end, endsLine } = range;
    this.#open.push({ start, end, lineEnd: endsLine ? end : undefined, settled: false });
    this.#issuedTo = end;
    this.#inFlightBytes += end - start;
  }

  /** The range came to its account: delivered, filtered or dead-lettered. In any order, each exactly once. */
  settle(start: number, end: number): void {
    const entry = this.#open.find(
      (open) => open.start === start && open.end === end && !open.settled,
    );
    assert.ok(entry, 'only an issued range settles, and only once');
    entry.settled = true;
    this.#inFlightBytes -= end - start;
    this.#joinSettled();
    for (let first = this.#open[0]; first?.settled === true; first = this.#open[0]) {
      this.#open.shift();
      if (first.lineEnd !== undefined) this.#position = first.lineEnd;
    }
  }

  /** While an early range waits, those behind it become one: there are never more than are unsettled, and as many gaps. */
  #joinSettled(): void {
    for (let index = this.#open.length - 1; index > 0; index--) {
      const [before, after] = [this.#open[index - 1], this.#open[index]];
      if (before?.settled !== true || after?.settled !== true) continue;
      before.end = after.end;
      before.lineEnd = after.lineEnd ?? before.lineEnd;
      this.#open.splice(index, 1);
    }
  }
}
