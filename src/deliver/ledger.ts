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

interface Entry extends LedgerRange {
  settled: boolean;
}

export class Ledger {
  /** Issued ranges that are not yet part of the settled prefix, in file order. */
  readonly #open: Entry[] = [];
  #issuedTo: number;
  #settledTo: number;
  #position: number;

  constructor(start: number) {
    this.#issuedTo = start;
    this.#settledTo = start;
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

  get inFlightBytes(): number {
    return this.#issuedTo - this.#settledTo;
  }

  /** A range was read and goes on its way. Ranges come in file order without gaps; skipped bytes are issued too. */
  issue(range: LedgerRange): void {
    assert.equal(range.start, this.#issuedTo, 'ranges are issued without gaps');
    assert.ok(range.end >= range.start, 'a range does not end before it starts');
    this.#open.push({ ...range, settled: false });
    this.#issuedTo = range.end;
  }

  /** The range came to its account: delivered, filtered or dead-lettered. In any order, each exactly once. */
  settle(start: number, end: number): void {
    const entry = this.#open.find(
      (open) => open.start === start && open.end === end && !open.settled,
    );
    assert.ok(entry, 'only an issued range settles, and only once');
    entry.settled = true;
    for (let first = this.#open[0]; first?.settled === true; first = this.#open[0]) {
      this.#open.shift();
      this.#settledTo = first.end;
      if (first.endsLine) this.#position = first.end;
    }
  }
}
