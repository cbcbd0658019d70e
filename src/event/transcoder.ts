/**
 * What a transcoder is: it turns a block into what an output writes, and says what became of each line. It reads
 * and sends nothing. One transcoder serves one output format.
 */
import type { ChunkAccounts } from '../deliver/chunk.ts';
import type { Block } from './block.ts';
import { Core, type Elsewhere, type Ruling, type Style } from './core.ts';
import { readClock } from './event-time.ts';
import type { LossNotice } from './loss-notice.ts';
import { piecesOf, type InvalidReason, type Piece } from './line.ts';
import { Scratch } from './scratch.ts';
import type { Invalid } from './wrap.ts';

const NEWLINE = 10;
const AS_IT_IS: Style = { format: 'json' };

export interface Transcoded {
  /** May point into the block's memory: it must not be overwritten before the chunk is settled. */
  readonly payload: readonly Uint8Array[];
  readonly accounts: ChunkAccounts;
  /** Lines, or parts of lines, that are no event; they are delivered all the same. */
  readonly invalid: readonly InvalidReason[];
  readonly changes: Changes;
}

/** How many events rules kept back, or changed. */
export interface Changes {
  /** By the rule. */
  readonly filtered: ReadonlyMap<string, number>;
  readonly redacted: number;
}

/** What becomes of an event that does not go out as it is. */
export type Fate =
  | { readonly kind: 'filtered'; readonly reason: string }
  | { readonly kind: 'rewritten'; readonly line: Line; readonly isRedacted: boolean };

/** One without a newline: it reads bytes of the core that asked, until they are written over. */
export interface Line extends Elsewhere {
  toBuffer(): Buffer;
}

/** What is done to events before they leave. */
export interface Rules {
  /** Undefined while everything goes out as it is. */
  readonly ruling: Ruling | undefined;
  /**
   * Of the event that the ruling kept back last: bytes [start, end) in the slab of the core that asked, without a
   * newline.
   */
  fateOf(start: number, end: number): Fate;
  /** What may leave of bytes that are no event. @param isBeginning whether they begin a line. */
  invalid(bytes: Buffer, isBeginning: boolean): Buffer;
}

export interface Transcoder {
  transcode(block: Block): Transcoded;
  /** The record that takes the place of events that were lost. */
  loss(notice: LossNotice): readonly Uint8Array[];
  /** The chunk with this payload is settled: its memory may be written to again. */
  recycle(payload: readonly Uint8Array[]): void;
  /** What may be kept elsewhere of a single line, or a part of one: what rules leave of it. */
  clean(block: Block): Buffer;
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
  /** Whether events go out as the core writes them, or, if not, as they stand in the block. */
  readonly isWritten: boolean;
}

/** What was made of a block so far. */
interface Output {
  readonly payload: Uint8Array[];
  readonly invalid: InvalidReason[];
  readonly filtered: Map<string, number>;
  events: number;
  filteredBytes: number;
  redacted: number;
}

function noOutput(): Output {
  return {
    payload: [],
    invalid: [],
    filtered: new Map(),
    events: 0,
    filteredBytes: 0,
    redacted: 0,
  };
}

export class BlockTranscoder implements Transcoder {
  readonly #writer: EventWriter;
  /** In ms since the epoch. */
  readonly #now: () => number;
  /** For blocks that stand elsewhere, and for single lines. */
  readonly #blocks: Scratch;
  readonly #lines: Scratch;
  /** For events that were rewritten. */
  readonly #rewritten: Scratch;
  readonly #rules: Rules | undefined;

  /** @param rules undefined where everything goes out as it is. */
  constructor(writer: EventWriter, now: () => number = Date.now, rules?: Rules) {
    this.#writer = writer;
    this.#rules = rules;
    this.#now = now;
    this.#blocks = new Scratch(writer.addedBytes);
    this.#lines = new Scratch(writer.addedBytes);
    this.#rewritten = new Scratch(writer.addedBytes);
  }

