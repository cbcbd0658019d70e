/**
 * What the agent remembers: the lock, the checkpoints as loaded, and how they are kept in step with what the tails
 * read and the ledgers settled. Part of the composition root.
 */
import { basename, dirname, join } from 'node:path';
import { CheckpointBook, type Settled } from './checkpoint/book.ts';
import type { Checkpoint, CheckpointFile, SavedLoss } from './checkpoint/format.ts';
import { StateLock } from './checkpoint/lock.ts';
import { CheckpointSaver } from './checkpoint/saver.ts';
import { CheckpointStore, StateError } from './checkpoint/store.ts';
import type { LossNotice } from './event/loss-notice.ts';
import type { LossWatch } from './loss-watch.ts';
import type { Log } from './observe/log.ts';
import { addToGeneration, NOTHING_SETTLED, type GenerationAccounts } from './deliver/chunk.ts';
import type { LedgerEntry, Pipeline } from './pipeline.ts';
import type { LogTail } from './tail/log-tail.ts';
import { parseLogFileName } from './tail/names.ts';
import type { Problems } from './tail/problems.ts';
import { statOrUndefined } from './tail/stat.ts';
import type { Remembered } from './tail/tail.ts';

/** How many losses are kept: each is a file that rotation deleted unread, and somebody has to look into them. */
const LOSSES_MAX = 1000;

/** The path of the log that a file belongs to. */
export function logOf(path: string): string {
  return join(dirname(path), parseLogFileName(basename(path)).base);
}

/** What there is to remember about. */
export interface Remembering {
  readonly tails: ReadonlyMap<string, LogTail>;
  readonly pipeline: Pipeline;
  readonly problems: Problems;
  readonly lossWatch: LossWatch;
}

export class Memory {
  readonly #book: CheckpointBook;
  /** By fingerprint: as they were when the agent came. */
  readonly #loaded: ReadonlyMap<string, Checkpoint>;
  readonly #losses: SavedLoss[];
  readonly #store: CheckpointStore;
  readonly #lock: StateLock;
  readonly #log: Log;
  #problemsSaved = '[]';
  /** The revisions of tail and pipeline up to which each log is noted. */
  readonly #noted = new Map<string, readonly [tail: number, pipeline: number]>();

  private constructor(file: CheckpointFile, store: CheckpointStore, lock: StateLock, log: Log) {
    const { checkpoints, losses } = file;
    this.#book = new CheckpointBook(checkpoints, logOf);
    this.#loaded = new Map(checkpoints.map((checkpoint) => [checkpoint.fingerprint, checkpoint]));
    this.#losses = [...losses];
    this.#store = store;
    this.#lock = lock;
    this.#log = log;
  }

