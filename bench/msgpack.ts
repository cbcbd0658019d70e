/**
 * Where MessagePack values end, without making anything of them: receivers of the benchmarks count with it what senders
 * packed. Pure, and shares no code with the senders. https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** A value goes on behind the end of the bytes. */
export class Incomplete extends Error {}

/**
 * The types 0xc0 to 0xdf: the bytes of the count behind the type, further bytes, and what the count counts (0: bytes,
 * 1: values, 2: pairs of values).
 */
const TYPES: readonly (readonly [width: number, further: number, values: number])[] = [
  ...Array.from({ length: 4 }, () => [0, 0, 0] as const), // nil, (never used), false, true
  ...([1, 2, 4] as const).map((width) => [width, 0, 0] as const), // bin
  ...([1, 2, 4] as const).map((width) => [width, 1, 0] as const), // ext
  ...([4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const).map((bytes) => [0, bytes, 0] as const), // numbers
  ...([1, 2, 4, 8, 16] as const).map((bytes) => [0, 1 + bytes, 0] as const), // fixext
  ...([1, 2, 4] as const).map((width) => [width, 0, 0] as const), // str
  ...([2, 4] as const).map((width) => [width, 0, 1] as const), // array
  ...([2, 4] as const).map((width) => [width, 0, 2] as const), // map
];
const NO_TYPE = [0, 0, 0] as const;

/** Passes over values that come in pieces, and looks at no byte twice. */
export class Passage {
  /** Values that have not begun. */
  #values: number;
  /** Bytes to go, of which nothing needs to be known. */
  #skip: number;
  /** A count whose bytes have not all come: how many are missing, what it is so far, and of which type. */
  #missing = 0;
  #count = 0;
  #type = 0;

  /** @param skip bytes before the values. */
  constructor(values: number, skip = 0) {
    this.#values = values;
    this.#skip = skip;
  }

  get isOver(): boolean {
    return this.#values === 0 && this.#skip === 0 && this.#missing === 0;
  }

  /** @returns where what is passed over ends in this piece, or the end of the piece. */
  pass(bytes: Buffer, from = 0): number {
    let at = from;
    while (at < bytes.length && !this.isOver) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#missing > 0) {
        this.#readOn(bytes[at] ?? 0);
        at += 1;
      } else at = this.#heads(bytes, at);
    }
    return at;
  }

  /** Goes on as long as nothing reaches beyond the piece: by far the most that happens. */
  #heads(bytes: Buffer, from: number): number {
    let at = from;
    let values = this.#values;
    while (values > 0 && at < bytes.length) {
      const type = bytes[at] ?? 0;
      let next = at + 1;
      values -= 1;
      if (type >= 0x80 && type < 0x90) values += 2 * (type & 0x0f);
      else if (type >= 0x90 && type < 0xa0) values += type & 0x0f;
      else if (type >= 0xa0 && type < 0xc0) next += type & 0x1f;
      else if (type >= 0xc0 && type < 0xe0) {
        const [width, further, counted] = TYPES[type - 0xc0] ?? NO_TYPE;
        next += width;
        if (next > bytes.length) {
          this.#values = values;
          [this.#type, this.#missing, this.#count] = [type, width, 0];
          return at + 1;
        }
        const count = width === 0 ? 0 : bytes.readUIntBE(at + 1, width);
        next += further + (counted === 0 ? count : 0);
        values += counted * count;
      }
      at = next;
    }
    this.#values = values;
    this.#skip = Math.max(0, at - bytes.length);
    return Math.min(at, bytes.length);
  }

  #readOn(byte: number): void {
    this.#count = this.#count * 256 + byte;
    this.#missing -= 1;
    if (this.#missing > 0) return;
    const [, further, counted] = TYPES[this.#type - 0xc0] ?? NO_TYPE;
    this.#skip = further + (counted === 0 ? this.#count : 0);
    this.#values += counted * this.#count;
  }
}

/** @throws {@link Incomplete} @returns the offset behind the value that begins at `from`. */
export function endOfValue(bytes: Buffer, from: number): number {
  const passage = new Passage(1);
  const end = passage.pass(bytes, from);
  if (!passage.isOver) throw new Incomplete();
  return end;
}

/** How many values stand one behind the other. */
export function countValues(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at = endOfValue(bytes, at)) count += 1;
  return count;
}

/** What begins a value of the kinds that have a length: its first byte inside, and how many bytes or values it has. */
export interface Head {
  readonly kind: 'bytes' | 'array' | 'map';
  readonly start: number;
  readonly length: number;
}

/** @throws {@link Incomplete} @returns undefined for a value of another kind (numbers, nil, ext). */
export function headAt(bytes: Buffer, at: number): Head | undefined {
  const type = bytes[at];
  if (type === undefined) throw new Incomplete();
  const start = at + 1;
  if (type >= 0x80 && type < 0x90) return { kind: 'map', start, length: type & 0x0f };
  if (type >= 0x90 && type < 0xa0) return { kind: 'array', start, length: type & 0x0f };
  if (type >= 0xa0 && type < 0xc0) return { kind: 'bytes', start, length: type & 0x1f };
  const [width, further, values] = TYPES[type - 0xc0] ?? NO_TYPE;
  if (width === 0 || further !== 0) return undefined;
  if (start + width > bytes.length) throw new Incomplete();
  const length = bytes.readUIntBE(start, width);
  const kind = (['bytes', 'array', 'map'] as const)[values] ?? 'bytes';
  return { kind, start: start + width, length };
}
