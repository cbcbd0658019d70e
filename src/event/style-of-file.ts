/**
 * Remembers the style of the last file: blocks of one file follow each other, and share what is added to events.
 */
import type { Block } from './block.ts';
import type { Style } from './core.ts';

export class StyleOfFile {
  readonly #make: (block: Block) => Style;
  #last: { readonly log: string; readonly fingerprint: string; readonly style: Style } | undefined;

  constructor(make: (block: Block) => Style) {
    this.#make = make;
  }

  of(block: Block): Style {
    const { log, fingerprint } = block;
    if (this.#last?.log !== log || this.#last.fingerprint !== fingerprint) {
      this.#last = { log, fingerprint, style: this.#make(block) };
    }
    return this.#last.style;
  }
}
