/**
 * Decompresses gzip files, one after the other: zlib's own state is made once and used again. Between two calls
 * nothing is read from the file. It knows nothing of lines, names and offsets in logs.
 *
 * A stream a file would be simpler. But V8 frees what hangs on a native handle only in a full collection, and with
 * thousands of small backups that is tens of megabytes of buffers (docs/decisions/0004-v8-flags.md).
 */
import { read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { constants, createGunzip, type Gunzip } from 'node:zlib';

const readAt = promisify(readCallback);

/** Compressed bytes read at a time: some hundred KiB of events. */
const READ_BYTES = 64 * 1024;
/** Size of the pieces that zlib hands out; what is lost of a damaged file is at most a few of them. */
const PIECE_BYTES = 64 * 1024;
/** How many wait for the next file: one for each log that is read at the same time, of which a node has few. */
const MAX_IDLE = 4;

/** The types leave `reset` out; zlib's documentation has it for every class. */
type ResettableGunzip = Gunzip & { reset(): void };

const idle: Decompressor[] = [];

export class Decompressor {
  readonly #gunzip: ResettableGunzip;
  /** zlib is done with it before more is read. */
  readonly #compressed = Buffer.allocUnsafeSlow(READ_BYTES);
  #fd = -1;
  #position = 0;
  /** What zlib does with its input: it waits for some, it has some, or there is no more. */
  #input: 'wanted' | 'given' | 'ended' = 'wanted';
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** The decompressor of an open file, at its beginning. */
  static of(fd: number): Decompressor {
    const decompressor = idle.pop() ?? new Decompressor();
    decompressor.#fd = fd;
    decompressor.#position = 0;
    decompressor.#input = 'wanted';
    return decompressor;
  }

  private constructor() {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: PIECE_BYTES };
    this.#gunzip = createGunzip(options) as ResettableGunzip;
    const wake = (): void => this.#wake?.();
    this.#gunzip.on('readable', wake).on('end', wake);
    this.#gunzip.on('error', (error) => {
      this.#failure = error;
      wake();
    });
  }

  /**
   * The next decompressed bytes; undefined at the end. A file that is cut short gives what it holds: the caller sees
   * by its length that something is missing.
   * @throws the error of zlib or of the read, once everything before it was taken.
   */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const piece = this.#gunzip.read() as Buffer | null;
      if (piece !== null) return piece;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#input === 'ended' || this.#gunzip.readableEnded) return undefined;
      const news = new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#input === 'given' || (await this.#feed())) await news;
    }
  }

  /** To be called once; not while a call of `next` is under way. */
  close(): void {
    // Only at the end of a file nothing is left in zlib that would come out in front of the next one.
    if (this.#input !== 'ended' || this.#gunzip.readableEnded || idle.length >= MAX_IDLE) {
      this.#gunzip.destroy();
      return;
    }
    this.#gunzip.reset();
    idle.push(this);
  }

  /** @returns whether there was anything to feed. */
  async #feed(): Promise<boolean> {
    const buffer = this.#compressed;
    const { bytesRead } = await readAt(this.#fd, buffer, 0, buffer.length, this.#position);
    this.#position += bytesRead;
    if (bytesRead === 0) {
      this.#input = 'ended';
      return false;
    }
    this.#input = 'given';
    this.#gunzip.write(buffer.subarray(0, bytesRead), () => {
      this.#input = 'wanted';
      this.#wake?.();
    });
    return true;
  }
}
