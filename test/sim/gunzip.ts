/**
 * A stream of zlib that decompresses at once and tells of it at a moment that the simulation chooses, not a thread.
 * As much of zlib.Gunzip as the agent uses.
 */
import { EventEmitter } from 'node:events';
import { constants, gunzipSync } from 'node:zlib';
import type { Machine } from './machine.ts';

export class SimGunzip extends EventEmitter {
  readonly #machine: () => Machine;
  #compressed = Buffer.alloc(0);
  #decompressed: Buffer[] = [];
  #givenBytes = 0;
  readonly readableEnded = false;

  /** @param machine the one that there is when it is used: it may be kept for another run. */
  constructor(machine: () => Machine) {
    super();
    this.#machine = machine;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#compressed = Buffer.concat([this.#compressed, bytes]);
    const machine = this.#machine();
    machine.after(machine.latencyMs(), () => {
      this.#decompress();
      done();
    });
  }

  read(): Buffer | null {
    return this.#decompressed.shift() ?? null;
  }

  reset(): void {
    this.#compressed = Buffer.alloc(0);
    this.#decompressed = [];
    this.#givenBytes = 0;
  }

  destroy(): void {
    this.reset();
  }

  #decompress(): void {
    try {
      const all = gunzipSync(this.#compressed, { finishFlush: constants.Z_SYNC_FLUSH });
      if (all.length > this.#givenBytes) this.#decompressed.push(all.subarray(this.#givenBytes));
      this.#givenBytes = all.length;
      this.emit('readable');
    } catch (error) {
      this.emit('error', error);
    }
  }
}
