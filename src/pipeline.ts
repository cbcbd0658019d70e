/**
 * The middle of the way: blocks become chunks, go to the dispatcher, and settle in the ledger of their generation.
 * Part of the composition root; it knows the stages' nouns, and no files and no outputs.
 */
import { Accounts } from './deliver/accounts.ts';
import {
  addAccounts,
  chunkId,
  NO_ACCOUNTS,
  sizeOf,
  type Chunk,
  type SettledAccounts,
} from './deliver/chunk.ts';
import { Chunker, type Parcel } from './deliver/chunker.ts';
import type { Letter } from './deliver/dead-letter.ts';
import type { Dispatcher } from './deliver/dispatcher.ts';
import { Ledger } from './deliver/ledger.ts';
import type { Place, Window } from './deliver/window.ts';
import type { Block } from './event/block.ts';
import { withoutBodies } from './event/bodies.ts';
import { divide } from './event/divide.ts';
import type { Transcoder } from './event/transcoder.ts';
import type { Log } from './observe/log.ts';
import type { BlockSink, Loss, TailObserver } from './tail/tail.ts';

export interface PipelineParts {
  readonly window: Window;
  readonly transcoder: Transcoder;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  readonly onFilesChanged: () => void;
  /** Whether checkpoints are kept: without them nobody asks for a generation that is settled. */
  readonly remembers: boolean;
  /** See deliver/chunker.ts. */
  readonly chunkBytes: number;
  readonly lingerMs: number;
}

/** A block on its way, with what is to be given back when it is settled. */
interface Encoded extends Parcel {
  readonly block: Block;
  readonly place: Place;
}

/** The ledger of a generation, and what a checkpoint calls it by. */
export interface LedgerEntry {
  readonly log: string;
  readonly fingerprint: string;
  readonly ledger: Ledger;
}

