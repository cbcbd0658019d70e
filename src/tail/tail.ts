/**
 * The nouns between tail/ and whoever composes it: what a tail is told, what it hands on, what it tells about.
 */
import type { Block, ByteRange } from '../event/block.ts';
import type { Log } from '../observe/log.ts';
import type { Descriptors } from './descriptors.ts';
import type { Problems } from './problems.ts';

/** Where bytes are read into. */
export interface Room {
  readonly slab: Buffer;
  /** Makes the slab larger, for a single line; what was read stays in it. Rejects when reading is to end. */
  enlarge(bytes: number): Promise<void>;
}

/** A place in the window: what is read goes into its slab and stays there until it is settled. */
export interface Slot extends Room {
  /** Gives an unused place back. */
  release(): void;
}

/** The next stage, as tail/ sees it. */
export interface BlockSink {
  /** Waits until there is room for more of the log. Rejects when the signal is aborted. */
  reserve(signal: AbortSignal, log: string): Promise<Slot>;
  /** Whether `reserve` may wait: then nothing that was read may be held back. */
  readonly isFull: boolean;
  /** Takes over the block and its slot. @param isAll with it everything was handed on, as `caughtUp` says. */
  accept(block: Block, slot: Slot, isAll?: boolean): void;
  /** Everything that the log has was handed on, for now: nobody need wait for more. */
  caughtUp(log: string): void;
  /** These bytes are left out: before `--from`, or a hole of NULs. */
  skip(range: ByteRange): void;
}

/**
 * Why bytes were lost: their file was deleted before they were read, or cut (copytruncate), or it was deleted and held,
 * and given up because such files took too much of the disk.
 */
export type LossReason = 'deleted' | 'cut' | 'held_limit';

/** Bytes that can never be read. They end where the file was last seen to, be it where it was read to. */
export interface Loss extends ByteRange {
  /**
   * The file was the active one when it was last seen: nobody knows how much was written to it since, and to others that
   * came and went meanwhile.
   */
  readonly isAtLeast: boolean;
  /** Where the file was last seen. */
  readonly path: string;
  readonly reason: LossReason;
  /** No later than then the last of them were written, in ms since the epoch. */
  readonly untilMs: number;
}

/** A backup appeared in its place; it vanished; it was cut or written anew. */
export type RotationKind = 'renamed' | 'removed' | 'cut';

/** What tail/ tells about: everything that is worth counting. */
export interface TailObserver {
  /** @param kind of what became of the active file. */
  rotated(kind: RotationKind): void;
  lost(loss: Loss): void;
  /** Something appeared, vanished or was renamed in the log's directory: other logs may have. */
  filesChanged(): void;
}

/** Makes one line short that is too long to be held: it is fed with the line in pieces, without the newline. */
export interface LineReducer {
  add(piece: Buffer): void;
  /** What is left of it, with a newline; or why nothing shorter can be made of it. */
  end(): { readonly line: Buffer } | { readonly refusal: string };
}

export interface LogTailOptions {
  readonly follow: boolean;
  /** Whether this run is remembered: then a last line without a newline is left for the next one. */
  readonly remembers: boolean;
  /** No longer line is handed on, its newline included. */
  readonly maxEventBytes: number;
  /** For a line that is longer. */
  readonly makeReducer: () => LineReducer;
  readonly from: StartAt;
  /** The offset of the first line in a block whose event is not before the time; undefined when there is none. */
  readonly firstLineSince: (lines: Buffer, epochMs: number) => number | undefined;
  /** The time of the event in a line, in ms since the epoch. */
  readonly timeOf: (line: Buffer) => number | undefined;
  /** How many logs are followed beside each other, this one included. */
  readonly logCount: () => number;
}

export type StartAt =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'end' }
  | { readonly kind: 'time'; readonly epochMs: number };

export interface LogTailParts {
  readonly sink: BlockSink;
  readonly observer: TailObserver;
  readonly descriptors: Descriptors;
  readonly problems: Problems;
  readonly log: Log;
}

/** What a checkpoint remembers of a generation. */
export interface Remembered {
  readonly path: string;
  readonly fingerprint: string;
  readonly dev: number;
  readonly ino: number;
  readonly offset: number;
  readonly size: number;
  /** It belonged to a log that is not there any more: known again by its content only, and not missed. */
  readonly orphan: boolean;
  /** It had its end before it was gone, or that it may have grown was told already. */
  readonly isMissed?: boolean;
}

/** A generation as a checkpoint or a report needs it. */
export interface GenerationView {
  readonly key: number;
  readonly path: string;
  readonly fingerprint: string;
  readonly dev: number;
  readonly ino: number;
  /** Bytes of decompressed content, as far as they are known. */
  readonly size: number;
  /** The next byte to read. */
  readonly position: number;
  /** False when it is nowhere on disk any more. */
  readonly present: boolean;
}
