/**
 * What an output is: the last stage of the way of the data. It takes chunks and says when the receiver has each. It
 * knows nothing of files, offsets and checkpoints, and it never decides to give up.
 */
import type { Chunk } from '../deliver/chunk.ts';

/** The receiver has gone for good (EPIPE on stdout): delivering stops, nothing more is settled. */
export class OutputClosedError extends Error {
  readonly code = 'OUTPUT_CLOSED';
}

/** A word for machines of any error: its code, or its name. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** An attempt that failed, as far as the next one must know. */
export class DeliveryError extends Error {
  /** A word for machines: of the system (ECONNREFUSED), of TLS, or of the output itself. */
  readonly code: string;
  /** The chunk may be why: it was the one that the receiver had before it, or passed over. */
  readonly suspect: boolean;
  /** Another receiver is ready: the next attempt need not wait. */
  readonly elsewhere: boolean;

  constructor(
    message: string,
    options: {
      readonly code: string;
      readonly suspect?: boolean;
      readonly elsewhere?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.suspect = options.suspect ?? false;
    this.elsewhere = options.elsewhere ?? false;
  }
}

/**
 * What a receiver does with one chunk: it takes it, it refuses this one while it takes others, or nobody can tell
 * because it takes nothing at all.
 */
export type Verdict = 'taken' | 'refused' | 'unavailable';

export interface Output {
  /** How many chunks may be on their way at once. */
  readonly concurrency: number;
  /**
   * Resolves when the receiver has the whole chunk; the chunk is settled then, and not before. Chunks go out in the
   * order of the calls. Rejects when this attempt failed; the caller delivers the same chunk again, and an output
   * that had already handed over a part of it goes on behind that part. Rejects with OutputClosedError when no
   * attempt can succeed any more.
   */
  deliver(chunk: Chunk): Promise<void>;
  /** Tries a suspect chunk by itself, beside the others. An output without it never refuses a single chunk. */
  readonly examine?: (chunk: Chunk) => Promise<Verdict>;
  /** The receivers, as far as the output knows; an output without it has none by name. */
  readonly upstreams?: () => readonly { readonly name: string; readonly isUp: boolean }[];
  /** Lets go of whatever the output holds. Never rejects. */
  close(): Promise<void>;
}
