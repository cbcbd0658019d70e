/**
 * Writes events as JSON lines: an untouched event byte for byte, `shipper` added before its last brace where
 * there is something to add, and what is no event wrapped whole.
 */
import type { Block } from './block.ts';
import type { InvalidReason } from './line.ts';
import type { Coordinates, Shipper } from './shipper.ts';
import { explainInvalid, wrapText, type LineWriter, type Part } from './transcoder.ts';

const NEWLINE = Buffer.from('\n');
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

export class JsonWriter implements LineWriter {
  readonly #shipper: Shipper;
  #payload: Buffer[] = [];
  /** The run of untouched bytes that ends the payload, so that neighbours become one piece. */
  #run: { readonly bytes: Buffer; readonly start: number; end: number } | undefined;

  constructor(shipper: Shipper) {
    this.#shipper = shipper;
  }

  event(block: Block, start: number, end: number): void {
    if (!this.#shipper.addsToEvents) {
      this.#untouched(block.bytes, start, end);
      return;
    }
    const brace = block.bytes.lastIndexOf(CLOSE_BRACE, end - 1);
    const comma = isEmptyObject(block.bytes, start, brace) ? '' : ',';
    const added = this.#shipper.forEvent(coordinates(block, start));
    this.#untouched(block.bytes, start, brace, false);
    this.#push(Buffer.from(`${comma}${added}}\n`));
  }

  invalid(block: Block, start: number, end: number, reason: InvalidReason, part?: Part): void {
    const error = explainInvalid(reason);
    const extra = part === undefined ? { error } : { error, part };
    const shipper = this.#shipper.forInvalid(coordinates(block, start), extra);
    this.#push(Buffer.from(`{${shipper},${wrapText(block.bytes.subarray(start, end))}}\n`));
  }

  take(): readonly Uint8Array[] {
    this.#endRun();
    const payload = this.#payload;
    this.#payload = [];
    return payload.length > MAX_PIECES ? [Buffer.concat(payload)] : payload;
  }

  /** Bytes that go out as they are, with the newline that follows them in the block or one of our own. */
  #untouched(bytes: Buffer, start: number, end: number, line = true): void {
    const hasNewline = line && bytes[end] === NEWLINE[0];
    const upTo = hasNewline ? end + 1 : end;
    if (this.#run?.bytes === bytes && this.#run.end === start) this.#run.end = upTo;
    else {
      this.#endRun();
      this.#run = { bytes, start, end: upTo };
    }
    if (line && !hasNewline) this.#push(NEWLINE);
  }

  #push(bytes: Buffer): void {
    this.#endRun();
    this.#payload.push(bytes);
  }

  #endRun(): void {
    if (this.#run !== undefined) {
      this.#payload.push(this.#run.bytes.subarray(this.#run.start, this.#run.end));
    }
    this.#run = undefined;
  }
}

/** Beyond it one buffer is cheaper to write than its pieces. */
const MAX_PIECES = 16;

function coordinates(block: Block, start: number): Coordinates {
  return { file: block.log, fingerprint: block.fingerprint, offset: block.start + start };
}

function isEmptyObject(bytes: Buffer, start: number, brace: number): boolean {
  let index = brace - 1;
  while (index > start && (bytes[index] ?? 0) <= SPACE) index--;
  return bytes[index] === OPEN_BRACE && index === bytes.indexOf(OPEN_BRACE, start);
}
