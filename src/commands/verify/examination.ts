/**
 * Holds one generation against what is remembered and what was delivered of it. Pure: it is told the pieces of the
 * file in their order, and keeps no more of them than what is wrong.
 */
import { count } from '../../observe/amounts.ts';
import type { Checkpoint } from '../../checkpoint/format.ts';
import { accountedBytes, NOTHING_SETTLED, type GenerationAccounts } from '../../deliver/chunk.ts';
import type { Range } from '../../deliver/ledger.ts';
import type { Piece, Walk } from './pieces.ts';
import type { GenerationReceipts, PartRange } from './receipts.ts';
import { counted, type Delivery, type GenerationReport } from './report.ts';
import { Runs } from './runs.ts';

/** What there is to hold a generation against. */
export interface Subject {
  readonly log: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly checkpoint: Checkpoint | undefined;
  /** Where its dead letters stand. */
  readonly letters: readonly Range[];
  /** Of it, recorded losses. */
  readonly losses: readonly Range[];
  /** Undefined where nobody gave what was delivered. */
  readonly delivered: Delivered | undefined;
}

export interface Delivered {
  readonly receipts: GenerationReceipts | undefined;
  /** What stands before it must have been delivered. */
  readonly dueTo: number;
}

/** What is wrong with a generation that only the accounts concern. */
interface Settled {
  /** Where the accounts begin to count events, and where they end. */
  readonly from: number;
  readonly to: number;
  readonly accounts: GenerationAccounts;
}

function settledOf(checkpoint: Checkpoint | undefined): Settled {
  const { offset = 0, accounts = NOTHING_SETTLED } = checkpoint ?? {};
  return { from: accounts.skippedBytes + accounts.earlierBytes, to: offset, accounts };
}

