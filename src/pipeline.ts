/**
 * The middle of the way: a block becomes a chunk, goes to the dispatcher, and settles in the ledger of its
 * generation. Part of the composition root; it knows the stages' nouns, and no files and no outputs.
 */
import type { Chunk } from './deliver/chunk.ts';
import { Accounts } from './deliver/accounts.ts';
import type { Dispatcher } from './deliver/dispatcher.ts';
import { Ledger } from './deliver/ledger.ts';
import type { Place, Window } from './deliver/window.ts';
import type { Block } from './event/block.ts';
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
  readonly #parts: PipelineParts;
  /** Losses that no ledger knows of, not told to the checkpoints yet. */
  #losses: { readonly log: string; readonly loss: Loss }[] = [];

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  async reserve(signal: AbortSignal): Promise<Place> {
    return this.#parts.window.reserve(signal);
  }

  accept(block: Block, place: Place): void {
    const { ledger } = this.#entry(block);
    ledger.issue({ start: block.start, end: block.end, endsLine: block.kind !== 'part' });
    this.accounts.read(block.end - block.start);
    const { transcoder } = this.#parts;
    const { payload, accounts, invalid } = transcoder.transcode(block);
    for (const reason of invalid) this.accounts.invalid(reason);
    const id = `${block.fingerprint}-${block.start}-${block.end}`;
    const payloadBytes = payload.reduce((sum, piece) => sum + piece.length, 0);
    const chunk: Chunk = { id, payload, payloadBytes, accounts };
    this.#parts.dispatcher.submit(chunk, () => {
      ledger.settle(block.start, block.end);
      this.accounts.settled(accounts);
      if (!this.#parts.remembers && ledger.inFlightBytes === 0) {
        this.ledgers.delete(block.generation);
      }
      transcoder.recycle(payload);
      place.release();
    });
  }

  skip(_generation: number, start: number, end: number): void {
    this.accounts.skipped(end - start);
  }

  rotated(): void {
    this.accounts.rotated();
  }

  lost(log: string, loss: Loss): void {
    this.accounts.lost(loss.bytes);
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
