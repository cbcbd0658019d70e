/**
 * A small seeded random source: the same seed gives the same numbers, on every machine.
 * Not for secrets, and it knows nothing of what the numbers are used for.
 */

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** An integer in [0, limit). */
  below(limit: number): number;
  /** One element; the list must not be empty. */
  pick<T>(list: readonly T[]): T;
  /** `digits` lower-case hexadecimal digits. */
  hex(digits: number): string;
}

const UINT32 = 0x1_0000_0000;
const HEX_DIGITS_PER_UINT32 = 8;

/** The generator is mulberry32 (Tommy Ettinger, public domain): 32 bits of state are enough to vary events. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((uint32() / UINT32) * limit);

  return {
    next: () => uint32() / UINT32,
    below,
    pick<T>(list: readonly T[]): T {
      const element = list[below(list.length)];
      if (element === undefined) throw new RangeError('cannot pick from an empty list');
      return element;
    },
    hex(digits: number): string {
      let text = '';
      while (text.length < digits) {
        text += uint32().toString(16).padStart(HEX_DIGITS_PER_UINT32, '0');
      }
      return text.slice(0, digits);
    },
  };
}

/** A random (version 4) UUID. */
export function uuid(random: Random): string {
  const digits = random.hex(30);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(12, 15)}-a${digits.slice(15, 18)}-${digits.slice(18)}`;
}
