/**
 * Cuts a source into blocks of whole lines. Stateless between calls but for one thing: how far it has come with a
 * line that is longer than the limit. Knows nothing of names, rotation and JSON.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { BlockKind, LongLine } from '../event/block.ts';
import type { ByteSource } from './source.ts';
import type { LineReducer, Room } from './tail.ts';

const NEWLINE = 10;

/** Bytes [start, end) of the source, or what is left of them; `bytes` lies in the slab. */
export interface ReadBlock {
  readonly kind: 'block';
  readonly block: BlockKind;
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
  /** Of a part: its line. */
  readonly line?: LongLine;
}

export type ReadResult =
  | ReadBlock
  /** At the end for now: the bytes from the position to `end` have no newline yet. */
  | { readonly kind: 'pending'; readonly end: number }
  /** More of a long line was read, and is not held: ask again. */
  | { readonly kind: 'passed'; readonly bytes: number };

export interface BlockReaderLimits {
  /** A longer line is reduced, or cut into parts: memory never holds more of it. */
  readonly maxEventBytes: number;
  readonly makeReducer: () => LineReducer;
}

/** A line that is longer than the limit, on its way through a reducer. */
interface Reduction {
  readonly reducer: LineReducer;
  readonly start: number;
  /** The next byte that the reducer gets. */
  at: number;
}

export class BlockReader {
  readonly #source: ByteSource;
  readonly #limits: BlockReaderLimits;
  /** Kept while the line is read, and while it has no newline: it is not read from its beginning again. */
  #reduction: Reduction | undefined;

  constructor(source: ByteSource, limits: BlockReaderLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  /**
   * Reads the next block.
   * @param room where the bytes go; a block is never longer, but for a line that does not fit.
   * @param ended nothing will be appended any more: the rest without a newline is a line.
   * @param line the one that the position is inside of, of which parts were handed on.
   */
  async read(room: Room, position: number, ended: boolean, line?: LongLine): Promise<ReadResult> {
    const slab = room.slab.subarray(0, this.#limits.maxEventBytes);
    if (line !== undefined) return this.#nextPart(slab, position, ended, line);
    if (this.#reduction?.start === position) {
      return this.#reduceOn(room, slab.length, this.#reduction, ended);
    }
    const filled = await this.#fill(slab, 0, position);
    const newline = slab.subarray(0, filled).lastIndexOf(NEWLINE);
    if (newline !== -1) return lines(slab.subarray(0, newline + 1), position);
    if (filled === slab.length) return this.#longLine(room, slab.length, position, ended);
    return rest(slab, filled, position, ended);
  }

  /** Makes room until the line ends, or is too long. */
  async #longLine(
    room: Room,
    slabBytes: number,
    position: number,
    ended: boolean,
  ): Promise<ReadResult> {
    const { maxEventBytes } = this.#limits;
    let filled = slabBytes;
    while (filled < maxEventBytes) {
      const searched = filled;
      const bytes = Math.min(2 * filled, maxEventBytes);
      await room.enlarge(bytes);
      const buffer = room.slab.subarray(0, bytes);
      filled = await this.#fill(buffer, filled, position);
      const newline = buffer.subarray(searched, filled).indexOf(NEWLINE);
      if (newline !== -1) return lines(buffer.subarray(0, searched + newline + 1), position);
      if (filled < bytes) return rest(buffer, filled, position, ended);
    }
    const buffer = room.slab.subarray(0, maxEventBytes);
    const more = await this.#source.read(Buffer.alloc(1), position + maxEventBytes);
    if (more === 0) return rest(buffer, maxEventBytes, position, ended);
    return this.#beginReduction(buffer, slabBytes, position);
  }

  /** The line is longer than what is held of it. */
  async #beginReduction(held: Buffer, pieceBytes: number, start: number): Promise<ReadResult> {
    const reducer = this.#limits.makeReducer();
    for (let from = 0; from < held.length; from += pieceBytes) {
      reducer.add(held.subarray(from, from + pieceBytes));
      // A piece takes a millisecond or two, and others are waiting.
      await turn();
    }
    this.#reduction = { reducer, start, at: start + held.length };
    return { kind: 'passed', bytes: held.length };
  }

  /** One piece at a time: nobody waits for the whole line. */
  async #reduceOn(
    room: Room,
    pieceBytes: number,
    reduction: Reduction,
    ended: boolean,
  ): Promise<ReadResult> {
    const slab = room.slab.subarray(0, pieceBytes);
    const filled = await this.#fill(slab, 0, reduction.at);
    const newline = slab.subarray(0, filled).indexOf(NEWLINE);
    const bytes = newline === -1 ? filled : newline;
    reduction.reducer.add(slab.subarray(0, bytes));
    reduction.at += bytes;
    if (newline === -1 && filled === slab.length) return { kind: 'passed', bytes };
    if (newline === -1 && !ended) return { kind: 'pending', end: reduction.at };
    this.#reduction = undefined;
    const { start, at, reducer } = reduction;
    const end = newline === -1 ? at : at + 1;
    const result = reducer.end();
    if ('line' in result) return reduced(room, result.line, start, end);
    return this.#nextPart(slab, start, ended, { start, end, reason: result.refusal });
  }

  /** Where the file was cut meanwhile, the last part ends early. */
  async #nextPart(
    slab: Buffer,
    start: number,
    ended: boolean,
    line: LongLine,
  ): Promise<ReadResult> {
    const wanted = Math.min(slab.length, line.end - start);
    const filled = await this.#fill(slab.subarray(0, wanted), 0, start);
    if (filled < wanted && !ended) return { kind: 'pending', end: start + filled };
    const isLast = filled < wanted || start + filled === line.end;
    const bytes = slab.subarray(0, isLast ? filled : wholeCharacters(slab));
    const block = isLast ? 'last-part' : 'part';
    return { kind: 'block', block, start, end: start + bytes.length, bytes, line };
  }

  async #fill(buffer: Buffer, from: number, position: number): Promise<number> {
    let filled = from;
    while (filled < buffer.length) {
      const bytes = await this.#source.read(buffer.subarray(filled), position + filled);
      if (bytes === 0) break;
      filled += bytes;
    }
    return filled;
  }
}

function lines(bytes: Buffer, start: number): ReadResult {
  return { kind: 'block', block: 'lines', start, end: start + bytes.length, bytes };
}

async function reduced(room: Room, line: Buffer, start: number, end: number): Promise<ReadResult> {
  if (line.length > room.slab.length) await room.enlarge(line.length);
  const bytes = room.slab.subarray(0, line.length);
  line.copy(bytes);
  return { kind: 'block', block: 'reduced', start, end, bytes };
}

function rest(buffer: Buffer, filled: number, position: number, ended: boolean): ReadResult {
  if (ended && filled > 0) return lines(buffer.subarray(0, filled), position);
  return { kind: 'pending', end: position + filled };
}

/** The length without a UTF-8 character that the end cuts in two, so that text stays text. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
