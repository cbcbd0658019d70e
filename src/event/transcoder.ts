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
}

/** What differs from one format to the other: how an event, and what is no event, is written. */
export interface LineWriter {
  /** Bytes [start, end) of the block are an event, followed by a newline at `end` or by nothing. */
  event(block: Block, start: number, end: number): void;
  invalid(block: Block, start: number, end: number, reason: InvalidReason, part?: Part): void;
  /** What was written since the last call. */
  take(): readonly Uint8Array[];
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

  #lines(block: Block, invalid: InvalidReason[]): number {
    const { bytes } = block;
    let events = 0;
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      for (const piece of piecesOf(bytes, start, end)) {
        this.#piece(block, piece, invalid);
        events += 1;
      }
      start = end + 1;
    }
    return events;
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

  #part(block: Block, invalid: InvalidReason[]): number {
    const { bytes, kind } = block;
    const end = bytes.at(-1) === NEWLINE ? bytes.length - 1 : bytes.length;
    if (end === 0) return 0;
    const part = kind === 'part' ? 'more' : 'last';
    if (part === 'last') invalid.push('too-long');
    this.#writer.invalid(block, 0, end, 'too-long', part);
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

/** The keys that carry bytes which are no event: `log` as text, `log_base64` where they are not UTF-8. */
export function wrapText(bytes: Buffer): string {
  if (isUtf8(bytes)) return `"log":${JSON.stringify(bytes.toString('utf8'))}`;
  return `"log_base64":"${bytes.toString('base64')}"`;
}
