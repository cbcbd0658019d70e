/**
 * Writes events as JSON lines: an untouched event byte for byte, `shipper` added before its last brace where
 * there is something to add, and what is no event wrapped whole.
 */
import type { Block } from './block.ts';
import type { InvalidReason } from './line.ts';
import type { Coordinates, Shipper } from './shipper.ts';
import { explainInvalid, wrapText, type LineWriter, type Part } from './transcoder.ts';

const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
/** UTF-8 takes at most three bytes for each UTF-16 unit of a text. */
const UTF8_BYTES = 3;
/** A first guess for a payload that is no mere run of the block; it doubles until all of it fits. */
const FIRST_BYTES = 64 * 1024;
/** Larger payloads are those of single long lines: to keep their buffers would cost more than it spares. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** As many as chunks are in flight as a rule. */
const MAX_KEPT = 8;

export class JsonWriter implements LineWriter {
  readonly #shipper: Shipper;
  /** Untouched bytes since the payload's beginning: a block without anything to add goes out without a copy. */
  #run: { readonly bytes: Buffer; readonly start: number; end: number } | undefined;
  /** What was written, when it is no such run: #buffer up to #length. */
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  /**
   * Buffers to use again. V8 lets 64 MB of buffers become garbage before it looks at them, so that new ones for
   * each chunk would be most of the program's memory.
   */
  readonly #kept: Buffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  constructor(shipper: Shipper) {
    this.#shipper = shipper;
  }

  event(block: Block, start: number, end: number): void {
    const { bytes } = block;
    if (!this.#shipper.addsToEvents) {
      this.#untouched(bytes, start, end);
      return;
    }
    const brace = bytes.lastIndexOf(CLOSE_BRACE, end - 1);
    const comma = isEmptyObject(bytes, start, brace) ? '' : ',';
    this.#copy(bytes, start, brace);
    this.#write(`${comma}${this.#shipper.forEvent(coordinates(block, start))}}\n`);
  }

  invalid(block: Block, start: number, end: number, reason: InvalidReason, part?: Part): void {
    const error = explainInvalid(reason);
    const extra = part === undefined ? { error } : { error, part };
    this.#write(`{${this.#shipper.forInvalid(coordinates(block, start), extra)},`);
    for (const piece of wrapText(block.bytes.subarray(start, end))) this.#write(piece);
    this.#write('}\n');
  }

  take(): readonly Uint8Array[] {
    if (this.#length === 0) {
      const run = this.#run;
      this.#run = undefined;
      return run === undefined ? [] : [run.bytes.subarray(run.start, run.end)];
    }
    const payload = this.#buffer.subarray(0, this.#length);
    this.#lent.add(this.#buffer.buffer);
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return [payload];
  }

  recycle(payload: readonly Uint8Array[]): void {
    for (const { buffer } of payload) {
      if (this.#lent.delete(buffer)) this.#keep(Buffer.from(buffer));
    }
  }

  /** Bytes that go out as they are, with the newline that follows them in the block or one of our own. */
  #untouched(bytes: Buffer, start: number, end: number): void {
    const hasNewline = bytes[end] === NEWLINE;
    const upTo = hasNewline ? end + 1 : end;
    if (hasNewline && this.#length === 0 && (this.#run?.end ?? start) === start) {
      this.#run ??= { bytes, start, end: upTo };
      this.#run.end = upTo;
      return;
    }
    this.#copy(bytes, start, upTo);
    if (!hasNewline) this.#write('\n');
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    this.#endRun();
    this.#reserve(end - start);
    this.#length += bytes.copy(this.#buffer, this.#length, start, end);
  }

  #write(text: string): void {
    this.#endRun();
    this.#reserve(text.length * UTF8_BYTES);
    this.#length += this.#buffer.write(text, this.#length);
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) this.#copy(run.bytes, run.start, run.end);
  }

  /** Makes room for so many bytes behind what was written. */
  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const outgrown = this.#buffer;
    const kept = this.#kept.pop();
    this.#buffer =
      kept !== undefined && kept.length >= needed
        ? kept
        : Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * needed));
    outgrown.copy(this.#buffer, 0, 0, this.#length);
  }

  #keep(buffer: Buffer): void {
    if (buffer.length <= MAX_KEPT_BYTES && this.#kept.length < MAX_KEPT) this.#kept.push(buffer);
  }
}

function coordinates(block: Block, start: number): Coordinates {
  return { file: block.log, fingerprint: block.fingerprint, offset: block.start + start };
}

function isEmptyObject(bytes: Buffer, start: number, brace: number): boolean {
  let index = brace - 1;
  while (index > start && (bytes[index] ?? 0) <= SPACE) index--;
  return bytes[index] === OPEN_BRACE && index === bytes.indexOf(OPEN_BRACE, start);
}
