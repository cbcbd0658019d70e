/**
 * Where the bytes of a generation come from: a plain file read at a position, or a gzip file decompressed from
 * its beginning. Both speak of decompressed offsets. Knows nothing of lines and of names.
 */
import { fstatSync, read as readCallback } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGunzip } from 'node:zlib';

const readAt = promisify(readCallback);

/** Compressed bytes read at a time: some hundred KiB of events, little enough to keep many files open. */
const GZ_READ_BYTES = 64 * 1024;
/** Size of the pieces that zlib hands out; what is lost of a damaged file is at most a few of them. */
const GZ_PIECE_BYTES = 64 * 1024;
/** The same for a small file: thousands of them must not cost a large buffer each. */
const GZ_MIN_PIECE_BYTES = 4 * 1024;

export interface ByteSource {
  /**
   * Reads up to `into.length` bytes that stand at the decompressed offset `position`.
   * Resolves with the number of bytes; 0 when there is nothing there (any more, or yet).
   * @throws DamagedGzipError, or the system error of the read.
   */
  read(into: Buffer, position: number): Promise<number>;
  /** Lets go of buffers. The descriptor belongs to whoever opened it. */
  close(): void;
}

/** The compressed file is cut short or corrupt: nothing behind `readable` bytes can be had from it. */
export class DamagedGzipError extends Error {
  readonly code = 'DAMAGED_GZIP';
  readonly readableBytes: number;
  constructor(readableBytes: number, cause: unknown) {
    super(`the gzip file is damaged behind ${readableBytes} bytes of content`, { cause });
    this.readableBytes = readableBytes;
  }
}

export function plainSource(fd: number): ByteSource {
  return {
    async read(into, position) {
      const { bytesRead } = await readAt(fd, into, 0, into.length, position);
      return bytesRead;
    },
    close() {},
  };
}

export function gzSource(fd: number): ByteSource {
  return new GzSource(fd);
}

/** Goes forward through the file once; what was read last is kept, since a reader asks again for a line's rest. */
class GzSource implements ByteSource {
  readonly #fd: number;
  #pieces: AsyncIterator<Buffer> | undefined;
  /** Decompressed bytes from #base on that a reader may still ask for. */
  #kept: Buffer[] = [];
  #base = 0;
  #keptBytes = 0;
  #ended = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async read(into: Buffer, position: number): Promise<number> {
    if (position < this.#base || this.#pieces === undefined) this.#restart();
    this.#forget(position);
    while (!this.#ended && this.#base + this.#keptBytes < position + into.length) {
      await this.#pull();
      this.#forget(position);
    }
    return this.#copy(into, position - this.#base);
  }

  close(): void {
    void this.#pieces?.return?.();
    this.#pieces = undefined;
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #restart(): void {
    this.close();
    this.#base = 0;
    this.#ended = false;
    this.#pieces = decompressed(this.#fd);
  }

  async #pull(): Promise<void> {
    let next: IteratorResult<Buffer, unknown>;
    try {
      next = (await this.#pieces?.next()) ?? { done: true, value: undefined };
    } catch (error) {
      this.#ended = true;
      throw new DamagedGzipError(this.#base + this.#keptBytes, error);
    }
    if (next.done === true) {
      this.#ended = true;
      return;
    }
    this.#kept.push(next.value);
    this.#keptBytes += next.value.length;
  }

  #forget(position: number): void {
    while (this.#kept[0] !== undefined && this.#base + this.#kept[0].length <= position) {
      this.#base += this.#kept[0].length;
      this.#keptBytes -= this.#kept[0].length;
      this.#kept.shift();
    }
  }

  #copy(into: Buffer, skip: number): number {
    let copied = 0;
    let from = skip;
    for (const piece of this.#kept) {
      if (from < piece.length) copied += piece.copy(into, copied, from);
      from = Math.max(0, from - piece.length);
    }
    return copied;
  }
}

function decompressed(fd: number): AsyncIterator<Buffer> {
  // A file that is cut short gives what it holds: the caller sees by its length that something is missing.
  const chunkSize = Math.min(GZ_PIECE_BYTES, Math.max(GZ_MIN_PIECE_BYTES, fstatSync(fd).size));
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize });
  const ignored = pipeline(Readable.from(compressed(fd), { objectMode: true }), gunzip);
  // Whoever iterates the pieces gets the same error; here it must only not go unhandled.
  ignored.catch((error: unknown) => gunzip.destroy(error as Error));
  return gunzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
}

async function* compressed(fd: number): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    // What is left of a file that is complete, or one byte to find the end of one that grew.
    const left = Math.max(1, fstatSync(fd).size - position);
    const buffer = Buffer.allocUnsafe(Math.min(GZ_READ_BYTES, left));
    const { bytesRead } = await readAt(fd, buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