  /**
   * Takes the state directory and loads what it holds.
   * @throws StateError when it is in use, or cannot be read or understood.
   */
  static async open(directory: string, log: Log): Promise<Memory> {
    const store = new CheckpointStore(directory);
    await store.prepare();
    const lock = await StateLock.acquire(directory);
    try {
      return new Memory(await store.load(), store, lock, log);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** What is remembered of a log; and, to be known again by content, of logs that are not there any more. */
  recall(log: string): Remembered[] {
    const orphaned = this.#book.logs().filter((other) => {
      return other !== log && statOrUndefined(other) === undefined;
    });
    return furthest([
      ...orphaned.flatMap((other) => this.#remembered(other, true)),
      ...this.#remembered(log, false),
    ]);
  }

  #remembered(log: string, orphan: boolean): Remembered[] {
    const missed = new Set(this.#losses.map(({ fingerprint }) => fingerprint));
    return this.#book.of(log).map(({ path, fingerprint, dev, ino, offset, size, gone }) => {
      const isMissed = gone !== undefined || missed.has(fingerprint);
      return { path, fingerprint, dev, ino, offset, size, orphan, isMissed };
    });
  }

  /** RFC 3339: of the last event before the offset, when that is where an earlier run ended. */
  timeBefore(fingerprint: string, offset: number): string | undefined {
    const loaded = this.#loaded.get(fingerprint);
    return loaded?.offset === offset ? loaded.time : undefined;
  }

  /** In ms since the epoch: of the log's last event that an earlier run has settled. */
  settledMs(log: string): number | undefined {
    const times = this.#book.of(log).map(({ time = '' }) => Date.parse(time));
    const latest = Math.max(...times.filter((ms) => !Number.isNaN(ms)));
    return Number.isFinite(latest) ? latest : undefined;
  }

  saver(remembering: Remembering): CheckpointSaver {
    return new CheckpointSaver(
      this.#store,
      {
        collect: () => this.#collect(remembering),
        putBack: () => this.#book.putBack(),
      },
      this.#log,
    );
  }

  /** @throws StateError when another agent has taken the state directory over. */
  async assertHeld(): Promise<void> {
    if (await this.#lock.isHeld()) return;
    throw new StateError(
      'the lock of the state directory was taken away; another agent may use it',
    );
  }

  async close(): Promise<void> {
    await this.#lock.release();
  }

  #collect({ tails, pipeline, problems, lossWatch }: Remembering): CheckpointFile | undefined {
    const now = new Date();
    for (const [log, tail] of tails) {
      if (!this.#isNoted(log, tail, pipeline)) this.#note(log, tail, pipeline, now);
    }
    const lost = pipeline.takeLosses();
    this.#losses.push(...lost.map((notice) => savedLoss(notice, now)));
    this.#losses.splice(0, this.#losses.length - LOSSES_MAX);
    const listed = problems.list();
    const text = JSON.stringify(listed);
    const changed = this.#book.takeChanges();
    const isSame = lost.length === 0 && text === this.#problemsSaved;
    if (changed === undefined && isSame) return undefined;
    this.#problemsSaved = text;
    const checkpoints = changed ?? this.#book.all();
    const outlooks = lossWatch.list();
    return { checkpoints, problems: listed, losses: this.#losses, outlooks };
  }

  /** Whether nothing has changed since the log was noted; if something has, it is noted from now on. */
  #isNoted(log: string, tail: LogTail, pipeline: Pipeline): boolean {
    const [ofTail, ofPipeline] = this.#noted.get(log) ?? [];
    const { revision } = tail;
    if (revision === undefined) this.#noted.delete(log);
    else if (revision === ofTail && pipeline.revision === ofPipeline) return true;
    else this.#noted.set(log, [revision, pipeline.revision]);
    return false;
  }

  #note(log: string, tail: LogTail, pipeline: Pipeline, now: Date): void {
    let seen = 0;
    let underWay = 0;
    for (const { key, fingerprint, path, dev, ino, size, position } of tail.views()) {
      const entry = pipeline.ledgers.get(key);
      const settled = this.#settled(fingerprint, entry, position);
      this.#book.put(log, { ...settled, path, dev, ino, size }, now);
      seen += 1;
      if (entry !== undefined) underWay += 1;
    }
    const hasForgotten = countOf(log, pipeline) > underWay;
    const hasGone = tail.hasSeenAll && this.#book.countOf(log) > seen;
    if (hasForgotten || hasGone) this.#noteGone(log, tail, pipeline, now);
  }

  /** What is noted and not seen any more. Asked for by need: with thousands of backups the sets are large. */
  #noteGone(log: string, tail: LogTail, pipeline: Pipeline, now: Date): void {
    const present = new Set<string>();
    const keys = new Set<number>();
    for (const { key, fingerprint } of tail.views()) {
      present.add(fingerprint);
      keys.add(key);
    }
    this.#settleForgotten(log, pipeline, present, keys, now);
    if (tail.hasSeenAll) this.#book.sweep(log, present, now);
  }

  /** Generations that are nowhere any more may still have chunks in flight. */
  #settleForgotten(
    log: string,
    pipeline: Pipeline,
    present: ReadonlySet<string>,
    keys: ReadonlySet<number>,
    now: Date,
  ): void {
    for (const [key, entry] of pipeline.ledgers) {
      const { log: owner, fingerprint, ledger } = entry;
      if (owner !== log || keys.has(key)) continue;
      const isKnown = fingerprint !== '' && !present.has(fingerprint);
      if (isKnown) this.#book.settle(log, this.#settled(fingerprint, entry, 0), now);
      if (ledger.isSettled) pipeline.ledgers.delete(key);
    }
  }

  /** How far a generation is, and what became of all that lies before. @param position where it stands unread. */
  #settled(fingerprint: string, entry: LedgerEntry | undefined, position: number): Settled {
    const loaded = this.#loaded.get(fingerprint);
    const { ledger } = entry ?? {};
    const before = accountsTo(ledger?.start ?? position, loaded);
    if (ledger === undefined) {
      return {
        fingerprint,
        offset: position,
        size: position,
        accounts: before,
        time: loaded?.time,
      };
    }
    const { position: offset, issuedTo: size, timeMs } = ledger;
    const time = timeMs === undefined ? loaded?.time : new Date(timeMs).toISOString();
    const accounts = addToGeneration(before, ledger.accounts);
    return { fingerprint, offset, size, accounts, time };
  }
}

function savedLoss(notice: LossNotice, now: Date): SavedLoss {
  const { log, path, fingerprint, start: offset, end, isAtLeast, reason, since, until } = notice;
  const noted = now.toISOString();
  const atLeast = isAtLeast ? true : undefined;
  const bytes = end - offset;
  return { log, path, fingerprint, offset, bytes, atLeast, reason, since, until, noted };
}

/** What became of the bytes before the one where this run begins. */
function accountsTo(offset: number, loaded: Checkpoint | undefined): GenerationAccounts {
  if (offset === 0) return NOTHING_SETTLED;
  if (loaded?.offset === offset) return loaded.accounts;
  return { ...NOTHING_SETTLED, earlierBytes: offset };
}

/** How many generations of the log have a ledger. */
function countOf(log: string, { ledgers }: Pipeline): number {
  let count = 0;
  for (const entry of ledgers.values()) if (entry.log === log) count += 1;
  return count;
}

/** A generation whose log has moved is remembered of several: it goes on from where it came furthest. */
function furthest(all: readonly Remembered[]): Remembered[] {
  const best = new Map<string, Remembered>();
  for (const one of all) {
    if (one.offset >= (best.get(one.fingerprint)?.offset ?? 0)) best.set(one.fingerprint, one);
  }
  return all.filter((one) => best.get(one.fingerprint) === one);
}
