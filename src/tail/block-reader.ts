/**
 * Cuts a source into blocks of whole lines. Stateless between calls but for one thing, whether it stands inside
 * a line that is longer than the limit. Knows nothing of names, rotation and JSON.
 */
import type { BlockKind } from '../event/block.ts';
import type { ByteSource } from './source.ts';
import type { Room } from './tail.ts';

const NEWLINE = 10;

/** Bytes `[start, start + bytes.length)`; `bytes` lies in the slab. */
export interface ReadBlock {
  readonly kind: 'block';
  readonly block: BlockKind;
  readonly start: number;
  readonly bytes: Buffer;
}

export type ReadResult =
  | ReadBlock
  /** At the end for now: the bytes from the position to `end` have no newline yet. */
  | { readonly kind: 'pending'; readonly end: number };

export interface BlockReaderLimits {
  /** A longer line is cut into parts: memory never holds more of it. */
  readonly maxEventBytes: number;
}

export class BlockReader {
  readonly #source: ByteSource;
  readonly #limits: BlockReaderLimits;
  /** True from the first to the last part of a line that is longer than the limit. */
  #insideLongLine = false;

  constructor(source: ByteSource, limits: BlockReaderLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  /** Whether the last block was a part, so that a last part is still to come, be it empty. */
  get isInsideLongLine(): boolean {
    return this.#insideLongLine;
  }

  /**
   * Reads the next block.
   * @param room where the bytes go; a block is never longer, but for a line that does not fit.
   * @param ended nothing will be appended any more: the rest without a newline is a line.
   */
  async read(room: Room, position: number, ended: boolean): Promise<ReadResult> {
    const { slab } = room;
    const filled = await this.#fill(slab, 0, position);
    if (this.#insideLongLine) return this.#nextPart(slab, filled, position, ended);
    const newline = slab.subarray(0, filled).lastIndexOf(NEWLINE);
    if (newline !== -1) return lines(slab.subarray(0, newline + 1), position);
    if (filled === slab.length) return this.#longLine(room, position, ended);
    return rest(slab, filled, position, ended);
  }

  /** Makes room until the line ends, or is too long for any. */
  async #longLine(room: Room, position: number, ended: boolean): Promise<ReadResult> {
    const slabBytes = room.slab.length;
    let filled = slabBytes;
    while (filled < this.#limits.maxEventBytes) {
      const searched = filled;
      const bytes = Math.min(2 * filled, this.#limits.maxEventBytes);
      await room.enlarge(bytes);
      const buffer = room.slab.subarray(0, bytes);
      filled = await this.#fill(buffer, filled, position);
      const newline = buffer.subarray(searched, filled).indexOf(NEWLINE);
      if (newline !== -1) return lines(buffer.subarray(0, searched + newline + 1), position);
      if (filled < bytes) return rest(buffer, filled, position, ended);
    }
    this.#insideLongLine = true;
    const slab = room.slab.subarray(0, slabBytes);
    return this.#nextPart(slab, slabBytes, position, ended);
  }

  #nextPart(slab: Buffer, filled: number, position: number, ended: boolean): ReadResult {
    const newline = slab.subarray(0, filled).indexOf(NEWLINE);
    const last = newline !== -1 || (ended && filled < slab.length);
    if (last) {
      this.#insideLongLine = false;
      const end = newline === -1 ? filled : newline + 1;
      return { kind: 'block', block: 'last-part', start: position, bytes: slab.subarray(0, end) };
    }
    if (filled < slab.length) return { kind: 'pending', end: position + filled };
    const bytes = slab.subarray(0, wholeCharacters(slab));
    return { kind: 'block', block: 'part', start: position, bytes };
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
  return { kind: 'block', block: 'lines', start, bytes };
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
