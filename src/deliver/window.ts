/**
 * The bounded window: a fixed number of places for what was read and is not settled yet. It is what keeps memory
 * flat when the receiver is slow; whoever wants a place waits.
 */

/** Memory for what is read, and for what becomes of it. */
export interface Slab {
  readonly slab: Buffer;
  /** What it holds stays, but not the views of it. */
  grow(bytes: number): void;
}

/** A place in the window, with the memory for what it holds. */
export interface Place {
  readonly slab: Buffer;
  /**
   * Waits for more memory, for a single line that does not fit; the bytes read so far stay. The slab is another one
   * then. Rejects when the signal of `reserve` is aborted.
   */
  enlarge(bytes: number): Promise<void>;
  /** Frees the place. To be called once. */
  release(): void;
}

export interface WindowOptions {
  /** How many blocks may be on their way. */
  readonly places: number;
  /** The memory of each place. */
  readonly slabBytes: number;
  readonly makeSlab: (bytes: number) => Slab;
}

/** Lines that do not fit into a slab are rare and large: so many are on their way at once. */
const MAX_LARGE = 2;
/** What held a larger line is given back to the system. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

export class Window {
  readonly #slabs: Pool;
  readonly #large: Pool;

  constructor({ places, slabBytes, makeSlab }: WindowOptions) {
    this.#slabs = new Pool(places, () => makeSlab(slabBytes));
    this.#large = new Pool(MAX_LARGE, () => makeSlab(2 * slabBytes));
  }

  get used(): number {
    return this.#slabs.used;
  }

  get isFull(): boolean {
    return this.#slabs.isFull;
  }

  /** Waits for a free place. Rejects with the signal's reason when it is aborted. */
  async reserve(signal: AbortSignal): Promise<Place> {
    const slab = await this.#slabs.take(signal);
    return new HeldPlace(slab, this.#slabs, this.#large, signal);
  }
}

class HeldPlace implements Place {
  readonly #own: Slab;
  readonly #slabs: Pool;
  readonly #largeSlabs: Pool;
  readonly #signal: AbortSignal;
  #large: Slab | undefined;

  constructor(own: Slab, slabs: Pool, largeSlabs: Pool, signal: AbortSignal) {
    this.#own = own;
    this.#slabs = slabs;
    this.#largeSlabs = largeSlabs;
    this.#signal = signal;
  }

  get slab(): Buffer {
    return (this.#large ?? this.#own).slab;
  }

  async enlarge(bytes: number): Promise<void> {
    const isFirst = this.#large === undefined;
    this.#large ??= await this.#largeSlabs.take(this.#signal);
    this.#large.grow(bytes);
    if (isFirst) this.#own.slab.copy(this.#large.slab);
  }

  release(): void {
    const large = this.#large;
    this.#large = undefined;
    const isKept = (large?.slab.length ?? 0) <= MAX_KEPT_BYTES;
    if (large !== undefined) this.#largeSlabs.give(isKept ? large : undefined);
    this.#slabs.give(this.#own);
  }
}

/** So many slabs, made when they are first needed. */
class Pool {
  readonly #max: number;
  readonly #make: () => Slab;
  readonly #free: Slab[] = [];
  /** Waiting for one, in the order of their coming: no log starves another. */
  readonly #waiting: ((slab: Slab) => void)[] = [];
  #used = 0;

  constructor(max: number, make: () => Slab) {
    this.#max = max;
    this.#make = make;
  }

  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.#max;
  }

  async take(signal: AbortSignal): Promise<Slab> {
    signal.throwIfAborted();
    if (this.isFull) return this.#wait(signal);
    const slab = this.#free.pop() ?? this.#make();
    this.#used += 1;
    return slab;
  }

  /** @param slab to be used again; undefined when it is not worth keeping. */
  give(slab: Slab | undefined): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(slab ?? this.#make());
      return;
    }
    this.#used -= 1;
    if (slab !== undefined) this.#free.push(slab);
  }

  async #wait(signal: AbortSignal): Promise<Slab> {
    return new Promise<Slab>((resolve, reject) => {
      const take = (slab: Slab): void => {
        signal.removeEventListener('abort', leave);
        resolve(slab);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
