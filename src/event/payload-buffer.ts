/**
 * The buffer that a writer fills, and those it uses again. V8 lets 64 MB of buffers become garbage before it looks at
 * them, so that new ones for each chunk would be most of the program's memory. Knows nothing of what is written.
 */
import { memoryOf, type Memory } from './msgpack.ts';

/** A first guess for a payload; it doubles until all of it fits. */
const FIRST_BYTES = 64 * 1024;
/** Larger payloads are those of single long lines: to keep their buffers would cost more than it spares. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** As many as chunks are in flight as a rule. */
const MAX_KEPT = 8;

const NOTHING = memoryOf(Buffer.alloc(0));

export class PayloadBuffer {
  /** How many bytes were written. Whoever writes behind them has reserved the room and moves this on. */
  length = 0;
  #memory = NOTHING;
  readonly #kept: Memory[] = [];
  /** What `take` gave and `recycle` has not got back. */
  readonly #lent = new WeakMap<ArrayBufferLike, Memory>();

  /** Makes room for so many bytes behind what was written. @returns where to write, until the next call. */
  reserve(bytes: number): Memory {
    const needed = this.length + bytes;
    if (needed > this.#memory.bytes.length) this.#grow(needed);
    return this.#memory;
  }

  /** What was written since the last call. */
  take(): readonly Uint8Array[] {
    if (this.length === 0) return [];
    const { bytes } = this.#memory;
    const payload = bytes.subarray(0, this.length);
    this.#lent.set(bytes.buffer, this.#memory);
    this.#memory = NOTHING;
    this.length = 0;
    return [payload];
  }

  /** Nobody reads these any more; those that are not ours are left alone. */
  recycle(payload: readonly Uint8Array[]): void {
    for (const { buffer } of payload) {
      const memory = this.#lent.get(buffer);
      if (memory === undefined) continue;
      this.#lent.delete(buffer);
      const isWorthIt = memory.bytes.length <= MAX_KEPT_BYTES && this.#kept.length < MAX_KEPT;
      if (isWorthIt) this.#kept.push(memory);
    }
  }

  /** What is written doubles; what one long line wants is not doubled. */
  #grow(needed: number): void {
    const outgrown = this.#memory.bytes;
    const kept = this.#kept.pop();
    this.#memory =
      kept !== undefined && kept.bytes.length >= needed
        ? kept
        : memoryOf(Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, needed + this.length)));
    outgrown.copy(this.#memory.bytes, 0, 0, this.length);
  }
}
