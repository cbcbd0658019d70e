/**
 * The middle of the way: blocks become chunks, go to the dispatcher, and settle in the ledger of their generation.
 * Part of the composition root; it knows the stages' nouns, and no files and no outputs.
 */
import { Accounts } from './deliver/accounts.ts';
import {
  accountedBytes,
  addAccounts,
  chunkId,
  NO_ACCOUNTS,
  sizeOf,
  type Chunk,
  type GenerationAccounts,
  type SettledAccounts,
} from './deliver/chunk.ts';
import { Chunker, type Parcel } from './deliver/chunker.ts';
import type { Letter } from './deliver/dead-letter.ts';
import type { Dispatcher, Settled } from './deliver/dispatcher.ts';
import { Ledger, type Range } from './deliver/ledger.ts';
import type { LongLines } from './deliver/long-lines.ts';
import type { Place, Window } from './deliver/window.ts';
import type { Block, ByteRange, LongLine } from './event/block.ts';
import { withoutBodies } from './event/bodies.ts';
import { divide } from './event/divide.ts';
import { stageTimeMs } from './event/event-time.ts';
import { explainLoss, lossId, type LossNotice } from './event/loss-notice.ts';
import type { Transcoded, Transcoder } from './event/transcoder.ts';
import type { Log } from './observe/log.ts';
import { Seldom } from './observe/seldom.ts';
import type { BlockSink, Loss, RotationKind, TailObserver } from './tail/tail.ts';

export interface PipelineParts {
  readonly window: Window;
  readonly transcoder: Transcoder;
  readonly dispatcher: Dispatcher;
  /** Where lines in parts are put aside; undefined without a state directory: then they are delivered like all others. */
  readonly longLines?: LongLines | undefined;
  readonly log: Log;
  readonly onFilesChanged: () => void;
  /** There may be something new to remember. */
  readonly onProgress?: () => void;
  /** Whether checkpoints are kept: without them nobody asks for a generation that is settled. */
  readonly remembers: boolean;
  /** RFC 3339: of the last event before the offset, as far as an earlier run has noted it. */
  readonly timeBefore: (fingerprint: string, offset: number) => string | undefined;
  /** See deliver/chunker.ts. */
  readonly chunkBytes: number;
  readonly lingerMs: number;
}

/**
 * Each is a file that was deleted unread. More, while the receiver is down, are logged and counted only: memory must not
 * grow with the outage.
 */
const LOSSES_IN_FLIGHT_MAX = 1000;

/** A block on its way, with what is to be given back when it is settled. */
interface Encoded extends Parcel {
  readonly block: Block;
  readonly place: Releasable;
}

type Releasable = Pick<Place, 'release'>;

