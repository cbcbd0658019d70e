/**
 * Compression of a chunk's entries, on the threads of libuv and not on the main one. Pure but for the work.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Compressed } from './message.ts';

/** Audit events shrink to a tenth at any level; the lowest costs a third of the default's time. */
const GZIP_LEVEL = 1;

type Compressor = (entries: Buffer) => Promise<Buffer>;

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);

/** Node has zstd since 22.15; @types/node of the oldest supported version does not know it. */
type Zstd = (bytes: Buffer, done: (error: Error | null, result: Buffer) => void) => void;

/** @throws Error where this Node has no such compression; the configuration refuses it before. */
export function compressorOf(kind: Compressed): Compressor {
  if (kind === 'gzip') return async (entries) => gzip(entries, { level: GZIP_LEVEL });
  const { zstdCompress } = zlib as unknown as { readonly zstdCompress?: Zstd };
  if (zstdCompress === undefined) throw new Error('zstd needs Node 22.15 or newer');
  return promisify<Buffer, Buffer>(zstdCompress);
}
