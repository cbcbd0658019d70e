/**
 * Reads the lines of a file that another process appends to, each byte once. Knows nothing of who writes.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const READ_BYTES = 1024 * 1024;
const NEWLINE = 10;

export class GrowingFile {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  readonly #lines: Buffer[] = [];
  /** Bytes without a newline yet. */
  #rest: Buffer = Buffer.alloc(0);
  #position = 0;

  /** Makes the file when it is not there. */
  constructor(path: string) {
    this.#fd = openSync(path, 'a+');
  }

  /** All whole lines so far, without their newlines, byte for byte. */
  lines(): readonly Buffer[] {
    for (;;) {
      const bytes = readSync(this.#fd, this.#buffer, 0, READ_BYTES, this.#position);
      if (bytes === 0) return this.#lines;
      this.#position += bytes;
      this.#cut(Buffer.concat([this.#rest, this.#buffer.subarray(0, bytes)]));
    }
  }

  /** What follows the last newline. */
  get rest(): Buffer {
    return this.#rest;
  }

  #cut(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#lines.push(bytes.subarray(start, end));
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
