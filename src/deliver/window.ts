/**
 * The bounded window: a fixed number of places for what was read and is not settled yet. It is what keeps memory
 * flat when the receiver is slow; whoever wants a place waits.
 */

/** A place in the window, with the buffer for what it holds. */
export interface Place {
  readonly slab: Buffer;
  /** Frees the place. To be called once. */
  release(): void;
}

export class Window {
  readonly #slabBytes: number;
  readonly #free: Buffer[] = [];
  /** Waiting for a place, in the order of their coming: no log starves another. */
  readonly #waiting: ((slab: Buffer) => void)[] = [];
  readonly #places: number;
  #used = 0;

  /** @param places how many chunks may be in flight. @param slabBytes size of each place's buffer. */
  constructor(places: number, slabBytes: number) {
    this.#places = places;
    this.#slabBytes = slabBytes;
  }

  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.#places;
  }

  /** Waits for a free place. Rejects with the signal's reason when it is aborted. */
  async reserve(signal: AbortSignal): Promise<Place> {
    signal.throwIfAborted();
    if (!this.isFull) {
      this.#used += 1;
      return this.#place(this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#slabBytes));
    }
    return this.#place(await this.#wait(signal));
  }

  async #wait(signal: AbortSignal): Promise<Buffer> {
    return new Promise<Buffer>((resolve, reject) => {
      const take = (slab: Buffer): void => {
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

  #place(slab: Buffer): Place {
    return {
      slab,
      release: () => {
        const next = this.#waiting.shift();
        if (next !== undefined) next(slab);
        else {
          this.#used -= 1;
          this.#free.push(slab);
        }
      },
    };
  }
}
