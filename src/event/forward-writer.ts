/**
 * Writes events as entries of the Forward protocol, `[EventTime, record]` in MessagePack: the event as it is with
 * `shipper` as its last key, and what is no event wrapped whole. Knows nothing of messages and connections.
 */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import type { Block } from './block.ts';
import { readClock, readRfc3339, type EventTime, type TimeKey } from './event-time.ts';
import type { InvalidReason } from './line.ts';
import { encodeObject, FAILED, maxEncodedBytes, type TopLevel } from './msgpack-encoder.ts';
import {
  EVENT_TIME_BYTES,
  MAX_HEADER_BYTES,
  memoryOf,
  putByte,
  putEventTime,
  putInt,
  putMapHeader,
  putStrHeader,
  type Memory,
} from './msgpack.ts';
import { PayloadBuffer } from './payload-buffer.ts';
import { coordinatesIn, SHIPPER_KEY, type Pair, type Pairs, type Shipper } from './shipper.ts';
import {
  BASE64_KEY,
  base64Of,
  explainInvalid,
  TEXT_KEY,
  type LineWriter,
  type Part,
} from './transcoder.ts';

/** The head of an array of two: the time and the record. */
const ENTRY = 0x92;
/** What stands before the record. */
const ENTRY_HEAD_BYTES = 1 + EVENT_TIME_BYTES;
/** A number takes as many bytes with its head. */
const MAX_NUMBER_BYTES = 9;
/** Longer than an event's id; beyond it one call of Node is cheaper than a loop. */
const MAX_SHORT_CHARS = 64;
const MAX_ASCII = 0x7f;

export interface ForwardWriterOptions {
  readonly shipper: Shipper;
  readonly timeKey: TimeKey;
  /** In ms since the epoch. */
  readonly now: () => number;
}

/** A block, with what is asked of it for each line. */
interface OpenBlock {
  readonly block: Block;
  readonly memory: Memory;
  /** All of it; a single line may be UTF-8 all the same. */
  readonly isUtf8: boolean;
}

export class ForwardWriter implements LineWriter {
  readonly #options: ForwardWriterOptions;
  readonly #top: TopLevel;
  readonly #time: EventTime = { seconds: 0, nanoseconds: 0 };
  readonly #buffer = new PayloadBuffer();
  #open: OpenBlock | undefined;
  /** What `shipper` holds of the last file, as bytes. */
  #shared: { readonly pairs: readonly Pair[]; readonly bytes: Buffer } | undefined;

