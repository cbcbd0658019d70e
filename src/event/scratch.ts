/**
 * A core for bytes that stand elsewhere: they are copied into it, one after the other. What they made large is given
 * back.
 */
import { Core, type Verdict } from './core.ts';

/** Most lines and blocks are smaller; a larger slab is not kept. */
const KEPT_BYTES = 512 * 1024;
const FIRST_BYTES = 64 * 1024;

export class Scratch {
  readonly #addedBytes: number;
  #core: Core | undefined;

  /** @param addedBytes see Core. */
  constructor(addedBytes: number) {
    this.#addedBytes = addedBytes;
  }

  /** A core whose slab begins with these bytes, until `release`. */
  hold(bytes: Uint8Array): Core {
    this.#core ??= new Core(Math.max(FIRST_BYTES, bytes.length), this.#addedBytes);
    this.#core.grow(bytes.length);
    this.#core.rewind();
    this.#core.slab.set(bytes);
    return this.#core;
  }

  release(): void {
    if ((this.#core?.slab.length ?? 0) > KEPT_BYTES) this.#core = undefined;
  }

  /** What bytes without a newline are. To be released as well. */
  judge(bytes: Uint8Array): Verdict {
    return this.hold(bytes).judge(bytes.length);
  }
}
