/**
 * What a transcoder is: it turns a block into what an output writes, and says what became of each line. It reads
 * and sends nothing. One transcoder serves one output format.
 */
import type { ChunkAccounts } from '../deliver/chunk.ts';
import type { Block } from './block.ts';
import { Core, type Style } from './core.ts';
import { readClock } from './event-time.ts';
import type { LossNotice } from './loss-notice.ts';
import { piecesOf, type InvalidReason, type Piece } from './line.ts';
import { Scratch } from './scratch.ts';
import type { Invalid } from './wrap.ts';

const NEWLINE = 10;

export interface Transcoded {
  /** May point into the block's memory: it must not be overwritten before the chunk is settled. */
  readonly payload: readonly Uint8Array[];
  readonly accounts: ChunkAccounts;
  /** Lines, or parts of lines, that are no event; they are delivered all the same. */
  readonly invalid: readonly InvalidReason[];
}

export interface Transcoder {
  transcode(block: Block): Transcoded;
  /** The record that takes the place of events that were lost. */
  loss(notice: LossNotice): readonly Uint8Array[];
  /** The chunk with this payload is settled: its memory may be written to again. */
  recycle(payload: readonly Uint8Array[]): void;
  /** A place for blocks that are transcoded where they stand; any other block is copied first. */
  makeSlab(bytes: number): Slab;
}

/** Memory of a fixed size, until it is made larger. */
export interface Slab {
  readonly slab: Buffer;
  /** What it holds stays, but not the views of it. */
  grow(bytes: number): void;
}

/** What differs from one format to the other. */
export interface EventWriter {
  /** How the core writes the events of this block. */
  style(block: Block): Style;
  /** What goes out for events, bytes [start, end) of the block. @param written what the core wrote of them. */
  events(block: Block, start: number, end: number, written: Buffer): readonly Uint8Array[];
  /** What goes out for bytes that are no event. */
  invalid(block: Block, invalid: Invalid): Buffer;
  /** What goes out for events that were lost. */
  loss(notice: LossNotice): Buffer;
  /** What these two give is a line of JSON that is to be encoded as an event; undefined where it goes out as it is. */
  readonly recordStyle: Style | undefined;
  /** Of what is added to an event, at most. */
  readonly addedBytes: number;
}

/** What was made of a block so far. */
interface Output {
  readonly payload: Uint8Array[];
  readonly invalid: InvalidReason[];
  events: number;
}

export class BlockTranscoder implements Transcoder {
  readonly #writer: EventWriter;
  /** In ms since the epoch. */
  readonly #now: () => number;
  /** For blocks that stand elsewhere, and for single lines. */
  readonly #blocks: Scratch;
  readonly #lines: Scratch;

  constructor(writer: EventWriter, now: () => number = Date.now) {
    this.#writer = writer;
    this.#now = now;
    this.#blocks = new Scratch(writer.addedBytes);
    this.#lines = new Scratch(writer.addedBytes);
  }

  makeSlab(bytes: number): Slab {
    return new Core(bytes, this.#writer.addedBytes);
  }

  transcode(block: Block): Transcoded {
    const output: Output = { payload: [], invalid: [], events: 0 };
    const isPart = block.kind === 'part' || block.kind === 'last-part';
    if (isPart) this.#part(block, output);
    else this.#transcodeLines(block, output);
    const bytes = block.end - block.start;
    const { payload, invalid, events } = output;
    const accounts = { delivered: { events, bytes }, filtered: { events: 0, bytes: 0 } };
    return { payload, accounts, invalid };
  }

  loss(notice: LossNotice): readonly Uint8Array[] {
    return [this.#record(this.#writer.loss(notice))];
  }

  recycle(payload: readonly Uint8Array[]): void {
    for (const { buffer } of payload) {
      const core = Core.of(buffer);
      if (core !== undefined) core.isLent = false;
    }
  }

  /** Where the lines stand, when that is in a slab whose room is free; in a copy otherwise. */
  #transcodeLines(block: Block, output: Output): void {
    const core = Core.of(block.bytes.buffer);
    if (core === undefined || core.isLent) {
      this.#copied(this.#blocks, block, output);
      return;
    }
    core.rewind();
    this.#events(core, core.startOf(block.bytes), block, output);
    core.isLent = output.payload.some(({ buffer }) => Core.of(buffer) === core);
  }

  #copied(scratch: Scratch, block: Block, output: Output): void {
    const core = scratch.hold(block.bytes);
    const first = output.payload.length;
    this.#events(core, 0, block, output);
    keepCopies(output.payload, first, core);
    scratch.release();
  }

  /** @param base where in the core's slab the block begins. */
  #events(core: Core, base: number, block: Block, output: Output): void {
    this.#prepare(core, this.#writer.style(block));
    const { length } = block.bytes;
    let first = output.payload.length;
    for (let at = 0; at < length;) {
      const { end, events, reason } = core.run(base + at, base + length, block.start + at);
      const from = at;
      at = end - base;
      output.events += events;
      if (at > from) output.payload.push(...this.#writer.events(block, from, at, core.take()));
      if (reason === 'no-event') at = this.#badLine(block, at, output);
      if (reason !== 'full') continue;
      keepCopies(output.payload, first, core);
      first = output.payload.length;
      core.rewind();
    }
  }

  #prepare(core: Core, style: Style): void {
    const { seconds, nanoseconds } = readClock(this.#now());
    core.setStyle(style);
    core.setClock(seconds, nanoseconds);
  }

  /** A line that is no event as a whole may have events in it. @returns the offset behind it. */
  #badLine(block: Block, start: number, output: Output): number {
    const { bytes } = block;
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    for (const piece of piecesOf(bytes, start, end, (part) => this.#lines.judge(part))) {
      if (piece.kind === 'event') this.#event(block, piece, output);
      else this.#invalid(block, piece, output);
    }
    this.#lines.release();
    return Math.min(end + 1, bytes.length);
  }

  /** An event that is not a line of its own. */
  #event(block: Block, { start, end }: Piece, output: Output): void {
    const range = { start: block.start + start, end: block.start + end };
    const bytes = block.bytes.subarray(start, end);
    this.#copied(this.#lines, { ...block, ...range, bytes }, output);
  }

  #invalid(block: Block, invalid: Invalid, output: Output): void {
    output.payload.push(this.#record(this.#writer.invalid(block, invalid)));
    output.invalid.push(invalid.reason);
    output.events += 1;
  }

  /** A line that is ours, as it goes out. */
  #record(line: Buffer): Buffer {
    const style = this.#writer.recordStyle;
    if (style === undefined) return line;
    const core = this.#lines.hold(line);
    this.#prepare(core, style);
    core.run(0, line.length, 0);
    const bytes = Buffer.from(core.take());
    this.#lines.release();
    return bytes;
  }

  /** The last part is written even when only its newline is left: whoever joins the parts waits for it. */
  #part(block: Block, output: Output): void {
    const { bytes, kind } = block;
    const end = bytes.at(-1) === NEWLINE ? bytes.length - 1 : bytes.length;
    const part = kind === 'part' ? 'more' : 'last';
    this.#invalid(block, { start: 0, end, reason: 'too-long', part }, output);
    if (part === 'last') return;
    // It counts as one line, and as a bad one, with its last part.
    output.invalid.pop();
    output.events -= 1;
  }
}

/** What was written in the core's memory is about to be written over; pieces from `first` on may stand there. */
function keepCopies(payload: Uint8Array[], first: number, core: Core): void {
  for (const [index, piece] of payload.slice(first).entries()) {
    if (Core.of(piece.buffer) === core) payload[first + index] = Buffer.from(piece);
  }
}
