/**
 * What a transcoder is: it turns a block into what an output writes, and says what became of each line. It reads
 * and sends nothing. One transcoder serves one output format.
 */
import { isUtf8 } from 'node:buffer';
import type { ChunkAccounts } from '../deliver/chunk.ts';
import type { Block } from './block.ts';
import { piecesOf, type InvalidReason, type Piece } from './line.ts';

const NEWLINE = 10;

export interface Transcoded {
  /** May point into the block's bytes: the block must not be overwritten before the chunk is settled. */
  readonly payload: readonly Uint8Array[];
  readonly accounts: ChunkAccounts;
  /** Lines, or parts of lines, that are no event; they are delivered all the same. */
  readonly invalid: readonly InvalidReason[];
}

export interface Transcoder {
  transcode(block: Block): Transcoded;
  /** The chunk with this payload is settled: its buffers may be written to again. */
  recycle(payload: readonly Uint8Array[]): void;
}

/** What differs from one format to the other: how an event, and what is no event, is written. */
export interface LineWriter {
  /**
   * A whole line, bytes [start, end) of the block: when it is one event (UTF-8, one JSON object) it is written as
   * `event` would. @returns whether it is; otherwise nothing was written.
   */
  line(block: Block, start: number, end: number): boolean;
  /** Bytes [start, end) of the block are an event, followed by a newline at `end` or by nothing. */
  event(block: Block, start: number, end: number): void;
  invalid(block: Block, start: number, end: number, reason: InvalidReason, part?: Part): void;
  /** What was written since the last call. */
  take(): readonly Uint8Array[];
  /** Nobody reads what `take` gave any more. */
  recycle(payload: readonly Uint8Array[]): void;
}

/** A line that is too long goes out in parts: `more` of it follows, or this is the `last`. */
export type Part = 'more' | 'last';

/** Takes blocks apart line by line and gives each piece to the format's writer. */
export class LineTranscoder implements Transcoder {
  readonly #writer: LineWriter;

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  transcode(block: Block): Transcoded {
    const invalid: InvalidReason[] = [];
    const events =
      block.kind === 'lines' ? this.#lines(block, invalid) : this.#part(block, invalid);
    const bytes = block.end - block.start;
    const accounts = { delivered: { events, bytes }, filtered: { events: 0, bytes: 0 } };
    return { payload: this.#writer.take(), accounts, invalid };
  }

  recycle(payload: readonly Uint8Array[]): void {
    this.#writer.recycle(payload);
  }

  #lines(block: Block, invalid: InvalidReason[]): number {
    const { bytes } = block;
    let events = 0;
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      events += this.#writer.line(block, start, end) ? 1 : this.#pieces(block, start, end, invalid);
      start = end + 1;
    }
    return events;
  }

  /** A line that is no event as a whole may have events in it. */
  #pieces(block: Block, start: number, end: number, invalid: InvalidReason[]): number {
    const pieces = piecesOf(block.bytes, start, end);
    for (const piece of pieces) this.#piece(block, piece, invalid);
    return pieces.length;
  }

  #piece(block: Block, piece: Piece, invalid: InvalidReason[]): void {
    const { start, end } = piece;
    if (piece.kind === 'event') {
      this.#writer.event(block, start, end);
      return;
    }
    invalid.push(piece.reason);
    this.#writer.invalid(block, start, end, piece.reason);
  }

  /** The last part is written even when only its newline is left: whoever joins the parts waits for it. */
  #part(block: Block, invalid: InvalidReason[]): number {
    const { bytes, kind } = block;
    const end = bytes.at(-1) === NEWLINE ? bytes.length - 1 : bytes.length;
    if (kind === 'part') {
      this.#writer.invalid(block, 0, end, 'too-long', 'more');
      return 0;
    }
    this.#writer.invalid(block, 0, end, 'too-long', 'last');
    invalid.push('too-long');
    return 1;
  }
}

const WHAT: Readonly<Record<InvalidReason, string>> = {
  'not-json': 'the line is not JSON',
  'not-an-object': 'the line is not one JSON object',
  'not-utf8': 'the line is not UTF-8',
  torn: 'the line was cut off by a crash of its writer',
  'too-long': 'the line is longer than max_event_bytes and comes in parts',
};

export function explainInvalid(reason: InvalidReason): string {
  return WHAT[reason];
}

/** Under which key the bytes of what is no event stand: as text, or in base64 where they are not UTF-8. */
export const TEXT_KEY = 'log';
export const BASE64_KEY = 'log_base64';

/** Bytes in base64, in pieces to be written in order. */
export function* base64Of(bytes: Buffer): Generator<string> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    yield bytes.toString('base64', start, Math.min(start + SLICE_BYTES, bytes.length));
  }
}

/** Divisible by 3, as base64 wants it, and little: large texts would be garbage that V8 is slow to collect. */
const SLICE_BYTES = 12 * 1024;

/**
 * The key that carries bytes which are no event: `log` as text, `log_base64` where they are not UTF-8. It comes in
 * pieces, to be written in order.
 */
export function* wrapText(bytes: Buffer): Generator<string> {
  const isText = isUtf8(bytes);
  yield isText ? `"${TEXT_KEY}":"` : `"${BASE64_KEY}":"`;
  yield* isText ? escapedOf(bytes) : base64Of(bytes);
  yield '"';
}

/** UTF-8 as it stands in a string of JSON, in pieces. */
function* escapedOf(bytes: Buffer): Generator<string> {
  for (let start = 0; start < bytes.length;) {
    const end = endOfSlice(bytes, start);
    yield JSON.stringify(bytes.toString('utf8', start, end)).slice(1, -1);
    start = end;
  }
}

/** Where a slice of UTF-8 ends that cuts no character. */
function endOfSlice(bytes: Buffer, start: number): number {
  let end = start + SLICE_BYTES;
  while (((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end -= 1;
  return end;
}
