/**
 * Many whole numbers, eight bytes each: the offsets of one generation, of which there may be millions. Pure.
 */

const FIRST_ROOM = 16;

export class Offsets {
  #values = new Float64Array(FIRST_ROOM);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The number that came last; undefined of none. */
  get last(): number | undefined {
    return this.#values[this.#length - 1];
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** Where the number stands, of numbers that ascend; -1 when it is not among them. */
  find(value: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#values[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low < this.#length && this.#values[low] === value ? low : -1;
  }

  /** A view, until the next `push`. */
  view(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/** The numbers of all, ascending, each once. Of a single list that ascends, a view of it. */
export function mergeOffsets(
  ascending: readonly Offsets[],
  others: ReadonlySet<number>,
): Float64Array {
  const [only] = ascending;
  if (only !== undefined && ascending.length === 1 && others.size === 0) return only.view();
  const all = new Float64Array(ascending.reduce((sum, { length }) => sum + length, others.size));
  let at = 0;
  for (const list of ascending) {
    all.set(list.view(), at);
    at += list.length;
  }
  for (const value of others) {
    all[at] = value;
    at += 1;
  }
  return all.sort();
}
