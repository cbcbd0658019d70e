/**
 * The unit that travels from tail/ to event/: a run of whole lines of one generation, with its byte range.
 * Knows nothing of files, descriptors or outputs.
 */

/**
 * - `lines`: whole lines, the last one with its newline (or without it at the generation's final end).
 * - `part`: a piece of one line that is longer than `max_event_bytes`; more of it follows.
 * - `last-part`: the last piece of such a line.
 */
export type BlockKind = 'lines' | 'part' | 'last-part';

/** Bytes [start, end) of one generation; offsets count decompressed bytes. */
export interface ByteRange {
  /** The generation that the bytes belong to; a number that is unique in this process. */
  readonly generation: number;
  /** Path of the log's active file, also while the bytes come from one of its backups. */
  readonly log: string;
  /** Fingerprint of the generation (see tail/fingerprint.ts). */
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
}

/** A range with what was read of it: `bytes.length === end - start`. */
export interface Block extends ByteRange {
  readonly kind: BlockKind;
  readonly bytes: Buffer;
}
