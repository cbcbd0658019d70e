/**
 * The unit that travels from tail/ to event/: a run of whole lines of one generation, with its byte range.
 * Knows nothing of files, descriptors or outputs.
 */

/**
 * - `lines`: whole lines, the last one with its newline (or without it at the generation's final end).
 * - `reduced`: what is left of one line that is longer than `max_event_bytes`, with a newline.
 * - `part`: a piece of such a line of which nothing shorter can be made; more of it follows.
 * - `last-part`: its last piece.
 */
export type BlockKind = 'lines' | 'reduced' | 'part' | 'last-part';

/** A line that goes out in parts. */
export interface LongLine {
  readonly start: number;
  /** Behind its newline, if it has one. */
  readonly end: number;
  /** Why nothing shorter can be made of it. */
  readonly reason: string;
}

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

/**
 * A range with what was read of it: `bytes.length === end - start`, but for what is reduced, where the range is that of
 * the whole line.
 */
export interface Block extends ByteRange {
  readonly kind: BlockKind;
  readonly bytes: Buffer;
  /** Of a part: its line. */
  readonly line?: LongLine | undefined;
}
