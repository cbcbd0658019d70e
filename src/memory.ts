/**
 * What the agent remembers: the lock, the checkpoints as loaded, and how they are kept in step with what the tails
 * read and the ledgers settled. Part of the composition root.
 */
import { basename, dirname, join } from 'node:path';
import { CheckpointBook } from './checkpoint/book.ts';
import type { CheckpointFile } from './checkpoint/format.ts';
import { StateLock } from './checkpoint/lock.ts';
import { CheckpointSaver } from './checkpoint/saver.ts';
import { CheckpointStore, StateError } from './checkpoint/store.ts';
import type { Log } from './observe/log.ts';
import type { Pipeline } from './pipeline.ts';
import type { LogTail } from './tail/log-tail.ts';
import { parseLogFileName } from './tail/names.ts';
import type { Problems } from './tail/problems.ts';
import { statOrUndefined } from './tail/stat.ts';
import type { Remembered } from './tail/tail.ts';

/** The path of the log that a file belongs to. */
export function logOf(path: string): string {
  return join(dirname(path), parseLogFileName(basename(path)).base);
}

/** What there is to remember about. */
export interface Remembering {
  readonly tails: ReadonlyMap<string, LogTail>;
  readonly pipeline: Pipeline;
  readonly problems: Problems;
}

export class Memory {
  readonly #book: CheckpointBook;
  readonly #store: CheckpointStore;
  readonly #lock: StateLock;
  readonly #log: Log;
  #problemsSaved = '[]';
  /** The revisions of tail and pipeline up to which each log is noted. */
  readonly #noted = new Map<string, readonly [tail: number, pipeline: number]>();

  private constructor(book: CheckpointBook, store: CheckpointStore, lock: StateLock, log: Log) {
    this.#book = book;
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
      const { checkpoints } = await store.load();
      return new Memory(new CheckpointBook(checkpoints, logOf), store, lock, log);
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
    return [
      ...orphaned.flatMap((other) => remembered(this.#book, other, true)),
      ...remembered(this.#book, log, false),
    ];
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

  #collect({ tails, pipeline, problems }: Remembering): CheckpointFile | undefined {
    const now = new Date();
    for (const [log, tail] of tails) {
      if (!this.#isNoted(log, tail, pipeline)) this.#note(log, tail, pipeline, now);
    }
    for (const { log, loss } of pipeline.takeLosses()) {
      this.#book.settle(log, loss.fingerprint, loss.from + loss.bytes, now);
    }
    const listed = problems.list();
    const text = JSON.stringify(listed);
    const changed = this.#book.takeChanges();
    if (changed === undefined && text === this.#problemsSaved) return undefined;
    this.#problemsSaved = text;
    return { checkpoints: changed ?? this.#book.all(), problems: listed };
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
      const offset = entry?.ledger.position ?? position;
      this.#book.put(log, { path, fingerprint, dev, ino, offset, size }, now);
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
    for (const [key, { log: owner, fingerprint, ledger }] of pipeline.ledgers) {
      if (owner !== log || keys.has(key)) continue;
      if (!present.has(fingerprint)) this.#book.settle(log, fingerprint, ledger.position, now);
      if (ledger.isSettled) pipeline.ledgers.delete(key);
    }
  }
}

/** How many generations of the log have a ledger. */
function countOf(log: string, { ledgers }: Pipeline): number {
  let count = 0;
  for (const entry of ledgers.values()) if (entry.log === log) count += 1;
  return count;
}

function remembered(book: CheckpointBook, log: string, orphan: boolean): Remembered[] {
  return book.of(log).map(({ path, fingerprint, dev, ino, offset, size }) => {
    return { path, fingerprint, dev, ino, offset, size, orphan };
  });
}