/** A block, or a piece of one, and what goes out for it. */
interface Piece extends Transcoded {
  readonly block: Block;
  readonly payloadBytes: number;
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
  /** By log: of the last event that was settled, in ms since the epoch. It outlives the ledgers of what is gone. */
  readonly #settledMs = new Map<string, number>();
  /** How often something was settled or lost. */
  #changes = 0;
  /** What went out for each byte of the last block. */
  #growth = 0;
  readonly #parts: PipelineParts;
  readonly #chunker: Chunker<Encoded>;
  readonly #reduced: Seldom;
  readonly #inParts: Seldom;
  /** What each chunk was made of: to divide it when no receiver takes it. */
  readonly #blocks = new WeakMap<Chunk, readonly Block[]>();
  /** The parts of lines that are being put aside and go on, by generation. */
  readonly #aside = new Map<number, Range[]>();
  /** Not told to the checkpoints yet. */
  #losses: LossNotice[] = [];
  /** Records of losses that are on their way. */
  #lossesInFlight = 0;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#reduced = new Seldom(parts.log);
    this.#inParts = new Seldom(parts.log);
    this.#chunker = new Chunker<Encoded>({
      maxBytes: parts.chunkBytes,
      lingerMs: parts.lingerMs,
      emit: (chunk, parcels) => this.#submit(chunk, parcels),
    });
  }

  async reserve(signal: AbortSignal, log: string): Promise<Place> {
    const { window, longLines } = this.#parts;
    if (longLines?.isBusy === true) await longLines.ready(log, signal);
    // What waits for company would wait in vain.
    if (window.isFull) this.#chunker.flush();
    return window.reserve(signal);
  }

  accept(block: Block, place: Place, isAll = false): void {
    const { start, end, kind, line } = block;
    if (this.#putsAside(block)) {
      this.accounts.read(end - start, kind === 'part' ? 0 : 1);
      place.release();
      return;
    }
    if (kind === 'reduced') this.#sayReduced(block);
    if (start === line?.start) this.#sayInParts(block, line);
    const pieces = this.#transcode(block);
    const share = pieces.length === 1 ? place : shared(place, pieces.length);
    const last = pieces.at(-1);
    for (const piece of pieces) {
      this.#issue(piece.block);
      this.#count(piece);
      this.#chunker.add(parcelOf(piece, share), isAll && piece === last);
    }
  }

  #issue(block: Block): void {
    const { start, end, kind, bytes } = block;
    const { ledger } = this.#entry(block);
    ledger.issue({ start, end, endsLine: kind !== 'part', timeMs: stageTimeMs(bytes) });
  }

  #count({ block: { start, end }, accounts, invalid, changes }: Piece): void {
    this.accounts.read(end - start, accounts.delivered.events + accounts.filtered.events);
    for (const reason of invalid) this.accounts.invalid(reason);
    this.accounts.changed(changes.filtered, changes.redacted);
  }

  /**
   * A block that would be more than a chunk goes in pieces: a receiver may drop what is larger (Fluentd's
   * chunk_size_limit), and the user has said how large it may be.
   */
  #transcode(block: Block): readonly Piece[] {
    const { transcoder, chunkBytes } = this.#parts;
    // Most blocks grow as the last one did: what would be too large need not be made first.
    const isTooLarge = block.bytes.length * this.#growth > chunkBytes;
    const early = isTooLarge ? divide([block]).flat() : [];
    if (early.length > 0) return early.flatMap((half) => this.#transcode(half));
    const transcoded = transcoder.transcode(block);
    const payloadBytes = sizeOf(transcoded.payload);
    this.#growth = payloadBytes / block.bytes.length;
    const halves = payloadBytes > chunkBytes ? divide([block]).flat() : [];
    if (halves.length === 0) return [{ block, payloadBytes, ...transcoded }];
    transcoder.recycle(transcoded.payload);
    return halves.flatMap((half) => this.#transcode(half));
  }

  /** The same as before when no ledger has moved. */
  get revision(): number {
    return this.#changes;
  }

  /** Of the log's last event that was settled, in ms since the epoch; undefined before there is one. */
  settledMs(log: string): number | undefined {
    return this.#settledMs.get(log);
  }

  get isFull(): boolean {
    const { window, longLines } = this.#parts;
    return window.isFull || longLines?.isBusy === true;
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
    return this.#letterOf(block);
  }

  /** A part of a line that is kept aside, if that is possible. It is copied: it may wait for room on the disk. */
  #putsAside(block: Block): boolean {
    const { longLines } = this.#parts;
    const { line, generation, kind } = block;
    if (line === undefined || longLines?.fits(line.end - line.start) !== true) return false;
    this.#issue(block);
    const ranges = this.#aside.get(generation) ?? [];
    const { start, end } = block;
    ranges.push({ start, end });
    if (kind === 'part') this.#aside.set(generation, ranges);
    else this.#aside.delete(generation);
    const letter = this.#letterOf(block);
    const kept = { ...letter, line: Buffer.from(letter.line), reason: line.reason };
    longLines.submit(kept, this.#keptAside(block, ranges));
    return true;
  }

  /** What rules leave of it: what must not leave is not kept elsewhere either. */
  #letterOf(block: Block): Omit<Letter, 'reason'> {
    const { log, fingerprint, start, end, kind } = block;
    const line = this.#parts.transcoder.clean(block);
    return { log, fingerprint, offset: start, bytes: end - start, kind, line };
  }

  /** What is done when a line is on the disk. @param ranges of its parts. */
  #keptAside(of: ByteRange, ranges: readonly Range[]): Settled {
    return (accounts) => {
      this.accounts.settled(accounts);
      this.#settle(of, ranges, accounts);
    };
  }

  #sayReduced({ log, start, end }: Block): void {
    this.accounts.truncated();
    const message = 'an event over max_event_bytes is delivered without its bodies';
    this.#reduced.warn(message, { path: log, offset: start, bytes: end - start });
  }

  #sayInParts({ log }: Block, { start, end, reason }: LongLine): void {
    const message = 'a line over max_event_bytes is delivered in parts';
    this.#inParts.warn(message, { path: log, offset: start, bytes: end - start, reason });
  }

  #submit(chunk: Chunk, parcels: readonly Encoded[]): void {
    this.#blocks.set(
      chunk,
      parcels.map(({ block }) => block),
    );
    const [first] = parcels;
    if (first === undefined) return;
    const settled = (accounts: SettledAccounts): void => {
      this.accounts.settled(accounts);
      this.#settle(first, parcels, accounts);
      for (const parcel of parcels) this.#giveBack(parcel);
      this.#chunker.settled(first.log);
    };
    // A rule of the user left nothing of it.
    if (chunk.payloadBytes === 0) settled(addAccounts(NO_ACCOUNTS, chunk.accounts));
    else this.#parts.dispatcher.submit(chunk, settled);
  }

  #giveBack({ payload, place }: Encoded): void {
    this.#parts.transcoder.recycle(payload);
    place.release();
  }

  /** @param ranges of one generation, one behind the other. */
  #settle(of: ByteRange, ranges: readonly Range[], accounts: Partial<GenerationAccounts>): void {
    const { ledger } = this.#entry(of);
    ledger.settle(ranges, accounts);
    if (ledger.timeMs !== undefined) this.#settledMs.set(of.log, ledger.timeMs);
    const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    this.accounts.unaccounted(bytes - accountedBytes(accounts));
    this.#changes += 1;
    this.#parts.onProgress?.();
    if (!this.#parts.remembers && ledger.isSettled) this.ledgers.delete(of.generation);
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

  skip(range: ByteRange): void {
    const { start, end } = range;
    this.accounts.skipped(end - start);
    this.#entry(range).ledger.issue({ start, end, endsLine: true });
    this.#settle(range, [range], { skippedBytes: end - start });
  }

  rotated(kind: RotationKind): void {
    this.accounts.rotated(kind);
    this.#parts.onProgress?.();
  }

  /** A record of it takes the place of what is lost: the checkpoint passes it when that is delivered. */
  lost(loss: Loss): void {
    const { start, end, reason, path } = loss;
    const bytes = end - start;
    const notice = this.#noticeOf(loss);
    const { since, until } = notice;
    this.accounts.lost(bytes, reason);
    this.#endLine(loss);
    this.#entry(loss).ledger.issue({ start, end, endsLine: true, isLost: true });
    this.#parts.log.error(explainLoss(notice), {
      path,
      from_offset: start,
      bytes,
      reason,
      since,
      until,
    });
    const settled = (): void => {
      this.#settle(loss, [loss], { lostBytes: bytes });
      this.#losses.push(notice);
    };
    if (this.#lossesInFlight < LOSSES_IN_FLIGHT_MAX) this.#tell(notice, settled);
    else settled();
  }

  /** The rest of a line that is being put aside is lost. */
  #endLine({ generation, log, fingerprint }: Loss): void {
    const ranges = this.#aside.get(generation);
    if (ranges === undefined) return;
    this.#aside.delete(generation);
    const of = { generation, log, fingerprint, start: 0, end: 0 };
    this.#parts.longLines?.cut(log, fingerprint, this.#keptAside(of, ranges));
  }

  #noticeOf({ untilMs, ...loss }: Loss): LossNotice {
    const { issuedTimeMs } = this.#entry(loss).ledger;
    const since =
      issuedTimeMs === undefined
        ? this.#parts.timeBefore(loss.fingerprint, loss.start)
        : new Date(issuedTimeMs).toISOString();
    return { ...loss, since, until: new Date(untilMs).toISOString() };
  }

  #tell(notice: LossNotice, settled: () => void): void {
    this.#lossesInFlight += 1;
    // What was read before it goes before it.
    this.#chunker.flush();
    const payload = this.#parts.transcoder.loss(notice);
    const chunk = {
      id: lossId(notice),
      payload,
      payloadBytes: sizeOf(payload),
      accounts: NO_ACCOUNTS,
    };
    this.#parts.dispatcher.submit(chunk, () => {
      this.#lossesInFlight -= 1;
      settled();
    });
  }

  filesChanged(): void {
    this.#parts.onFilesChanged();
    this.#parts.onProgress?.();
  }

  /** What was lost for good since the last call. */
  takeLosses(): readonly LossNotice[] {
    const losses = this.#losses;
    this.#losses = [];
    return losses;
  }

  /** Of a generation that begins with this range, or goes on with it. */
  #entry({ generation, log, fingerprint, start }: ByteRange): LedgerEntry {
    const known = this.ledgers.get(generation);
    if (known !== undefined) return known;
    const entry = { log, fingerprint, ledger: new Ledger(start) };
    this.ledgers.set(generation, entry);
    return entry;
  }
}

function parcelOf({ block, payload, payloadBytes, accounts }: Piece, place: Releasable): Encoded {
  const { log, generation, fingerprint, start, end } = block;
  return {
    log,
    generation,
    fingerprint,
    start,
    end,
    payload,
    payloadBytes,
    accounts,
    block,
    place,
  };
}

/** The pieces of a block share its place: it is free when each of them has given it back. */
function shared(place: Place, by: number): Releasable {
  let left = by;
  return {
    release() {
      left -= 1;
      if (left === 0) place.release();
    },
  };
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
