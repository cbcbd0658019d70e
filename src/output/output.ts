/**
 * What an output is: the last stage of the way of the data. It takes one chunk at a time and says when the
 * receiver has it. It knows nothing of files, offsets and checkpoints, and it never decides to give up.
 */
import type { Chunk } from '../deliver/chunk.ts';

/** The receiver has gone for good (EPIPE on stdout): delivering stops, nothing more is settled. */
export class OutputClosedError extends Error {
  readonly code = 'OUTPUT_CLOSED';
}

export interface Output {
  /**
   * Resolves when the receiver has the whole chunk; the chunk is settled then, and not before.
   * Rejects when this attempt failed; the caller delivers the same chunk again, and an output that had
   * already handed over a part of it goes on behind that part. Rejects with OutputClosedError when no
   * attempt can succeed any more.
   */
  deliver(chunk: Chunk): Promise<void>;
  /** Lets go of whatever the output holds. Never rejects. */
  close(): Promise<void>;
}
