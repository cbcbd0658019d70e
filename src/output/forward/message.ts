/**
 * A chunk as a message of the Forward protocol, in PackedForward mode: `[tag, entries, {size, chunk, compressed?}]`.
 * Sans-IO. The same chunk gives the same bytes: a resent message is byte-identical.
 * https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
 */
import { hash } from 'node:crypto';
import { sizeOf, type Chunk } from '../../deliver/chunk.ts';
import { arrayHeader, binHeader, mapHeader, str, uint32 } from '../../msgpack.ts';

export interface Message {
  /** The receiver acknowledges with it. */
  readonly id: string;
  /** To be written in order. The entries are those of the chunk, not a copy. */
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

/** What stands in the `compressed` option, and in the entries. */
export type Compressed = 'gzip' | 'zstd';

/** The `chunk` option is base64 of 128 bits. */
const CHUNK_ID_BYTES = 16;

/** What is the same in each message. */
const THREE_PARTS = arrayHeader(3);
const TWO_OPTIONS = mapHeader(2);
const THREE_OPTIONS = mapHeader(3);
const SIZE_KEY = str('size');
const CHUNK_KEY = str('chunk');

/** The id under which a chunk is sent: the same for the same chunk, whenever and on whatever connection. */
export function messageId(chunkId: string): string {
  return hash('sha256', chunkId, 'buffer').toString('base64', 0, CHUNK_ID_BYTES);
}

/** @param entries the chunk's payload, or what the compression made of it. */
export function packedForward(
  tag: string,
  chunk: Pick<Chunk, 'id' | 'accounts'>,
  entries: readonly Uint8Array[],
  compressed?: Compressed,
): Message {
  const id = messageId(chunk.id);
  const length = sizeOf(entries);
  const head = Buffer.concat([THREE_PARTS, str(tag), binHeader(length)]);
  const tail = Buffer.concat([
    compressed === undefined ? TWO_OPTIONS : THREE_OPTIONS,
    SIZE_KEY,
    uint32(chunk.accounts.delivered.events),
    CHUNK_KEY,
    str(id),
    ...(compressed === undefined ? [] : [str('compressed'), str(compressed)]),
  ]);
  return { id, pieces: [head, ...entries, tail], bytes: head.length + length + tail.length };
}

/**
 * A message without entries, in Forward mode: a receiver that lives acknowledges it and stores nothing. (Without
 * entries Fluent Bit takes PackedForward for an error.)
 */
export function emptyMessage(tag: string, name: string): Message {
  const id = messageId(name);
  const bytes = Buffer.concat([
    THREE_PARTS,
    str(tag),
    arrayHeader(0),
    mapHeader(1),
    CHUNK_KEY,
    str(id),
  ]);
  return { id, pieces: [bytes], bytes: bytes.length };
}
