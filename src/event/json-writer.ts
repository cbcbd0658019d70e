/**
 * Writes events as JSON lines: an untouched event byte for byte, `shipper` added before its last brace where
 * there is something to add, and what is no event wrapped whole.
 */
import type { Block } from './block.ts';
import { isEvent, type InvalidReason } from './line.ts';
import { PayloadBuffer } from './payload-buffer.ts';
import { coordinatesIn, SHIPPER_KEY, type Pair, type Pairs, type Shipper } from './shipper.ts';
import { explainInvalid, wrapText, type LineWriter, type Part } from './transcoder.ts';

const NEWLINE = 0x0a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
/** What is written of a wrapped text besides the text itself, and as much as one of its pieces reserves. */
const WRAPPED_BYTES = 64 * 1024;
/** UTF-8 takes at most three bytes for each UTF-16 unit of a text. */
const UTF8_BYTES = 3;

export class JsonWriter implements LineWriter {
  readonly #shipper: Shipper;
  /** Untouched bytes since the payload's beginning: a block without anything to add goes out without a copy. */
  #run: { readonly bytes: Buffer; readonly start: number; end: number } | undefined;
  /** What was written, when it is no such run. */
  readonly #buffer = new PayloadBuffer();
  /** What `shipper` holds of the last file, as text. */
  #shared: { readonly pairs: readonly Pair[]; readonly text: string } | undefined;

  constructor(shipper: Shipper) {
    this.#shipper = shipper;
  }

  line(block: Block, start: number, end: number): boolean {
    if (!isEvent(block.bytes, start, end)) return false;
    this.event(block, start, end);
    return true;
  }

  event(block: Block, start: number, end: number): void {
    const { bytes } = block;
    if (!this.#shipper.addsToEvents) {
      this.#untouched(bytes, start, end);
      return;
    }
    const brace = bytes.lastIndexOf(CLOSE_BRACE, end - 1);
    const comma = isEmptyObject(bytes, start, brace) ? '' : ',';
    const pairs = this.#shipper.forEvent(coordinatesIn(block, start));
    this.#copy(bytes, start, brace);
    this.#write(`${comma}${this.#member(pairs)}}\n`);
  }

  invalid(block: Block, start: number, end: number, reason: InvalidReason, part?: Part): void {
    const error = explainInvalid(reason);
    const extra = part === undefined ? { error } : { error, part };
    const pairs = this.#shipper.forInvalid(coordinatesIn(block, start), extra);
    this.#write(`{${this.#member(pairs)},`);
    // A buffer that grows leaves all smaller ones behind.
    this.#buffer.reserve(end - start + WRAPPED_BYTES);
    for (const piece of wrapText(block.bytes.subarray(start, end))) this.#write(piece);
    this.#write('}\n');
  }

  take(): readonly Uint8Array[] {
    const run = this.#run;
    this.#run = undefined;
    return run === undefined ? this.#buffer.take() : [run.bytes.subarray(run.start, run.end)];
  }

  recycle(payload: readonly Uint8Array[]): void {
    this.#buffer.recycle(payload);
  }

  /** `"shipper":{…}`. */
  #member({ shared, own }: Pairs): string {
    if (this.#shared?.pairs !== shared) {
      this.#shared = { pairs: shared, text: pairsText(shared) };
    }
    const { text } = this.#shared;
    const comma = text === '' || own.length === 0 ? '' : ',';
    return `"${SHIPPER_KEY}":{${text}${comma}${pairsText(own)}}`;
  }

  /** Bytes that go out as they are, with the newline that follows them in the block or one of our own. */
  #untouched(bytes: Buffer, start: number, end: number): void {
    const hasNewline = bytes[end] === NEWLINE;
    const upTo = hasNewline ? end + 1 : end;
    if (hasNewline && this.#buffer.length === 0 && (this.#run?.end ?? start) === start) {
      this.#run ??= { bytes, start, end: upTo };
      this.#run.end = upTo;
      return;
    }
    this.#copy(bytes, start, upTo);
    if (!hasNewline) this.#write('\n');
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    this.#endRun();
    const memory = this.#buffer.reserve(end - start);
    this.#buffer.length += bytes.copy(memory.bytes, this.#buffer.length, start, end);
  }

  #write(text: string): void {
    this.#endRun();
    const memory = this.#buffer.reserve(text.length * UTF8_BYTES);
    this.#buffer.length += memory.bytes.write(text, this.#buffer.length);
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) this.#copy(run.bytes, run.start, run.end);
  }
}

function pairsText(pairs: readonly Pair[]): string {
  return pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',');
}

function isEmptyObject(bytes: Buffer, start: number, brace: number): boolean {
  let index = brace - 1;
  while (index > start && (bytes[index] ?? 0) <= SPACE) index--;
  return bytes[index] === OPEN_BRACE && index === bytes.indexOf(OPEN_BRACE, start);
}
