/**
 * Follows one log: its active file and all its backups, oldest first, each generation once. One loop at its own
 * pace; hints only end its sleep. It knows nothing of JSON, chunks, outputs and checkpoints' files.
 */
import { join } from 'node:path';
import type { Block } from '../event/block.ts';
import type { ReadBlock, ReadResult } from './block-reader.ts';
import { GenerationSet } from './generation-set.ts';
import type { Generation, Harvester } from './generation.ts';
import { parseLogFileName } from './names.ts';
import { Pace } from './pace.ts';
import { errorCode } from './problems.ts';
import { SafetyPoll } from './safety-poll.ts';
import type { LogSite } from './scanner.ts';
import { DamagedGzipError } from './source.ts';
import { lstatOrUndefined, statOrUndefined } from './stat.ts';
import type { GenerationView, LogTailOptions, LogTailParts, Remembered, Slot } from './tail.ts';
import { Wakeup } from './wakeup.ts';
import { watchPath, type Watch } from './watch.ts';

/** How often files that were read to their end are looked through for those to close. */
const RELEASE_EVERY_MS = 1000;
/** How often a look takes in the whole directory: a rotation shows in the active file, and the rest can wait. */
const LOOK_WIDE_EVERY_MS = 100;
/** So many reads in a row may fail before a file is left as it is, when it is read once. */
const FAILURES_MAX = 3;
/** How long a file that cannot be read is left alone. */
const RETRY_MS = 1000;

export class LogTail {
  readonly path: string;
  readonly #site: LogSite;
  readonly #options: LogTailOptions;
  readonly #parts: LogTailParts;
  readonly #generations: GenerationSet;
  readonly #wakeup = new Wakeup();
  readonly #pace = new Pace();
  readonly #safetyPoll = new SafetyPoll();
  #watch: Watch | undefined;
  #linkWatch: Watch | undefined;
  #watchedIno = -1;
  #directoryMtimeMs = -1;
  #lastLook = -Infinity;
  #lastWideLook = -Infinity;
  #lastFullScan = -Infinity;
  #lastRelease = 0;
  #asleep = false;
  /** Whether a hint ended the last sleep. */
  #wasHinted = false;
  #revision = 0;
  /** How many bytes were read since the last sleep. */
  #readBytes = 0;
  #hasGivenUp = false;
  /** The rest of what there is may wait for the next look. */
  #hasEnough = false;
  /** Read, and not handed on yet. */
  #inHand: { readonly block: Block; readonly slot: Slot } | undefined;

  constructor(
    site: LogSite,
    remembered: readonly Remembered[],
    options: LogTailOptions,
    parts: LogTailParts,
  ) {
    this.path = join(site.directory, site.base);
    this.#site = site;
    this.#options = options;
    this.#parts = parts;
    this.#generations = new GenerationSet(site, remembered, options, parts);
  }

  /** Whether a file was not read to its end, because that failed again and again. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Where each generation is and how far it was read. */
  views(): Iterable<GenerationView> {
    return this.#generations.views();
  }

  /** How large those generations were that `views` does not tell of any more. */
  get forgottenBytes(): number {
    return this.#generations.forgottenBytes;
  }

  /** How much of the disk its deleted files take, because they are held. */
  get heldDeletedBytes(): number {
    return this.#generations.deleted.bytes;
  }

  /** The directory that it watches, or looks at, itself; undefined while the system refuses. */
  get watchedDirectory(): string | undefined {
    const isSeen = this.#watch !== undefined || this.#pace.looks;
    return isSeen ? this.#site.directory : undefined;
  }

  /**
   * The same as before when `views` still tells the same; undefined while it may change at any time. Noting nothing new
   * of a hundred idle logs, twice a second, was a quarter of what they cost.
   */
  get revision(): number | undefined {
    return this.#asleep ? this.#revision : undefined;
  }

  /** Whether every file was looked at: what has no view is nowhere on disk. */
  get hasSeenAll(): boolean {
    return this.#generations.hasSeenAll;
  }