export class Examination {
  readonly #subject: Subject;
  readonly #settled: Settled;
  readonly #comparison: Comparison | undefined;
  #events = 0;
  /** Before the checkpoint, and in no other account than delivered, filtered and dead-lettered. */
  #settledEvents = 0;
  #unreadEvents = 0;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#settled = settledOf(subject.checkpoint);
    const { delivered } = subject;
    this.#comparison = delivered && new Comparison(subject, delivered, this.#settled.accounts);
  }

  /** The next piece of the file. */
  piece(piece: Piece): void {
    const { start } = piece;
    const { from, to } = this.#settled;
    this.#events += 1;
    if (start >= to) this.#unreadEvents += 1;
    else if (start >= from && !isWithin(this.#subject.losses, start)) this.#settledEvents += 1;
    this.#comparison?.piece(piece);
  }

  /** @param contentStart where the first line begins, behind a hole of NULs. */
  finish(walk: Walk, contentStart: number): GenerationReport {
    const { log, path, fingerprint, checkpoint } = this.#subject;
    const { to, accounts } = this.#settled;
    const { size } = walk;
    const sums = sumsProblems(this.#subject, this.#settled);
    const unreadBytes = Math.max(0, size - to);
    return {
      log,
      path,
      fingerprint,
      isOnDisk: true,
      offset: checkpoint?.offset,
      size,
      events: this.#events,
      accounts: checkpoint && accounts,
      unread: { events: this.#unreadEvents, bytes: unreadBytes },
      deletedBytes: 0,
      contradictions: [...sums, ...this.#contentProblems(walk, contentStart)],
      delivery: this.#comparison?.finish(walk.isDamaged),
    };
  }

  #contentProblems(
    { size, isBoundary, isDamaged, uncertainLines }: Walk,
    contentStart: number,
  ): string[] {
    const { checkpoint, losses } = this.#subject;
    const { to, accounts } = this.#settled;
    const { delivered, filtered, deadLettered, lostBytes } = accounts;
    if (checkpoint === undefined || isDamaged) return [];
    if (to > size) {
      return [`its checkpoint (${count(to)}) lies behind the end of the file (${count(size)})`];
    }
    const settled = delivered.events + filtered.events + deadLettered.events;
    const lostKnown = losses.reduce((sum, { start, end }) => sum + end - start, 0);
    const isCertain = uncertainLines === 0 && lostBytes === lostKnown;
    const isWrong = isCertain && settled !== this.#settledEvents;
    const isBetweenLines = isBoundary || to <= contentStart || lostBytes > 0;
    return [
      ...(isBetweenLines ? [] : [`its checkpoint (${count(to)}) stands inside of a line`]),
      ...(isWrong
        ? [
            `its accounts hold ${counted(settled, 'event')}, and ${count(this.#settledEvents)} stand before its checkpoint`,
          ]
        : []),
    ];
  }
}

/**
 * A generation that is nowhere on disk any more: all there is are its numbers.
 * @param isRead an agent runs that may still have it open.
 */
export function examineGone(
  subject: Subject & { readonly checkpoint: Checkpoint },
  isRead: boolean,
): GenerationReport {
  const { log, path, fingerprint, checkpoint, delivered } = subject;
  const { offset, size } = checkpoint;
  const settled = settledOf(checkpoint);
  const behind = Math.max(0, size - offset);
  return {
    log,
    path,
    fingerprint,
    isOnDisk: false,
    offset,
    size,
    events: undefined,
    accounts: settled.accounts,
    unread: { events: 0, bytes: isRead ? behind : 0 },
    deletedBytes: isRead ? 0 : behind,
    contradictions: sumsProblems(subject, settled),
    delivery: delivered && countGone(subject, settled, delivered.receipts),
  };
}

/** What the numbers alone show. */
function sumsProblems({ letters, checkpoint }: Subject, { to, accounts }: Settled): string[] {
  if (checkpoint === undefined) return [];
  const { deadLettered, earlierBytes } = accounts;
  const sum = accountedBytes(accounts);
  const kept = letters
    .filter(({ start }) => start < to && start >= earlierBytes)
    .reduce((bytes, { start, end }) => bytes + end - start, 0);
  return [
    ...(sum === to
      ? []
      : [`its accounts hold ${counted(sum, 'byte')}, and its checkpoint stands at ${count(to)}`]),
    ...(kept <= deadLettered.bytes
      ? []
      : [
          `its dead letters have ${counted(kept, 'byte')}, and their account holds ${count(deadLettered.bytes)}`,
        ]),
  ];
}

function countGone(
  { losses }: Subject,
  { from, to, accounts }: Settled,
  receipts: GenerationReceipts | undefined,
): Delivery {
  const unended = new Set(receipts?.parts().flatMap((part) => (part.isLast ? [] : [part.start])));
  let [all, settledIds, recovered] = [0, 0, 0];
  for (const id of receipts?.distinct() ?? []) {
    // The parts of one line are one event.
    if (unended.has(id)) continue;
    all += 1;
    if (isWithin(losses, id)) recovered += 1;
    else if (id >= from && id < to) settledIds += 1;
  }
  const { delivered, deadLettered } = accounts;
  // Dead letters may have been sent again.
  const most = delivered.events + deadLettered.events;
  return {
    events: all,
    notYet: 0,
    skipped: 0,
    filtered: 0,
    lost: 0,
    recovered,
    deadLettered: 0,
    missing: { events: Math.max(0, delivered.events - settledIds), runs: [] },
    wrong: { events: Math.max(0, settledIds - most), runs: [] },
    ...repetitions(receipts),
  };
}

function repetitions(
  receipts: GenerationReceipts | undefined,
): Pick<Delivery, 'repeated' | 'outOfOrder'> {
  const [repeated, late] = [receipts?.repeated, receipts?.outOfOrder];
  return {
    repeated: { events: repeated?.events ?? 0, runs: repeated?.list() ?? [] },
    outOfOrder: { events: late?.events ?? 0, runs: late?.list() ?? [] },
  };
}

function isWithin(ranges: readonly Range[], offset: number): boolean {
  return ranges.some(({ start, end }) => offset >= start && offset < end);
}

/** The pieces of a file beside the ids of what was delivered of it, both ascending. */
class Comparison {
  readonly #subject: Subject;
  readonly #delivered: Delivered;
  readonly #accounts: GenerationAccounts;
  readonly #ids: Float64Array;
  #next = 0;
  readonly #parts: ReadonlyMap<number, PartRange>;
  /** Behind the line whose parts came last. */
  #coveredTo = 0;
  #events = 0;
  #notYet = 0;
  #skipped = 0;
  #deadLettered = 0;
  #lost = 0;
  #recovered = 0;
  readonly #missing = new Runs();
  readonly #wrong = new Runs();
  #wasMissing = false;

  constructor(subject: Subject, delivered: Delivered, accounts: GenerationAccounts) {
    this.#subject = subject;
    this.#delivered = delivered;
    this.#accounts = accounts;
    this.#ids = delivered.receipts?.distinct() ?? new Float64Array();
    this.#parts = joined(delivered.receipts?.parts() ?? []);
  }

  piece(piece: Piece): void {
    this.#passTo(piece.start);
    const wasMissing = this.#wasMissing;
    this.#wasMissing = false;
    if (this.#isDelivered(piece)) {
      this.#events += 1;
      if (isWithin(this.#subject.losses, piece.start)) this.#recovered += 1;
    } else if (piece.start >= this.#delivered.dueTo) this.#notYet += 1;
    else if (piece.start < this.#accounts.skippedBytes) this.#skipped += 1;
    else if (isWithin(this.#subject.letters, piece.start)) this.#deadLettered += 1;
    else if (this.#isLost(piece)) this.#lost += 1;
    else {
      this.#missing.add(piece.start, piece.end + 1, wasMissing);
      this.#wasMissing = true;
    }
  }

  /** @param isDamaged what stands behind the damage cannot be read. */
  finish(isDamaged: boolean): Delivery {
    if (!isDamaged) this.#passTo(Infinity);
    // A rule does not say which events it left out.
    const filtered = Math.min(this.#accounts.filtered.events, this.#missing.events);
    const missing = this.#missing.events - filtered;
    return {
      events: this.#events,
      notYet: this.#notYet,
      skipped: this.#skipped,
      filtered,
      deadLettered: this.#deadLettered,
      lost: this.#lost,
      recovered: this.#recovered,
      missing: { events: missing, runs: missing === 0 ? [] : this.#missing.list() },
      wrong: { events: this.#wrong.events, runs: this.#wrong.list() },
      ...repetitions(this.#delivered.receipts),
    };
  }

  #isDelivered({ start, end, isLong }: Piece): boolean {
    if (start < this.#coveredTo) return true;
    let isFound = this.#ids[this.#next] === start;
    if (isFound) {
      this.#next += 1;
      const whole = this.#parts.get(start);
      if (whole !== undefined) isFound = whole.isLast && whole.end >= end;
      if (isFound && whole !== undefined) this.#coveredTo = whole.end;
    }
    if (!isLong) return isFound;
    // An agent that reads longer lines may have found events in it.
    for (; (this.#ids[this.#next] ?? Infinity) < end; this.#next++) {
      if (!this.#parts.has(this.#ids[this.#next] ?? 0)) isFound = true;
    }
    return isFound;
  }

  #isLost({ start }: Piece): boolean {
    if (isWithin(this.#subject.losses, start)) return true;
    const told = this.#delivered.receipts?.losses ?? [];
    return told.some(({ offset, bytes }) => start >= offset && start < offset + bytes);
  }

  /** Ids in front of the piece that belong to none. */
  #passTo(start: number): void {
    for (; (this.#ids[this.#next] ?? Infinity) < start; this.#next++) {
      const id = this.#ids[this.#next] ?? 0;
      if (!this.#parts.has(id)) this.#wrong.add(id, id, false);
    }
  }
}

/** Each part as if all that follow it without a gap belonged to it. */
function joined(parts: readonly PartRange[]): ReadonlyMap<number, PartRange> {
  const map = new Map<number, PartRange>();
  for (const part of parts.toReversed()) {
    const { start, end, isLast } = part;
    const rest = isLast ? undefined : map.get(end);
    map.set(start, rest === undefined ? part : { ...rest, start });
  }
  return map;
}
