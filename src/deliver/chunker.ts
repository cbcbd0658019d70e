/**
 * Joins encoded blocks that follow each other to chunks: a busy log goes out in large chunks, a quiet one at once. It
 * knows ranges and sizes, and nothing of what is in them.
 */
import { addAccounts, chunkId, NO_ACCOUNTS, type Chunk, type ChunkAccounts } from './chunk.ts';

/** A block, encoded. */
export interface Parcel {
  /** Chunks of one log keep their order. */
  readonly log: string;
  readonly generation: number;
  readonly fingerprint: string;
  /** Range in the generation. */
  readonly start: number;
  readonly end: number;
  readonly payload: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly accounts: ChunkAccounts;
}

export interface ChunkerOptions<P extends Parcel> {
  /** A chunk is closed before its payload would be larger, unless a single parcel is. */
  readonly maxBytes: number;
  /** How long an open chunk waits for more, at most; 0 closes it at once. */
  readonly lingerMs: number;
  readonly emit: (chunk: Chunk, parcels: readonly P[]) => void;
}

/** The open chunk of a log. */
interface Open<P extends Parcel> {
  readonly parcels: P[];
  payloadBytes: number;
  /** All that there is of the log is in it: it waits only for what is in flight. */
  isWhole: boolean;
  /** Undefined until it is known that it stays open. */
  timer: NodeJS.Timeout | undefined;
}

export class Chunker<P extends Parcel> {
  readonly #options: ChunkerOptions<P>;
  /** By log. The window bounds what they hold. */
  readonly #open = new Map<string, Open<P>>();
  /** How many chunks of a log are emitted and not settled; no entry for none. */
  readonly #inFlight = new Map<string, number>();

  constructor(options: ChunkerOptions<P>) {
    this.#options = options;
  }

  /** @param isAll nothing more of the log is there: as if `caughtUp` were called behind it. */
  add(parcel: P, isAll = false): void {
    const { maxBytes, lingerMs } = this.#options;
    const { log, payloadBytes } = parcel;
    const open = this.#open.get(log);
    if (open !== undefined && !fits(open, parcel, maxBytes)) this.#close(log);
    const into = this.#open.get(log) ?? this.#begin(log);
    into.parcels.push(parcel);
    into.payloadBytes += payloadBytes;
    into.isWhole ||= isAll;
    const isDone = into.payloadBytes >= maxBytes || (isAll && !this.#inFlight.has(log));
    if (lingerMs === 0 || isDone) this.#close(log);
    else into.timer ??= setTimeout(() => this.#close(log), lingerMs);
  }

  /**
   * Nothing more of the log is there to be read. Its chunk goes at once when nothing of the log is in flight, and
   * otherwise with the last ack (Nagle's idea): a quiet log does not wait, and a busy one sends no small chunks.
   */
  caughtUp(log: string): void {
    const open = this.#open.get(log);
    if (open === undefined) return;
    open.isWhole = true;
    if (!this.#inFlight.has(log)) this.#close(log);
  }

  /** A chunk of the log is settled. */
  settled(log: string): void {
    const left = (this.#inFlight.get(log) ?? 0) - 1;
    if (left > 0) {
      this.#inFlight.set(log, left);
      return;
    }
    this.#inFlight.delete(log);
    if (this.#open.get(log)?.isWhole === true) this.#close(log);
  }

  /** Closes all open chunks: nobody waits for more. */
  flush(): void {
    for (const log of this.#open.keys()) this.#close(log);
  }

  #begin(log: string): Open<P> {
    const open: Open<P> = { parcels: [], payloadBytes: 0, isWhole: false, timer: undefined };
    this.#open.set(log, open);
    return open;
  }

  #close(log: string): void {
    const open = this.#open.get(log);
    if (open === undefined) return;
    this.#open.delete(log);
    clearTimeout(open.timer);
    const { parcels, payloadBytes } = open;
    const { payload, accounts } = contentOf(parcels);
    const chunk: Chunk = { id: idOf(parcels), payload, payloadBytes, accounts };
    this.#inFlight.set(log, (this.#inFlight.get(log) ?? 0) + 1);
    this.#options.emit(chunk, parcels);
  }
}

function idOf(parcels: readonly Parcel[]): string {
  const first = parcels[0];
  const last = parcels.at(-1);
  if (first === undefined || last === undefined) throw new Error('a chunk that is made of nothing');
  return chunkId(first.fingerprint, first.start, last.end);
}

/** Most chunks of a quiet log are a single parcel. */
function contentOf(parcels: readonly Parcel[]): Pick<Chunk, 'payload' | 'accounts'> {
  const first = parcels[0];
  if (first !== undefined && parcels.length === 1) return first;
  return {
    payload: parcels.flatMap(({ payload }) => payload),
    accounts: parcels.reduce((sum, { accounts }) => addAccounts(sum, accounts), NO_ACCOUNTS),
  };
}

/** One generation without a gap, and not too large. */
function fits<P extends Parcel>({ parcels, payloadBytes }: Open<P>, next: P, max: number): boolean {
  const last = parcels.at(-1);
  const follows = last?.generation === next.generation && last.end === next.start;
  return follows && payloadBytes + next.payloadBytes <= max;
}