export class Pipeline implements BlockSink, TailObserver {
  readonly accounts = new Accounts();
  /** By generation key; from the first block until the generation is forgotten and settled. */
  readonly ledgers = new Map<number, LedgerEntry>();
  /** How often something was settled or lost. */
  #changes = 0;
  readonly #parts: PipelineParts;
  readonly #chunker: Chunker<Encoded>;
  /** What each chunk was made of: to divide it when no receiver takes it. */
  readonly #blocks = new WeakMap<Chunk, readonly Block[]>();
  /** Losses that no ledger knows of, not told to the checkpoints yet. */
  #losses: { readonly log: string; readonly loss: Loss }[] = [];

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#chunker = new Chunker<Encoded>({
      maxBytes: parts.chunkBytes,
      lingerMs: parts.lingerMs,
      emit: (chunk, parcels) => this.#submit(chunk, parcels),
    });
  }

  async reserve(signal: AbortSignal): Promise<Place> {
    const { window } = this.#parts;
    // What waits for company would wait in vain.
    if (window.isFull) this.#chunker.flush();
    return window.reserve(signal);
  }

  accept(block: Block, place: Place): void {
    const { ledger } = this.#entry(block);
    ledger.issue({ start: block.start, end: block.end, endsLine: block.kind !== 'part' });
    this.accounts.read(block.end - block.start);
    const { payload, accounts, invalid } = this.#parts.transcoder.transcode(block);
    for (const reason of invalid) this.accounts.invalid(reason);
    const payloadBytes = sizeOf(payload);
    const { log, generation, fingerprint, start, end } = block;
    const range = { log, generation, fingerprint, start, end };
    this.#chunker.add({ ...range, payload, payloadBytes, accounts, block, place });
  }

  /** The same as before when no ledger has moved. */
  get revision(): number {
    return this.#changes;
  }

  get isFull(): boolean {
    return this.#parts.window.isFull;
  }

  caughtUp(log: string): void {
    this.#chunker.caughtUp(log);
  }

  /** Nothing more is coming: what waits for company goes on its way. */
  flush(): void {
    this.#chunker.flush();
  }

  /** The halves of a chunk; none of a chunk with a single line. */
  divide(chunk: Chunk): readonly Chunk[] {
    return divide(this.#blocksOf(chunk)).map((blocks) => this.#encode(blocks));
  }

  /** A chunk with a single event, without its bodies; undefined when it has none. */
  strip(chunk: Chunk): Chunk | undefined {
    const [block] = this.#blocksOf(chunk);
    const line = block?.kind === 'lines' ? withoutBodies(block.bytes) : undefined;
    return block && line && this.#encode([{ ...block, bytes: line }], '-truncated');
  }

  /** A chunk with a single line, as a dead letter. */
  letter(chunk: Chunk): Omit<Letter, 'reason'> {
    const [block] = this.#blocksOf(chunk);
    if (block === undefined) throw new Error('a chunk that was made of nothing');
    const { log, fingerprint, start, end, kind, bytes } = block;
    return { log, fingerprint, offset: start, bytes: end - start, kind, line: bytes };
  }

  #submit(chunk: Chunk, parcels: readonly Encoded[]): void {
    this.#blocks.set(
      chunk,
      parcels.map(({ block }) => block),
    );
    const settled = (accounts: SettledAccounts): void => {
      this.accounts.settled(accounts);
      for (const parcel of parcels) this.#settle(parcel);
      if (parcels[0] !== undefined) this.#chunker.settled(parcels[0].log);
    };
    // A rule of the user left nothing of it.
    if (chunk.payloadBytes === 0) settled(addAccounts(NO_ACCOUNTS, chunk.accounts));
    else this.#parts.dispatcher.submit(chunk, settled);
  }

  #settle({ block, payload, place }: Encoded): void {
    const { ledger } = this.#entry(block);
    ledger.settle(block.start, block.end);
    this.#changes += 1;
    if (!this.#parts.remembers && ledger.isSettled) this.ledgers.delete(block.generation);
    this.#parts.transcoder.recycle(payload);
    place.release();
  }

  #blocksOf(chunk: Chunk): readonly Block[] {
    return this.#blocks.get(chunk) ?? [];
  }

  /** A chunk beside the usual way; its blocks are on the way already. */
  #encode(blocks: readonly Block[], ending = ''): Chunk {
    const chunk = encodeChunk(this.#parts.transcoder, blocks);
    const named = { ...chunk, id: `${chunk.id}${ending}` };
    this.#blocks.set(named, blocks);
    return named;
  }

  skip(_generation: number, start: number, end: number): void {
    this.accounts.skipped(end - start);
  }

  rotated(): void {
    this.accounts.rotated();
  }

  lost(log: string, loss: Loss): void {
    this.accounts.lost(loss.bytes);
    this.#changes += 1;
    if (this.#parts.remembers && !this.#settleLoss(log, loss)) this.#losses.push({ log, loss });
    this.#parts.log.error('lost: the file was deleted or cut before it was read to its end', {
      path: loss.path,
      from_offset: loss.from,
      bytes: loss.bytes,
    });
  }

  filesChanged(): void {
    this.#parts.onFilesChanged();
  }

  /** Behind bytes that are still on their way a loss settles in the ledger: no checkpoint may pass those. */
  #settleLoss(log: string, { fingerprint, from, bytes }: Loss): boolean {
    for (const { log: owner, fingerprint: known, ledger } of this.ledgers.values()) {
      if (owner !== log || known !== fingerprint || ledger.issuedTo !== from) continue;
      ledger.issue({ start: from, end: from + bytes, endsLine: true });
      ledger.settle(from, from + bytes);
      return true;
    }
    return false;
  }

  /** Losses that no ledger knows of, since the last call. */
  takeLosses(): readonly { readonly log: string; readonly loss: Loss }[] {
    const losses = this.#losses;
    this.#losses = [];
    return losses;
  }

  #entry(block: Block): LedgerEntry {
    const known = this.ledgers.get(block.generation);
    if (known !== undefined) return known;
    const { log, fingerprint } = block;
    const entry = { log, fingerprint, ledger: new Ledger(block.start) };
    this.ledgers.set(block.generation, entry);
    return entry;
  }
}

/** A chunk of blocks that follow each other, outside the way of the data. */
export function encodeChunk(transcoder: Transcoder, blocks: readonly Block[]): Chunk {
  const encoded = blocks.map((block) => transcoder.transcode(block));
  const payload = encoded.flatMap((one) => one.payload);
  const { fingerprint = '', start = 0 } = blocks[0] ?? {};
  return {
    id: chunkId(fingerprint, start, blocks.at(-1)?.end ?? 0),
    payload,
    payloadBytes: sizeOf(payload),
    accounts: encoded.reduce((sum, one) => addAccounts(sum, one.accounts), NO_ACCOUNTS),
  };
}