  constructor(options: ForwardWriterOptions) {
    const { shipper, timeKey } = options;
    this.#options = options;
    this.#top = {
      added: shipper.addsToEvents ? 1 : 0,
      timeKey: timeKey === 'now' ? undefined : Buffer.from(timeKey),
      timeStart: FAILED,
      timeEnd: FAILED,
    };
  }

  line(block: Block, start: number, end: number): boolean {
    const open = this.#opened(block);
    if (!open.isUtf8 && !isUtf8(block.bytes.subarray(start, end))) return false;
    return this.#entry(open, start, end);
  }

  event(block: Block, start: number, end: number): void {
    assert(this.#entry(this.#opened(block), start, end), 'an event is one JSON object');
  }

  invalid(block: Block, start: number, end: number, reason: InvalidReason, part?: Part): void {
    const { shipper, now } = this.#options;
    const error = explainInvalid(reason);
    const extra = part === undefined ? { error } : { error, part };
    const head = this.#buffer.length;
    const { view } = this.#buffer.reserve(ENTRY_HEAD_BYTES + MAX_HEADER_BYTES);
    readClock(now(), this.#time);
    this.#putHead(view, head);
    this.#buffer.length = putMapHeader(view, head + ENTRY_HEAD_BYTES, 2);
    this.#putShipper(shipper.forInvalid(coordinatesIn(block, start), extra));
    this.#putWrapped(block.bytes.subarray(start, end));
  }

  take(): readonly Uint8Array[] {
    this.#open = undefined;
    return this.#buffer.take();
  }

  recycle(payload: readonly Uint8Array[]): void {
    this.#buffer.recycle(payload);
  }

  #opened(block: Block): OpenBlock {
    if (this.#open?.block !== block) {
      this.#open = { block, memory: memoryOf(block.bytes), isUtf8: isUtf8(block.bytes) };
    }
    return this.#open;
  }

  /** @returns whether the bytes, which are UTF-8, are an event; otherwise nothing was written. */
  #entry({ block, memory }: OpenBlock, start: number, end: number): boolean {
    const head = this.#buffer.length;
    const record = head + ENTRY_HEAD_BYTES;
    const target = this.#buffer.reserve(ENTRY_HEAD_BYTES + maxEncodedBytes(end - start));
    const after = encodeObject(memory, start, end, target, record, this.#top);
    if (after === FAILED) return false;
    this.#readTime(target.view);
    this.#putHead(target.view, head);
    this.#buffer.length = after;
    const { shipper } = this.#options;
    if (shipper.addsToEvents) this.#putShipper(shipper.forEvent(coordinatesIn(block, start)));
    return true;
  }

  /** The event's own time, or the present where it has none. */
  #readTime(view: DataView): void {
    const { timeStart, timeEnd } = this.#top;
    const hasTime = timeStart !== FAILED && readRfc3339(view, timeStart, timeEnd, this.#time);
    if (!hasTime) readClock(this.#options.now(), this.#time);
  }

  #putHead(view: DataView, at: number): void {
    putEventTime(view, putByte(view, at, ENTRY), this.#time);
  }

  /** The key `shipper` with its map. */
  #putShipper({ shared, own }: Pairs): void {
    if (this.#shared?.pairs !== shared) {
      this.#shared = { pairs: shared, bytes: this.#bytesOf(shared) };
    }
    const { bytes } = this.#shared;
    this.#putText(SHIPPER_KEY);
    const target = this.#buffer.reserve(MAX_HEADER_BYTES + bytes.length);
    const at = putMapHeader(target.view, this.#buffer.length, shared.length + own.length);
    this.#buffer.length = at + bytes.copy(target.bytes, at);
    this.#putPairs(own);
  }

  /** Pairs as bytes of their own: they are written, kept and taken back. */
  #bytesOf(pairs: readonly Pair[]): Buffer {
    const start = this.#buffer.length;
    this.#putPairs(pairs);
    const { bytes } = this.#buffer.reserve(0);
    const copy = Buffer.from(bytes.subarray(start, this.#buffer.length));
    this.#buffer.length = start;
    return copy;
  }

  #putPairs(pairs: readonly Pair[]): void {
    for (const [key, value] of pairs) {
      this.#putText(key);
      if (typeof value === 'string') this.#putText(value);
      else this.#putNumber(value);
    }
  }

  #putNumber(value: number): void {
    const { view } = this.#buffer.reserve(MAX_NUMBER_BYTES);
    this.#buffer.length = putInt(view, this.#buffer.length, value);
  }

  #putText(text: string): void {
    if (text.length <= MAX_SHORT_CHARS && this.#putShortAscii(text)) return;
    this.#putTextHeader(Buffer.byteLength(text));
    this.#putContent(text);
  }

  /** Nearly all texts that are ours: written by calls of Node they would take half as long as the event itself. */
  #putShortAscii(text: string): boolean {
    const { view } = this.#buffer.reserve(MAX_HEADER_BYTES + text.length);
    const start = putStrHeader(view, this.#buffer.length, text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > MAX_ASCII) return false;
      view.setUint8(start + index, code);
    }
    this.#buffer.length = start + text.length;
    return true;
  }

  #putTextHeader(length: number): void {
    const { view } = this.#buffer.reserve(MAX_HEADER_BYTES);
    this.#buffer.length = putStrHeader(view, this.#buffer.length, length);
  }

  #putContent(text: string): void {
    const { bytes } = this.#buffer.reserve(Buffer.byteLength(text));
    this.#buffer.length += bytes.write(text, this.#buffer.length);
  }

  /** What is no event, as text or in base64. */
  #putWrapped(content: Buffer): void {
    if (isUtf8(content)) {
      this.#putText(TEXT_KEY);
      this.#putTextHeader(content.length);
      const { bytes } = this.#buffer.reserve(content.length);
      this.#buffer.length += content.copy(bytes, this.#buffer.length);
      return;
    }
    this.#putText(BASE64_KEY);
    this.#putTextHeader(4 * Math.ceil(content.length / 3));
    for (const piece of base64Of(content)) this.#putContent(piece);
  }
}
