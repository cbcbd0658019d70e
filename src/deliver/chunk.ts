/**
 * The unit that travels from event/ through deliver/ to an output: a block encoded for the output.
 * Knows nothing of sockets and files; an output may only read it.
 */

/** How many events, and how many bytes of the source file they took (separators included). */
export interface Tally {
  readonly events: number;
  readonly bytes: number;
}

/** The accounts of a chunk, one for each thing that can happen to a byte that was read. */
export interface ChunkAccounts {
  readonly delivered: Tally;
  readonly filtered: Tally;
}

/** An encoded block. It never changes after it was made: a resent chunk is byte-identical. */
export interface Chunk {
  /** Stable for a given generation and range: `<fingerprint>-<start>-<end>`. */
  readonly id: string;
  /** What the output writes, in order. Empty when every event of the block was filtered. */
  readonly payload: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly accounts: ChunkAccounts;
}
