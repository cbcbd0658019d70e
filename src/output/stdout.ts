/**
 * Events to standard output. An event counts as delivered when the kernel has taken its bytes: written to the
 * file, or into the pipe. Knows nothing of events; a chunk is bytes.
 */
import { fstatSync, write as writeCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { Chunk } from '../deliver/chunk.ts';
import { OutputClosedError, type Output } from './output.ts';

const writeAt = promisify(writeCallback);
/** How much goes into one write: little enough that a slow reader of a pipe settles events as it reads. */
const STREAM_WRITE_BYTES = 64 * 1024;
/** A file takes what it is given: a block at once. */
const FILE_WRITE_BYTES = 1024 * 1024;
/** Pieces that are smaller, as lines that were changed, are written together with what follows them. */
const PACKED_BYTES = 64 * 1024;

/** The stream behind a pipe, a socket or a terminal, as far as it is needed here (process.stdout). */
export interface StdoutStream {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Writes chunks to a descriptor. A regular file or a device gets plain writes; a pipe, socket or terminal goes
 * through the event loop, where a reader that has stopped reading blocks nothing.
 */
export function stdoutOutput(fd: number, stream: () => StdoutStream): Output {
  const stats = fstatSync(fd);
  const plain = stats.isFile() || stats.isBlockDevice() || isNullDevice(stats.rdev);
  if (plain) return new StdoutOutput(fileWriter(fd), FILE_WRITE_BYTES);
  return new StdoutOutput(streamWriter(stream()), STREAM_WRITE_BYTES);
}

/** /dev/null and its kin (major 1): writing to them never blocks. A terminal is a character device too. */
function isNullDevice(rdev: number): boolean {
  return rdev >> 8 === 1;
}

/** Writes a part of the bytes and resolves with how many the kernel took. */
type Write = (bytes: Uint8Array) => Promise<number>;

class StdoutOutput implements Output {
  readonly concurrency = 1;
  readonly #write: Write;
  readonly #maxBytes: number;
  /** What small pieces are put together in. */
  readonly #packet = Buffer.allocUnsafeSlow(PACKED_BYTES);
  /** A chunk that was written in part: the next attempt goes on behind it, so that no line is torn. */
  #begun: { readonly id: string; bytes: number } | undefined;

  constructor(write: Write, maxBytes: number) {
    this.#write = write;
    this.#maxBytes = maxBytes;
  }

  async deliver(chunk: Chunk): Promise<void> {
    if (this.#begun?.id !== chunk.id) this.#begun = { id: chunk.id, bytes: 0 };
    const begun = this.#begun;
    for (;;) {
      const next = this.#next(chunk.payload, begun.bytes);
      if (next.length === 0) break;
      begun.bytes += await this.#attempt(next);
    }
    this.#begun = undefined;
  }

  /** What goes into the next write: as many bytes of the pieces as may, from this place in them on. */
  #next(pieces: readonly Uint8Array[], offset: number): Uint8Array {
    let packed = 0;
    let from = offset;
    for (const piece of pieces) {
      const rest = piece.subarray(from);
      from = Math.max(0, from - piece.length);
      if (packed === 0 && rest.length >= PACKED_BYTES) return rest.subarray(0, this.#maxBytes);
      const part = rest.subarray(0, PACKED_BYTES - packed);
      this.#packet.set(part, packed);
      packed += part.length;
      if (packed === PACKED_BYTES) break;
    }
    return this.#packet.subarray(0, packed);
  }

  async #attempt(bytes: Uint8Array): Promise<number> {
    try {
      return await this.#write(bytes);
    } catch (error) {
      if (error instanceof Error && 'code' in error && CLOSED.has(error.code)) {
        throw new OutputClosedError('nobody reads standard output any more', { cause: error });
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    // The descriptor is the process's own: it closes with the process.
  }
}

const CLOSED: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

function fileWriter(fd: number): Write {
  return async (bytes) => (await writeAt(fd, bytes)).bytesWritten;
}

function streamWriter(stream: StdoutStream): Write {
  let failure: Error | undefined;
  // A stream that has failed once does not come back; without a listener the process would end here.
  stream.on('error', (error) => (failure = error));
  return (bytes) =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure);
      stream.write(bytes, (error) => (error ? reject(error) : resolve(bytes.length)));
      return undefined;
    });
}
