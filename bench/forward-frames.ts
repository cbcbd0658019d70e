/**
 * Cuts what a sender of PackedForward messages says into messages, and looks at nothing but their options: the
 * receiver of a benchmark must not be what it waits for. Sans-IO; shares no code with the senders.
 */

/** A message, complete. */
export interface Frame {
  /** The `chunk` option. */
  readonly id: string;
  /** The `size` option. */
  readonly events: number;
  /** Of the entries. */
  readonly bytes: number;
}

const ARRAY_OF_3 = 0x93;
const NOTHING = Buffer.alloc(0);

/** Reads the few kinds of values that stand outside the entries; a RangeError means that more bytes are needed. */
class Cursor {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint(size: number): number {
    const value = this.#bytes.readUIntBE(this.at, size);
    this.at += size;
    return value;
  }

  /** A text, a number, or the length of binary content. */
  scalar(): string | number {
    const type = this.uint(1);
    if (type < 0x80) return type;
    if (type >= 0xa0 && type <= 0xbf) return this.#text(type & 0x1f);
    if (type >= 0xc4 && type <= 0xc6) return this.uint(1 << (type - 0xc4));
    if (type >= 0xcc && type <= 0xce) return this.uint(1 << (type - 0xcc));
    if (type === 0xd9) return this.#text(this.uint(1));
    throw new Error(`no PackedForward message: type 0x${type.toString(16)}`);
  }

  #text(length: number): string {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new RangeError('more bytes are needed');
    const text = this.#bytes.toString('latin1', this.at, end);
    this.at = end;
    return text;
  }
}

export class FrameReader {
  /** The beginning of a head or of options that are not complete. */
  #held: Buffer = NOTHING;
  /** Of the entries under way. */
  #bytes = 0;
  #toPass = 0;
  #part: 'head' | 'options' = 'head';

  *feed(bytes: Buffer): Generator<Frame> {
    let input = bytes;
    while (input.length > 0) {
      const passed = Math.min(this.#toPass, input.length);
      this.#toPass -= passed;
      input = input.subarray(passed);
      if (input.length === 0) return;
      const cursor = new Cursor((input = Buffer.concat([this.#held, input])));
      this.#held = NOTHING;
      const frame = this.#next(cursor);
      if (frame === 'incomplete') {
        this.#held = input;
        return;
      }
      if (frame !== undefined) yield frame;
      input = input.subarray(cursor.at);
    }
  }

  #next(cursor: Cursor): Frame | 'incomplete' | undefined {
    try {
      if (this.#part === 'options') return this.#options(cursor);
      this.#head(cursor);
      return undefined;
    } catch (error) {
      if (error instanceof RangeError) return 'incomplete';
      throw error;
    }
  }

  #head(cursor: Cursor): void {
    if (cursor.uint(1) !== ARRAY_OF_3) throw new Error('no PackedForward message');
    cursor.scalar();
    this.#bytes = Number(cursor.scalar());
    this.#toPass = this.#bytes;
    this.#part = 'options';
  }

  #options(cursor: Cursor): Frame {
    const options = new Map<string | number, string | number>();
    for (let left = cursor.uint(1) & 0x0f; left > 0; left -= 1) {
      options.set(cursor.scalar(), cursor.scalar());
    }
    this.#part = 'head';
    const [id, events] = [options.get('chunk'), options.get('size')];
    if (typeof id !== 'string' || typeof events !== 'number') {
      throw new Error('a message without chunk or size');
    }
    return { id, events, bytes: this.#bytes };
  }
}