  makeSlab(bytes: number): Slab {
    return new Core(bytes, this.#writer.addedBytes);
  }

  transcode(block: Block): Transcoded {
    const output = noOutput();
    if (isPart(block)) this.#part(block, output);
    else this.#transcodeLines(block, output);
    const { payload, invalid, filtered, redacted } = output;
    return {
      payload,
      accounts: accountsOf(block, output),
      invalid,
      changes: { filtered, redacted },
    };
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

  clean(block: Block): Buffer {
    const rules = this.#rules;
    const { bytes } = block;
    if (rules === undefined) return bytes;
    if (isPart(block)) return rules.invalid(bytes, isBeginning(block));
    const { length } = textOf(block, { start: 0, end: bytes.length });
    const pieces = [...piecesOf(bytes, 0, length, (part) => this.#lines.judge(part))];
    const cleaned = pieces.map((piece) =>
      this.#cleanPiece(textOf(block, piece), piece.kind, rules),
    );
    this.#lines.release();
    return Buffer.concat([...cleaned, bytes.subarray(length)]);
  }

  #cleanPiece(text: Buffer, kind: Piece['kind'], rules: Rules): Buffer {
    if (kind === 'invalid') return rules.invalid(text, true);
    const core = this.#lines.hold(text);
    this.#prepare(core, AS_IT_IS, rules);
    const { reason } = core.run(0, text.length, 0);
    if (reason !== 'ruled') return text;
    const fate = rules.fateOf(0, text.length);
    // A rule that came later filters it: it was refused before.
    return fate.kind === 'rewritten' ? fate.line.toBuffer() : rules.invalid(text, true);
  }

  /** Where the lines stand, when that is in a slab whose room is free; in a copy otherwise. */
  #transcodeLines(block: Block, output: Output): void {
    const core = Core.of(block.bytes.buffer);
    if (core === undefined || core.isLent) {
      this.#copied(this.#blocks, block, output, this.#rules);
      return;
    }
    core.rewind();
    this.#events(core, core.startOf(block.bytes), block, output, this.#rules);
    core.isLent = output.payload.some(({ buffer }) => Core.of(buffer) === core);
  }

  #copied(scratch: Scratch, block: Block, output: Output, rules: Rules | undefined): void {
    const core = scratch.hold(block.bytes);
    const first = output.payload.length;
    this.#events(core, 0, block, output, rules);
    keepCopies(output.payload, first, core);
    scratch.release();
  }

  /** @param base where in the core's slab the block begins. @param rules undefined for what they have left. */
  #events(core: Core, base: number, block: Block, output: Output, rules: Rules | undefined): void {
    this.#prepare(core, this.#writer.style(block), rules);
    const { length } = block.bytes;
    let first = output.payload.length;
    // Where what was not taken yet begins.
    let from = 0;
    for (let at = 0; at < length;) {
      const { end, events, reason } = core.run(base + at, base + length, block.start + at);
      at = end - base;
      output.events += events;
      if (reason === 'done') break;
      const fate = reason === 'ruled' ? rules?.fateOf(base + at, core.endOfRuled - 1) : undefined;
      if (fate !== undefined) {
        const line = { start: at, end: Math.min(core.endOfRuled - base, length) };
        at = line.end;
        // What is written before and behind it is one piece.
        if (this.#isInPlace(core, block, line, fate, output)) continue;
        this.#take(core, block, { start: from, end: line.start }, output);
        if (fate.kind === 'rewritten') this.#elsewhere(block, line, fate.line, output);
      } else {
        this.#take(core, block, { start: from, end: at }, output);
        if (reason === 'no-event') at = this.#badLine(block, at, output);
      }
      from = at;
      if (reason !== 'full') continue;
      keepCopies(output.payload, first, core);
      first = output.payload.length;
      core.rewind();
    }
    this.#take(core, block, { start: from, end: length }, output);
  }

  #take(core: Core, block: Block, { start, end }: Span, output: Output): void {
    const written = core.take();
    if (start === end || (this.#writer.isWritten && written.length === 0)) return;
    output.payload.push(...this.#writer.events(block, start, end, written));
  }

  /** An event that does not go out as it is. @returns whether nothing of it is left to be written. */
  #isInPlace(core: Core, block: Block, line: Span, fate: Fate, output: Output): boolean {
    const { isWritten } = this.#writer;
    if (fate.kind === 'filtered') {
      output.filtered.set(fate.reason, (output.filtered.get(fate.reason) ?? 0) + 1);
      output.filteredBytes += line.end - line.start;
      return isWritten;
    }
    if (fate.isRedacted) output.redacted += 1;
    if (!isWritten || !core.replace(fate.line, block.start + line.start)) return false;
    output.events += 1;
    return true;
  }

  #elsewhere(block: Block, line: Span, instead: Line, output: Output): void {
    const range = { start: block.start + line.start, end: block.start + line.end };
    const bytes = instead.toBuffer();
    this.#copied(this.#rewritten, { ...block, ...range, bytes }, output, undefined);
  }

  #prepare(core: Core, style: Style, rules?: Rules): void {
    const { seconds, nanoseconds } = readClock(this.#now());
    core.setRuling(rules?.ruling);
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
    this.#copied(this.#lines, { ...block, ...range, bytes }, output, this.#rules);
  }

  #invalid(block: Block, invalid: Invalid, output: Output): void {
    const instead = this.#rules?.invalid(textOf(block, invalid), isBeginning(block));
    output.payload.push(this.#record(this.#writer.invalid(block, { ...invalid, instead })));
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

/** Bytes of a block. */
interface Span {
  readonly start: number;
  readonly end: number;
}

function isPart({ kind }: Block): boolean {
  return kind === 'part' || kind === 'last-part';
}

/** Whether it begins with a line. */
function isBeginning(block: Block): boolean {
  return !isPart(block) || block.start === block.line?.start;
}

/** Without its newline. */
function textOf({ bytes }: Block, { start, end }: Span): Buffer {
  return bytes.subarray(start, end > start && bytes[end - 1] === NEWLINE ? end - 1 : end);
}

function accountsOf({ start, end, kind }: Block, output: Output): ChunkAccounts {
  const { events, filteredBytes } = output;
  const filteredEvents = [...output.filtered.values()].reduce((sum, count) => sum + count, 0);
  // Of what is reduced fewer bytes are here than were read.
  const filtered = kind === 'reduced' && filteredEvents > 0 ? end - start : filteredBytes;
  return {
    delivered: { events, bytes: end - start - filtered },
    filtered: { events: filteredEvents, bytes: filtered },
  };
}

/** What was written in the core's memory is about to be written over; pieces from `first` on may stand there. */
function keepCopies(payload: Uint8Array[], first: number, core: Core): void {
  for (const [index, piece] of payload.slice(first).entries()) {
    if (Core.of(piece.buffer) === core) payload[first + index] = Buffer.from(piece);
  }
}
