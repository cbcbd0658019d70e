/**
 * Compression of a chunk's entries, on the threads of libuv and not on the main one. Pure but for the work.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Chunk } from '../../deliver/chunk.ts';
import type { Compressed } from './message.ts';

/** Audit events shrink to a tenth at any level; the lowest costs a third of the default's time. */
const GZIP_LEVEL = 1;

const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);

/** Node has zstd since 22.15; @types/node of the oldest supported version does not know it. */
type Zstd = (bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void) => void;

/** As many as chunks are in flight as a rule. */
const MAX_KEPT = 8;

export class Compressor {
  readonly #compress: (entries: Uint8Array) => Promise<Buffer>;
  /**
   * Buffers to use again: V8 lets 64 MB of buffers become garbage before it looks at them, and each chunk would add
   * one.
   */
  readonly #kept: Buffer[] = [];

  /** @throws Error where this Node has no such compression; the configuration refuses it before. */
  constructor(kind: Compressed) {
    this.#compress = compressionOf(kind);
  }

  async compress({ payload, payloadBytes }: Pick<Chunk, 'payload' | 'payloadBytes'>) {
    const [first] = payload;
    // Nobody writes over it before the chunk is settled.
    if (first !== undefined && payload.length === 1) return this.#compress(first);
    return this.#compressJoined(payload, payloadBytes);
  }

  async #compressJoined(payload: Chunk['payload'], payloadBytes: number): Promise<Buffer> {
    const kept = this.#kept.pop();
    const buffer =
      kept !== undefined && kept.length >= payloadBytes
        ? kept
        : Buffer.allocUnsafeSlow(payloadBytes);
    let length = 0;
    for (const piece of payload) {
      buffer.set(piece, length);
      length += piece.length;
    }
    try {
      return await this.#compress(buffer.subarray(0, length));
    } finally {
      if (this.#kept.length < MAX_KEPT) this.#kept.push(buffer);
    }
  }
}

function compressionOf(kind: Compressed): (entries: Uint8Array) => Promise<Buffer> {
  if (kind === 'gzip') return async (entries) => gzip(entries, { level: GZIP_LEVEL });
  const { zstdCompress } = zlib as unknown as { readonly zstdCompress?: Zstd };
  if (zstdCompress === undefined) throw new Error('zstd needs Node 22.15 or newer');
  return promisify<Uint8Array, Buffer>(zstdCompress);
}
