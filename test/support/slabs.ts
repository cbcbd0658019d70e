/**
 * Slabs of plain memory for tests that need no core. As with a core's memory, views of a slab end when it grows: they
 * are overwritten here, so that whoever uses one is found out.
 */
import type { Slab } from '../../src/deliver/window.ts';
import type { Room } from '../../src/tail/tail.ts';

export class BufferSlab implements Slab, Room {
  slab: Buffer;

  constructor(bytes: number) {
    this.slab = Buffer.alloc(bytes);
  }

  grow(bytes: number): void {
    if (bytes <= this.slab.length) return;
    const larger = Buffer.alloc(bytes);
    this.slab.copy(larger);
    this.slab.fill(0xff);
    this.slab = larger;
  }

  async enlarge(bytes: number): Promise<void> {
    await Promise.resolve();
    this.grow(bytes);
  }
}

export function makeBufferSlab(bytes: number): BufferSlab {
  return new BufferSlab(bytes);
}