  /** Reads until the signal, or, when not following, until everything on disk was read. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      this.#watchDirectory();
      this.#fullScan();
      while (!signal.aborted) {
        const generation = this.#hasEnough
          ? undefined
          : this.#generations.nextUnread(performance.now());
        if (generation === undefined)
          this.#handOn(this.#options.follow && this.#generations.complete);
        if (generation !== undefined) await this.#harvest(generation, signal);
        else if (!this.#generations.complete) await this.#scanOn();
        else if (!this.#options.follow && this.#isDone()) return;
        else await this.#sleep(signal);
      }
    } finally {
      this.#handOn();
      this.#unwatch();
      this.#generations.releaseAll();
    }
  }

  /** Lets other loops turn between the steps of a long scan. */
  async #scanOn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#generations.scanOn();
  }

  /** One more look before the end; what is nowhere then was deleted while we read. */
  #isDone(): boolean {
    this.#generations.scan(false);
    if (!this.#generations.complete || this.#generations.hasUnread()) return false;
    this.#generations.concludeMissing(performance.now());
    return true;
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const bytes = this.#readBytes;
    this.#readBytes = 0;
    this.#hasEnough = false;
    if (bytes > 0) this.#parts.sink.caughtUp(this.path);
    if (bytes > 0 || this.#pace.looks) {
      const next = this.#lastLook + this.#pace.lookAfterMs(bytes);
      await this.#wakeup.pause(Math.max(1, next - performance.now()), signal);
    }
    this.#setPace(bytes);
    if (!this.#pace.looks) {
      const hinted = this.#wasHinted || this.#wakeup.hinted;
      this.#safetyPoll.passed({ hinted, found: bytes > 0 });
      const logs = this.#options.logCount();
      const poll = this.#safetyPoll.intervalMs(this.#watch !== undefined, logs);
      const until = Math.min(now + poll, this.#generations.nextDeadline(now));
      this.#asleep = true;
      this.#wasHinted = await this.#wakeup.sleep(Math.max(1, until - performance.now()), signal);
      this.#asleep = false;
    }
    if (!signal.aborted) this.#lookAround();
  }

  /**
   * Each write wakes a watch, a thousand times a second if need be. While a log is busy, a look from time to time
   * finds as much. That ends with anything out of the ordinary: much at once, files that come or go, no room to read
   * on, quiet.
   */
  #setPace(bytes: number): void {
    const { looks } = this.#pace;
    this.#pace.passed({ bytes, hinted: this.#wakeup.hinted });
    if (this.#pace.looks && !looks) this.#unwatch();
  }

  /** While looks take the place of the watch: what comes and goes may do so fast from now on, and nobody has told of it. */
  #hasMoved(): void {
    this.#listen();
    this.#parts.observer.filesChanged();
  }

  /** Goes from looks to the watch, and looks at what happened before it stood. */
  #listen(): void {
    this.#pace.alarm();
    this.#watchDirectory();
    if (this.#watch === undefined) return;
    this.#watchLinkTarget();
    this.#directoryChanged();
    this.#scan(false);
  }

  /** The truth behind the hints: what stat says of the directory and of the active file. */
  #lookAround(): void {
    const now = performance.now();
    this.#lastLook = now;
    this.#generations.lookAgain();
    const { looks } = this.#pace;
    const wide = !looks || now - this.#lastWideLook >= LOOK_WIDE_EVERY_MS;
    const changed = (wide && this.#directoryChanged()) || this.#generations.activeChanged(looks);
    if (changed && looks) this.#hasMoved();
    if (now - this.#lastFullScan >= this.#fullScanMs) this.#fullScan();
    else if (changed && (!looks || this.#watch === undefined)) this.#scan(false);
    if (this.#generations.isDue(now)) {
      this.#scan(true);
      this.#generations.concludeMissing(now);
    }
    if (now - this.#lastRelease >= RELEASE_EVERY_MS) {
      this.#lastRelease = now;
      const { forgottenBytes } = this.#generations;
      this.#generations.releaseIdle(now);
      if (this.#generations.forgottenBytes > forgottenBytes) this.#revision += 1;
    }
    if (this.#watch === undefined && !this.#pace.looks) this.#listen();
  }

  get #fullScanMs(): number {
    return this.#safetyPoll.fullScanMs(this.#watch !== undefined);
  }

  #fullScan(): void {
    this.#lastFullScan = performance.now();
    this.#directoryChanged();
    this.#scan(true);
    if (!this.#pace.looks) this.#watchLinkTarget();
  }

  #scan(full: boolean): void {
    this.#revision += 1;
    this.#generations.scan(full);
  }

  #directoryChanged(): boolean {
    this.#lastWideLook = performance.now();
    const stats = statOrUndefined(this.#site.directory);
    const mtimeMs = stats?.mtimeMs ?? -1;
    if (stats?.ino !== this.#watchedIno) this.#unwatch();
    const changed = mtimeMs !== this.#directoryMtimeMs;
    this.#directoryMtimeMs = mtimeMs;
    return changed;
  }

  #unwatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#linkWatch?.close();
    this.#linkWatch = undefined;
  }

  #watchDirectory(): void {
    if (!this.#options.follow) return;
    const { directory } = this.#site;
    this.#watchedIno = statOrUndefined(directory)?.ino ?? -1;
    if (this.#watchedIno === -1) return;
    const report = `cannot watch, polling every ${this.#safetyPoll.intervalMs(false)} ms`;
    this.#watch = watchPath(directory, {
      onHint: (hint, name) => this.#onHint(hint === 'files', name),
      onError: (error) => {
        this.#watch = undefined;
        this.#parts.problems.report(`${directory}/`, error, report, 'slows');
      },
    });
    if (this.#watch !== undefined) this.#parts.problems.clear(`${directory}/`);
  }

  /** A symbolic link's target is written to in another directory. */
  #watchLinkTarget(): void {
    if (!this.#options.follow) return;
    this.#linkWatch?.close();
    this.#linkWatch = undefined;
    if (lstatOrUndefined(this.path)?.isSymbolicLink() !== true) return;
    this.#linkWatch = watchPath(this.path, {
      onHint: () => this.#wakeup.notify(),
      onError: (error) => this.#parts.log.debug('cannot watch', { code: errorCode(error) }),
    });
  }

  /**
   * A rename is looked at in the callback itself: under fast rotation a file lives for milliseconds, and only a
   * held descriptor keeps it readable.
   */
  #onHint(files: boolean, name: string | undefined): void {
    if (files) this.#parts.observer.filesChanged();
    if (name !== undefined && parseLogFileName(name).base !== this.#site.base) return;
    if (files) {
      this.#pace.alarm();
      this.#scan(false);
      // What a scan could not finish must go on at once.
      this.#wakeup.interrupt();
    } else this.#wakeup.notify();
  }

  async #harvest(generation: Generation, signal: AbortSignal): Promise<void> {
    // While it waits for room, or reads on and on, nobody looks.
    const isLong = this.#parts.sink.isFull || this.#pace.isTooFast(this.#readBytes);
    if (this.#pace.looks && isLong) this.#listen();
    // It may be the block in hand that takes the last place.
    if (this.#parts.sink.isFull) this.#handOn();
    const slot = await this.#reserve(signal);
    if (slot === undefined) return;
    const harvester = this.#generations.hold(generation);
    const reading = harvester && this.#read(generation, harvester, slot, signal);
    this.#handOn();
    const result = await reading;
    if (result === undefined || signal.aborted || generation.harvester !== harvester) {
      slot.release();
      return;
    }
    if (!generation.isIntact()) {
      slot.release();
      if (this.#pace.looks) this.#hasMoved();
      this.#scan(false);
      if (generation.harvester === harvester && !generation.isIntact()) {
        // Unlinked and overwritten: no scan shows what became of it. What is left of it may be elsewhere.
        generation.release();
        this.#scan(false);
      }
      return;
    }
    this.#take(generation, result, slot);
  }

  /**
   * Waits for room. That may take as long as a receiver is down: rotation goes on meanwhile, and what it is about to
   * delete must be held.
   * @returns undefined when reading is to end.
   */
  async #reserve(signal: AbortSignal): Promise<Slot | undefined> {
    const { sink } = this.#parts;
    const everyMs = this.#safetyPoll.intervalMs(this.#watch !== undefined);
    const looking = sink.isFull ? setInterval(() => this.#lookAround(), everyMs) : undefined;
    try {
      return await sink.reserve(signal, this.path);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      clearInterval(looking);
    }
  }

  async #read(
    generation: Generation,
    harvester: Harvester,
    slot: Slot,
    signal: AbortSignal,
  ): Promise<ReadResult | undefined> {
    const ended = this.#generations.hasEnded(generation, performance.now());
    const { position, longLine, glimpse } = generation;
    generation.glimpse = undefined;
    try {
      generation.requireHead();
      const fresh = longLine ? undefined : harvester.readFresh(slot.slab, position, glimpse);
      const result = fresh ?? (await harvester.read(slot, position, ended, longLine));
      generation.failures = 0;
      return result;
    } catch (error) {
      // It waited for memory for a long line, and was told to stop.
      if (signal.aborted) return undefined;
      const path = generation.lastSeen?.path ?? this.path;
      this.#parts.problems.report(path, error, 'the file cannot be read on');
      // What was decompressed before the damage can still be had at once.
      if (!(error instanceof DamagedGzipError)) this.#noteFailure(generation);
      return undefined;
    }
  }

  /** Whoever reads once must come to an end, also when a disk does not give what it has. */
  #noteFailure(generation: Generation): void {
    generation.notBefore = performance.now() + RETRY_MS;
    generation.failures += 1;
    if (this.#options.follow || generation.failures < FAILURES_MAX) return;
    generation.isGivenUp = true;
    this.#hasGivenUp = true;
  }

  #take(generation: Generation, result: ReadResult, slot: Slot): void {
    this.#revision += 1;
    if (result.kind === 'pending') {
      slot.release();
      this.#generations.reachedEnd(generation, result.end);
      return;
    }
    if (result.kind === 'passed') {
      slot.release();
      this.#readBytes += result.bytes;
      return;
    }
    const { start, end, bytes, line } = result;
    const from = this.#seek(generation, result);
    if (from > 0) this.#generations.skip(generation, start, start + from);
    this.#generations.advance(generation, end, result.block === 'part' ? line : undefined);
    this.#readBytes += end - start;
    // What was written since is little, and a round for it would cost as much as the next look.
    this.#hasEnough = this.#pace.looks && generation.isActive && end - start < slot.slab.length / 2;
    if (start + from === end && end > start) {
      slot.release();
      return;
    }
    const block: Block = {
      generation: generation.key,
      log: this.path,
      fingerprint: generation.fingerprint ?? '',
      start: start + from,
      end,
      kind: result.block,
      bytes: bytes.subarray(from),
      line,
    };
    this.#inHand = { block, slot };
  }

  /** A block is handed on while the next one is read, and at the latest before anything else is waited for. */
  #handOn(isAll = false): void {
    const { block, slot } = this.#inHand ?? {};
    this.#inHand = undefined;
    if (block !== undefined && slot !== undefined) this.#parts.sink.accept(block, slot, isAll);
  }

  /** How many bytes of the file, from the block's start on, lie before the time of `--from`. */
  #seek(generation: Generation, { block, start, end, bytes }: ReadBlock): number {
    if (generation.seekEpochMs === undefined) return 0;
    // A line in parts tells its time too late, if it has one: it is delivered whole, older or not.
    const isLines = block === 'lines' || block === 'reduced';
    const from = isLines ? this.#options.firstLineSince(bytes, generation.seekEpochMs) : 0;
    if (from === undefined) return end - start;
    generation.seekEpochMs = undefined;
    return from;
  }
}
