/**
 * An output that takes a chunk only when the test says so: a receiver as slow as it must be. Knows nothing of what is
 * in a chunk.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Chunk } from '../../src/deliver/chunk.ts';
import type { Output } from '../../src/output/output.ts';

export class HeldOutput implements Output {
  readonly concurrency = 1;
  /** What was taken, in order; the bytes are copies, since a settled chunk's buffers are used again. */
  readonly delivered: Chunk[] = [];
  #take: (() => void) | undefined;
  #takesAll = false;

  async deliver(chunk: Chunk): Promise<void> {
    if (!this.#takesAll) await new Promise<void>((resolve) => (this.#take = resolve));
    this.#take = undefined;
    this.delivered.push({ ...chunk, payload: [Buffer.concat(chunk.payload)] });
  }

  async close(): Promise<void> {}

  /** Takes the chunk that is offered, if there is one; it is settled when this resolves. */
  async take(): Promise<void> {
    await turn();
    this.#take?.();
    await turn();
  }

  /** Takes what is offered and whatever comes from now on. */
  takeAll(): void {
    this.#takesAll = true;
    this.#take?.();
  }
}
