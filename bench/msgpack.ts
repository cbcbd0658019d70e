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

/** @throws {@link Incomplete} @returns the offset behind the value that begins at `from`. */
export function endOfValue(bytes: Buffer, from: number): number {
  let at = from;
  for (let left = 1; left > 0; left -= 1) {
    const type = bytes[at];
    if (type === undefined) throw new Incomplete();
    at += 1;
    if (type < 0x80 || type >= 0xe0) continue;
    if (type < 0x90) left += 2 * (type & 0x0f);
    else if (type < 0xa0) left += type & 0x0f;
    else if (type < 0xc0) at += type & 0x1f;
    else {
      const [width, further, values] = TYPES[type - 0xc0] ?? [0, 0, 0];
      if (at + width > bytes.length) throw new Incomplete();
      const count = width === 0 ? 0 : bytes.readUIntBE(at, width);
      at += width + further + (values === 0 ? count : 0);
      left += values * count;
    }
  }
  if (at > bytes.length) throw new Incomplete();
  return at;
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
  const [width, further, values] = TYPES[type - 0xc0] ?? [0, 0, 0];
  if (width === 0 || further !== 0) return undefined;
  if (start + width > bytes.length) throw new Incomplete();
  const length = bytes.readUIntBE(start, width);
  const kind = (['bytes', 'array', 'map'] as const)[values] ?? 'bytes';
  return { kind, start: start + width, length };
}
