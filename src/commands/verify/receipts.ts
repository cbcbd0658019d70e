/**
 * What was delivered, by `shipper.id`: for each generation the offsets of its events, what came again, and what came
 * out of order. Pure bookkeeping in memory, 8 bytes an event; it knows nothing of files and of what should be there.
 */
import { mergeOffsets, Offsets } from './offsets.ts';
import { Runs } from './runs.ts';

/** Bytes [start, end) of a line that came in parts. */
export interface PartRange {
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

/** What one delivered line says of where it comes from. */
export type Receipt = EventReceipt | LossReceipt;

export interface EventReceipt {
  readonly kind: 'event';
  readonly fingerprint: string;
  readonly offset: number;
  /** Undefined unless the line is a part of a longer one: how many bytes of it, and whether it is the last. */
  readonly part: { readonly bytes: number; readonly isLast: boolean } | undefined;
}

/** A record that stands for bytes that were deleted before they were read. */
export interface LossReceipt {
  readonly kind: 'loss';
  readonly fingerprint: string;
  readonly offset: number;
  readonly bytes: number;
}

export class Receipts {
  readonly #generations = new Map<string, GenerationReceipts>();
  /** Which of the delivered files is read: the order holds within each. */
  #file = 0;
  /** The generation of the line before. */
  #last: GenerationReceipts | undefined;

  /** What comes now stands in another file. */
  beginFile(): void {
    this.#file += 1;
    this.#last = undefined;
  }

  add(receipt: Receipt): void {
    const generation = this.#generation(receipt.fingerprint);
    if (receipt.kind === 'loss') generation.addLoss(receipt);
    else generation.add(receipt, this.#file, this.#last === generation);
    this.#last = generation;
  }

  of(fingerprint: string): GenerationReceipts | undefined {
    return this.#generations.get(fingerprint);
  }

  all(): Iterable<readonly [fingerprint: string, receipts: GenerationReceipts]> {
    return this.#generations;
  }

  #generation(fingerprint: string): GenerationReceipts {
    const known = this.#generations.get(fingerprint);
    if (known !== undefined) return known;
    const fresh = new GenerationReceipts();
    this.#generations.set(fingerprint, fresh);
    return fresh;
  }
}

/** Where an offset stands that came before. */
interface Place {
  readonly sequence: Sequence;
  readonly index: number;
}

/** Offsets that ascend, as they came in one file. */
interface Sequence {
  readonly file: number;
  readonly offsets: Offsets;
}

export class GenerationReceipts {
  readonly #sequences: Sequence[] = [];
  /** What came for the first time behind something greater. It takes five times the memory: there should be none. */
  readonly #late = new Set<number>();
  readonly #parts = new Map<number, PartRange>();
  readonly #losses: LossReceipt[] = [];
  readonly #repeated = new Runs();
  readonly #lateRuns = new Runs();
  /** Where the event before had come first, if it came again. */
  #repeatedAt: Place | undefined;
  /** The offset of the event before, if it was late. */
  #lateBefore: number | undefined;

  /** What came again. The bytes of the last event of a run are not known. */
  get repeated(): Runs {
    return this.#repeated;
  }

  /** What came behind something that stands behind it in the file. */
  get outOfOrder(): Runs {
    return this.#lateRuns;
  }

  get losses(): readonly LossReceipt[] {
    return this.#losses;
  }

  /** @param follows the line before was of this generation as well. */
  add({ offset, part }: EventReceipt, file: number, follows: boolean): void {
    const { repeatedAt, lateBefore } = this.#before(follows);
    const place = this.#find(offset);
    if (place !== undefined || this.#late.has(offset)) {
      const goesOn = place !== undefined && isBehind(place, repeatedAt);
      this.#repeated.add(offset, offset, goesOn);
      this.#repeatedAt = place;
      return;
    }
    if (part !== undefined) {
      this.#parts.set(offset, { start: offset, end: offset + part.bytes, isLast: part.isLast });
    }
    const offsets = this.#offsetsOf(file);
    if (offset > (offsets.last ?? -1)) {
      offsets.push(offset);
      return;
    }
    this.#late.add(offset);
    this.#lateRuns.add(offset, offset, lateBefore !== undefined && offset > lateBefore);
    this.#lateBefore = offset;
  }

  addLoss(loss: LossReceipt): void {
    this.#losses.push(loss);
  }

  /** All offsets, ascending, each once. */
  distinct(): Float64Array {
    const ascending = this.#sequences.map(({ offsets }) => offsets);
    return mergeOffsets(ascending, this.#late);
  }

  /** Ascending. */
  parts(): readonly PartRange[] {
    return [...this.#parts.values()].sort((a, b) => a.start - b.start);
  }

  #before(follows: boolean) {
    const { repeatedAt, lateBefore } = {
      repeatedAt: this.#repeatedAt,
      lateBefore: this.#lateBefore,
    };
    this.#repeatedAt = undefined;
    this.#lateBefore = undefined;
    return follows ? { repeatedAt, lateBefore } : { repeatedAt: undefined, lateBefore: undefined };
  }

  #offsetsOf(file: number): Offsets {
    const last = this.#sequences.at(-1);
    if (last?.file === file) return last.offsets;
    const offsets = new Offsets();
    this.#sequences.push({ file, offsets });
    return offsets;
  }

  /** Nearly every event is greater than all before it, and is looked for nowhere. */
  #find(offset: number): Place | undefined {
    for (const sequence of this.#sequences) {
      if (offset > (sequence.offsets.last ?? -1)) continue;
      const index = sequence.offsets.find(offset);
      if (index !== -1) return { sequence, index };
    }
    return undefined;
  }
}

function isBehind({ sequence, index }: Place, before: Place | undefined): boolean {
  return sequence === before?.sequence && index === before.index + 1;
}
