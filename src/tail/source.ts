/**
 * Where the bytes of a generation come from: a plain file read at a position, or a gzip file decompressed from
 * its beginning. Both speak of decompressed offsets. Knows nothing of lines and of names.
 */
import { read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { Decompressor } from './decompressor.ts';

const readAt = promisify(readCallback);

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
  #decompressor: Decompressor | undefined;
  /** Decompressed bytes from #base on that a reader may still ask for. */
  #kept: Buffer[] = [];
  #base = 0;
  #keptBytes = 0;
  #ended = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async read(into: Buffer, position: number): Promise<number> {
    if (position < this.#base || this.#decompressor === undefined) this.#restart();
    this.#forget(position);
    while (!this.#ended && this.#base + this.#keptBytes < position + into.length) {
      await this.#pull();
      this.#forget(position);
    }
    return this.#copy(into, position - this.#base);
  }

  close(): void {
    this.#decompressor?.close();
    this.#decompressor = undefined;
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #restart(): void {
    this.close();
    this.#base = 0;
    this.#ended = false;
    this.#decompressor = Decompressor.of(this.#fd);
  }

  async #pull(): Promise<void> {
    let piece: Buffer | undefined;
    try {
      piece = await this.#decompressor?.next();
    } catch (error) {
      // What the disk refuses (EIO) it may give the next time: it begins anew then.
      if (error instanceof Error && 'syscall' in error) {
        this.close();
        throw error;
      }
      this.#ended = true;
      throw new DamagedGzipError(this.#base + this.#keptBytes, error);
    }
    if (piece === undefined) {
      this.#ended = true;
      return;
    }
    this.#kept.push(piece);
    this.#keptBytes += piece.length;
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
