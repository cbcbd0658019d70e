/**
 * The unit that travels from event/ through deliver/ to an output: a block, or several that follow each other,
 * encoded for the output. Knows nothing of sockets and files; an output may only read it.
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

/** What became of a chunk in the end. */
export interface SettledAccounts extends ChunkAccounts {
  readonly deadLettered: Tally;
}

/** What became of bytes of one generation. While it is read from its beginning, they add up to how far that is. */
export interface GenerationAccounts extends SettledAccounts {
  /** Left out unread: before `--from`, or a hole of NULs. */
  readonly skippedBytes: number;
  /** Deleted or overwritten before they were read. */
  readonly lostBytes: number;
  /** Settled by a version of this program that kept no accounts. */
  readonly earlierBytes: number;
}

/** Encoded blocks. It never changes after it was made: a resent chunk is byte-identical. */
export interface Chunk {
  /** Stable for a given generation and range: `<fingerprint>-<start>-<end>`. */
  readonly id: string;
  /** What the output writes, in order. Empty when every event of the block was filtered. */
  readonly payload: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly accounts: ChunkAccounts;
}

/** How many bytes the pieces have together. */
export function sizeOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** The id of the chunk that holds bytes [start, end) of a generation. */
export function chunkId(fingerprint: string, start: number, end: number): string {
  return `${fingerprint}-${start}-${end}`;
}

const NOTHING: Tally = { events: 0, bytes: 0 };

export const NO_ACCOUNTS: SettledAccounts = {
  delivered: NOTHING,
  filtered: NOTHING,
  deadLettered: NOTHING,
};

export const NOTHING_SETTLED: GenerationAccounts = {
  ...NO_ACCOUNTS,
  skippedBytes: 0,
  lostBytes: 0,
  earlierBytes: 0,
};

/** @param more what is left out is zero. */
export function addToGeneration(
  sum: GenerationAccounts,
  more: Partial<GenerationAccounts>,
): GenerationAccounts {
  // Spelt out: copies of objects by spreading were a tenth of all garbage.
  return {
    delivered: addTallies(sum.delivered, more.delivered ?? NOTHING),
    filtered: addTallies(sum.filtered, more.filtered ?? NOTHING),
    deadLettered: addTallies(sum.deadLettered, more.deadLettered ?? NOTHING),
    skippedBytes: sum.skippedBytes + (more.skippedBytes ?? 0),
    lostBytes: sum.lostBytes + (more.lostBytes ?? 0),
    earlierBytes: sum.earlierBytes + (more.earlierBytes ?? 0),
  };
}

/** How many bytes came to an account. */
export function accountedBytes(accounts: Partial<GenerationAccounts>): number {
  const { delivered, filtered, deadLettered } = accounts;
  const { skippedBytes = 0, lostBytes = 0, earlierBytes = 0 } = accounts;
  const settled = (delivered?.bytes ?? 0) + (filtered?.bytes ?? 0) + (deadLettered?.bytes ?? 0);
  return settled + skippedBytes + lostBytes + earlierBytes;
}

export function addAccounts(
  a: SettledAccounts,
  b: ChunkAccounts & Partial<SettledAccounts>,
): SettledAccounts {
  return {
    delivered: addTallies(a.delivered, b.delivered),
    filtered: addTallies(a.filtered, b.filtered),
    deadLettered: addTallies(a.deadLettered, b.deadLettered ?? NOTHING),
  };
}

function addTallies(a: Tally, b: Tally): Tally {
  return { events: a.events + b.events, bytes: a.bytes + b.bytes };
}
