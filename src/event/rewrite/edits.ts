/**
 * Changes of a line, and how they are made: what no edit names stays as it is, byte for byte. Pure.
 */
import { COMMA, isSpace, skipSpace } from '../json-bytes.ts';

/** Bytes [start, end) become this text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Bytes [start, end) with edits: nothing is copied before somebody says where to. */
export class Edited {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #edits: readonly Edit[];
  /** How many bytes it is. */
  readonly length: number;

  /** @param edits in order, none of which reaches into another. */
  constructor(bytes: Buffer, start: number, end: number, edits: readonly Edit[]) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#edits = edits;
    let length = end - start;
    let at = start;
    for (const edit of edits) {
      if (edit.start < at || edit.end > end) throw new Error('an edit reaches into another');
      length += Buffer.byteLength(edit.text) - (edit.end - edit.start);
      at = edit.end;
    }
    this.length = length;
  }

  /** @returns the place behind what was written. */
  writeTo(to: Buffer, start: number): number {
    let out = start;
    let at = this.#start;
    for (const edit of this.#edits) {
      out += this.#bytes.copy(to, out, at, edit.start);
      out += to.write(edit.text, out);
      at = edit.end;
    }
    return out + this.#bytes.copy(to, out, at, this.#end);
  }

  /** A copy, but for a whole buffer without an edit. */
  toBuffer(): Buffer {
    if (this.#edits.length === 0 && this.length === this.#bytes.length) return this.#bytes;
    const buffer = Buffer.allocUnsafe(this.length);
    this.writeTo(buffer, 0);
    return buffer;
  }
}

/** Bytes [start, end) with these edits. */
export function edited(bytes: Buffer, start: number, end: number, edits: readonly Edit[]): Buffer {
  return new Edited(bytes, start, end, edits).toBuffer();
}

/**
 * Leaves out the member in bytes [start, end), with the comma before it, or, where no member before it is kept, with
 * the comma behind it.
 * @param before where the value of the member before it ends; undefined where none is kept.
 */
export function withoutMember(
  bytes: Buffer,
  start: number,
  end: number,
  before: number | undefined,
): Edit {
  if (before !== undefined) return { start: before, end, text: '' };
  const next = skipSpace(bytes, end);
  return { start, end: bytes[next] === COMMA ? next + 1 : end, text: '' };
}

/** Where the value before a member ends; undefined where it is the first. @param start of its key. */
export function valueBefore(bytes: Buffer, start: number): number | undefined {
  const comma = behindText(bytes, start) - 1;
  return bytes[comma] === COMMA ? behindText(bytes, comma) : undefined;
}

/** The place behind what is no white space before `end`. */
function behindText(bytes: Buffer, end: number): number {
  let at = end;
  while (isSpace(bytes[at - 1])) at -= 1;
  return at;
}
