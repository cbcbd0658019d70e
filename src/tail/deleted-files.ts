/**
 * How much of the disk one log's deleted files take: those that are held for what is unread of them. It counts, and says
 * which to give up; it closes nothing.
 */
import type { Descriptors } from './descriptors.ts';
import type { Generation } from './generation.ts';

export class DeletedFiles {
  readonly #descriptors: Descriptors;
  #bytes = 0;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  /** As of the last count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest first, one after the other has been given up, while all logs together hold too much. */
  *excess(generations: readonly Generation[]): Generator<Generation> {
    this.count(generations);
    for (const generation of generations) {
      if (!this.#descriptors.holdsTooMuch) return;
      if (!isDeletedAndHeld(generation)) continue;
      yield generation;
      this.count(generations);
    }
  }

  count(generations: readonly Generation[]): void {
    let bytes = 0;
    for (const generation of generations) {
      if (isDeletedAndHeld(generation)) bytes += generation.harvester?.sizeNow() ?? 0;
    }
    this.#descriptors.noteDeleted(bytes - this.#bytes);
    this.#bytes = bytes;
  }
}

function isDeletedAndHeld({ places, harvester }: Generation): boolean {
  return places.length === 0 && harvester?.isUnlinked() === true;
}
