/**
 * Which bytes of one generation are settled. Its contiguous settled prefix is all that a checkpoint may hold.
 * Pure; it knows nothing of files, chunks and clocks.
 */
import { fail } from 'node:assert';
import { addToGeneration, NOTHING_SETTLED, type GenerationAccounts } from './chunk.ts';

/** Bytes [start, end) of the generation. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Bytes that were handed on together. */
export interface LedgerRange extends Range {
  /** False for a part of a line whose rest follows: a checkpoint must not stand behind it. */
  readonly endsLine: boolean;
  /** Of its last event, in ms since the epoch; undefined when it has none. */
  readonly timeMs?: number | undefined;
  /** Nobody has its bytes: what is on its way is the record of their loss. */
  readonly isLost?: boolean;
}

interface Entry {
  readonly start: number;
  end: number;
  endsLine: boolean;
  timeMs: number | undefined;
  readonly isLost: boolean;
  /** Undefined until it is settled. */
  accounts: GenerationAccounts | undefined;
}

export class Ledger {
  /** Where its first range begins. */
  readonly start: number;
  /** Issued ranges that are not yet part of the settled prefix, in file order. */
  readonly #open: Entry[] = [];
  #issuedTo: number;
  #position: number;
  #inFlightBytes = 0;
  #timeMs: number | undefined;
  /** Of what lies before the position. */
  #accounts = NOTHING_SETTLED;
  /** Of parts of a line behind the position. */
  #parts = NOTHING_SETTLED;

  constructor(start: number) {
    this.start = start;
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

  /** What became of the bytes from the start to the position. */
  get accounts(): GenerationAccounts {
    return this.#accounts;
  }

  /** The time of the last event before the position, in ms since the epoch. */
  get timeMs(): number | undefined {
    return this.#timeMs;
  }

  /** The time of the last event that was issued, in ms since the epoch. */
  get issuedTimeMs(): number | undefined {
    return this.#open.findLast((entry) => entry.timeMs !== undefined)?.timeMs ?? this.#timeMs;
  }

  /** Issued and not settled, wherever they lie; what is lost is on nobody's way. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Nothing is on its way, also no range without bytes. */
  get isSettled(): boolean {
    return this.#open.length === 0;
  }

  /** A range was read and goes on its way. Ranges come in file order without gaps; skipped bytes are issued too. */
  issue(range: LedgerRange): void {
    const { start, end, endsLine, timeMs, isLost = false } = range;
    if (start !== this.#issuedTo) fail('ranges are issued without gaps');
    if (end < start) fail('a range does not end before it starts');
    this.#open.push({ start, end, endsLine, timeMs, isLost, accounts: undefined });
    this.#issuedTo = end;
    if (!isLost) this.#inFlightBytes += end - start;
  }

  /**
   * The ranges, which were issued one after the other, came to their accounts. In any order, each exactly once.
   * @param accounts of all of them together.
   */
  settle(ranges: readonly Range[], accounts: Partial<GenerationAccounts>): void {
    const entry = this.#joined(ranges);
    entry.accounts = addToGeneration(NOTHING_SETTLED, accounts);
    if (!entry.isLost) this.#inFlightBytes -= entry.end - entry.start;
    this.#joinSettled();
    for (let first = this.#open[0]; first?.accounts !== undefined; first = this.#open[0]) {
      this.#open.shift();
      this.#pass(first, first.accounts);
    }
  }

  /** Nothing before it is on its way. */
  #pass({ end, endsLine, timeMs }: Entry, accounts: GenerationAccounts): void {
    const isAlone = this.#parts === NOTHING_SETTLED;
    const parts = isAlone ? accounts : addToGeneration(this.#parts, accounts);
    this.#parts = endsLine ? NOTHING_SETTLED : parts;
    if (!endsLine) return;
    this.#position = end;
    this.#timeMs = timeMs ?? this.#timeMs;
    this.#accounts = addToGeneration(this.#accounts, parts);
  }

  /** The entries of the ranges, as one. */
  #joined(ranges: readonly Range[]): Entry {
    const first = this.#open.findIndex((open) => isOpen(open, ranges[0]));
    const entry = this.#open[first];
    const areIssued = ranges.every((range, index) => isOpen(this.#open[first + index], range));
    if (entry === undefined || !areIssued) fail('only issued ranges settle, and only once');
    if (ranges.length === 1) return entry;
    for (const other of this.#open.splice(first + 1, ranges.length - 1)) join(entry, other);
    return entry;
  }

  /**
   * While an early range waits, those behind it become one: there are never more than are unsettled, and twice as many
   * gaps, since a part of a line stays apart from whole lines before it.
   */
  #joinSettled(): void {
    for (let index = this.#open.length - 1; index > 0; index--) {
      const [before, after] = [this.#open[index - 1], this.#open[index]];
      if (before?.accounts === undefined || after?.accounts === undefined) continue;
      if (before.endsLine && !after.endsLine) continue;
      join(before, after);
      this.#open.splice(index, 1);
    }
  }
}

function isOpen(entry: Entry | undefined, range: Range | undefined): boolean {
  const isIt = entry?.start === range?.start && entry?.end === range?.end;
  return isIt && entry !== undefined && entry.accounts === undefined;
}

function join(before: Entry, after: Entry): void {
  before.end = after.end;
  before.endsLine = after.endsLine;
  before.timeMs = after.timeMs ?? before.timeMs;
  if (before.accounts !== undefined && after.accounts !== undefined) {
    before.accounts = addToGeneration(before.accounts, after.accounts);
  }
}
