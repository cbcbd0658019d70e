/**
 * The generations of one log: keeps them in step with the disk, says which one to read next, and holds the
 * descriptors. It reads no content; the loop in log-tail.ts does.
 */
import { join } from 'node:path';
import type { ByteRange, LongLine } from '../event/block.ts';
import { DeletedFiles } from './deleted-files.ts';
import type { OpenFile } from './descriptors.ts';
import {
  isAssigned,
  isEmptyBackup,
  reconcile,
  type Assignment,
  type SeenFile,
} from './file-set.ts';
import {
  Generation,
  heldFiles,
  identifyUnseen,
  isLookedFor,
  openHarvester,
  viewOf,
  type Harvester,
} from './generation.ts';
import { deadlineOf, hasEnded, isEndedFile, isMissedLongEnough } from './grace.ts';
import { lossOf } from './loss.ts';
import { inFirstOrder, inReadingOrder } from './order.ts';
import { errorCode } from './problems.ts';
import { recall, retired } from './recall.ts';
import { Scanner, type LogSite, type Scan, type ScanOptions } from './scanner.ts';
import { mayHoldEventsSince, positionAtEnd } from './start.ts';
import { statOrUndefined } from './stat.ts';
import type {
  GenerationView,
  LogTailOptions,
  LogTailParts,
  LossReason,
  Remembered,
} from './tail.ts';

/** How long a file is held after its end was read: an older writer may keep writing to a renamed file. */
const RELEASE_AFTER_MS = 10_000;
/** How long a file that cannot be opened is left alone. */
const REOPEN_AFTER_MS = 1000;
export class GenerationSet {
  readonly #path: string;
  readonly #options: LogTailOptions;
  readonly #parts: LogTailParts;
  readonly #scanner: Scanner;
  /** Oldest first. */
  #generations: Generation[] = [];
  /** False while a scan has more files to identify; then the newest must not be read yet. */
  #complete = false;
  /** As of the last complete scan; see scanner.ts. */
  #unreadableSince = -Infinity;
  /** True while a scan has to look again: older files may turn up. */
  #stale = false;
  /** True once a whole scan saw files: what appears later is new, `--from` does not concern it. */
  #started = false;
  /** Found by the scan under way, which may still find older ones: they wait until it is complete. */
  readonly #fresh = new Set<Generation>();
  readonly deleted: DeletedFiles;
  /** How large those were that are not known any more. */
  forgottenBytes = 0;
  /** Generations before it had nothing to read when they were last looked at. */
  #cursor = 0;

  constructor(
    site: LogSite,
    remembered: readonly Remembered[],
    options: LogTailOptions,
    parts: LogTailParts,
  ) {
    this.#path = join(site.directory, site.base);
    // Whatever a log that is remembered has besides was written since.
    const isNew = remembered.every(({ orphan }) => orphan);
    this.#options = isNew ? options : { ...options, from: { kind: 'beginning' } };
    this.#parts = parts;
    this.#scanner = new Scanner(site, parts.descriptors, parts.problems);
    this.deleted = new DeletedFiles(parts.descriptors);
    this.#generations = remembered.map(recall);
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Whether every file was looked at since the start. */
  get hasSeenAll(): boolean {
    return this.#complete && this.#started;
  }

  /** Looks at the directory and brings everything in step with it. */
  scan(full: boolean): void {
    // Its file may be compressed and unlinked already: only the held one tells that the gz is the same.
    for (const generation of this.#generations) {
      if (generation.fingerprint === undefined) generation.identify(false, this.#generations);
    }
    this.#apply(this.#scanner.scan(this.#scanOptions(full)));
  }

  /** Goes on with a scan that had too many files to identify for one turn. */
  scanOn(): void {
    this.#apply(this.#scanner.goOn(this.#scanOptions(false)));
  }

  #scanOptions(full: boolean): ScanOptions {
    const held = heldFiles(this.#generations);
    return {
      full,
      newestFirst: this.#started,
      isEnded: (file, name) =>
        isEndedFile(file, this.#options) || isLookedFor(this.#generations, file, name),
      heldAt: (dev, ino) => held.get(`${dev}:${ino}`),
    };
  }

  /**
   * The oldest generation that has something to read; undefined when there is nothing to do but wait. A last line
   * without a newline holds back the younger generations until it counts as ended: order is kept.
   */
  nextUnread(now: number): Generation | undefined {
    let quiet = true;
    for (let index = this.#cursor; index < this.#generations.length; index++) {
      const generation = this.#generations[index];
      if (generation === undefined || this.#mayHaveOlder(generation)) return undefined;
      if (this.#awaitsIdentity(generation, now)) return undefined;
      const idle = generation.fingerprint === undefined || !generation.hasUnread();
      if (idle && quiet) this.#cursor = index + 1;
      if (idle) continue;
      quiet = false;
      // A file that cannot be read must not stop the younger ones: rotation would delete them unread.
      if (generation.notBefore > now) continue;
      if (!generation.waitsForNewline || this.hasEnded(generation, now)) return generation;
      if (!generation.isActive) return undefined;
    }
    return undefined;
  }

  /** Whether the scan under way may still find one that comes before it. */
  #mayHaveOlder(generation: Generation): boolean {
    if (this.#complete) return false;
    return this.#stale || generation.isActive || this.#fresh.has(generation);
  }

  /** A file that ends in the middle of its first line gets its identity soon, and comes before the younger ones. */
  #awaitsIdentity(generation: Generation, now: number): boolean {
    if (!generation.lacksIdentity) return false;
    if (!this.hasEnded(generation, now)) return true;
    if (!generation.isNameless) generation.identify(true, this.#generations);
    return false;
  }

  /** Looks again at every generation, also at those that were read to their end. */
  lookAgain(): void {
    this.#cursor = 0;
  }

  hasUnread(): boolean {
    const now = performance.now();
    return this.#generations.some((generation) => {
      if (generation.fingerprint === undefined || !generation.hasUnread()) return false;
      return !generation.waitsForNewline || this.hasEnded(generation, now);
    });
  }

  /** Whether nothing more will be appended, so that the last bytes are a line even without a newline. */
  hasEnded(generation: Generation, now: number): boolean {
    return hasEnded(generation, this.#options, now);
  }

  /** When something may be due without any event. */
  nextDeadline(now: number): number {
    return this.#generations.reduce(
      (least, one) => Math.min(least, deadlineOf(one, now)),
      Infinity,
    );
  }

  /** @param longLine the one that the position is inside of. */
  advance(generation: Generation, position: number, longLine?: LongLine): void {
    generation.position = position;
    generation.pendingEnd = position;
    generation.longLine = longLine;
    generation.changedAt = performance.now();
    // An older writer still writes to a backup: its length as it was would look as if it had been cut.
    const { lastSeen, isActive } = generation;
    if (!isActive && position > (lastSeen?.contentBytes ?? 0)) this.#scanner.forget(lastSeen?.path);
    if (!this.#options.follow && !generation.isActive && !generation.hasUnread()) {
      generation.release();
    }
  }

  /** The end was reached for now; bytes from the position to `end` have no newline yet. */
  reachedEnd(generation: Generation, end: number): void {
    if (end > generation.pendingEnd) generation.changedAt = performance.now();
    generation.pendingEnd = end;
    const { harvester, lastSeen } = generation;
    if (harvester?.gz === true && lastSeen !== undefined) this.#exhaust(generation, harvester, end);
  }

  /** The gz has nothing more to give: it is complete, or it is cut short and that is said. */
  #exhaust(generation: Generation, gz: Harvester, end: number): void {
    const place = generation.places.find((file) => file.ino === gz.ino && file.dev === gz.dev);
    generation.exhaustedGz = place ?? generation.lastSeen;
    const size = gz.gzContentBytes();
    generation.release();
    if (size !== end % 2 ** 32 && !generation.hasUnread()) {
      const path = place?.path ?? this.#path;
      this.#parts.log.error(
        'the gzip file is cut short or corrupt; what it held is delivered up to here',
        { path, offset: end },
      );
    }
  }

  /** The open file to read the generation from; opens it when it is not held. */
  hold(generation: Generation): Harvester | undefined {
    const harvester = this.#hold(generation);
    const { position } = generation;
    generation.skipHole();
    if (generation.position > position) this.skip(generation, position, generation.position);
    return harvester;
  }

  /** The bytes [start, end) are not handed on. */
  skip(generation: Generation, start: number, end: number): void {
    this.#parts.sink.skip(this.#rangeOf(generation, start, end));
  }

  #rangeOf({ key, fingerprint = '' }: Generation, start: number, end: number): ByteRange {
    return { generation: key, log: this.#path, fingerprint, start, end };
  }

  #hold(generation: Generation): Harvester | undefined {
    if (this.#parts.descriptors.full) this.#releaseDrained(performance.now(), 0);
    const held = generation.harvester ?? this.#open(generation, new Map());
    if (held !== undefined) return held;
    // It may just have been renamed or compressed: the scan finds it, and holds it.
    this.scan(false);
    if (generation.harvester === undefined) {
      generation.notBefore = performance.now() + REOPEN_AFTER_MS;
    }
    return generation.harvester;
  }

  /**
   * Whether the active path is another file than before, or the file was cut.
   * @param readsOn what is new is read at once.
   */
  activeChanged(readsOn = false): boolean {
    const stats = statOrUndefined(this.#path);
    const active = this.#generations.findLast((generation) => generation.isActive);
    if (active?.harvester === undefined || stats === undefined) {
      return stats !== undefined || active !== undefined;
    }
    if (active.fingerprint === undefined && stats.size > 0) return true;
    return stats.ino !== active.harvester.ino || !active.goesOn(stats, readsOn);
  }

  /** Whether time alone has settled something: what is missing is deleted, what has half a line is ended. */
  isDue(now: number): boolean {
    return this.#generations.some((generation) => {
      return isMissedLongEnough(generation, now) || this.#endedUnknown(generation, now);
    });
  }

  /** A file that ended before its first line did. */
  #endedUnknown(generation: Generation, now: number): boolean {
    return generation.lacksIdentity && this.hasEnded(generation, now);
  }

  /** Closes what was read to its end long enough ago, and what takes too much room; forgets what is nowhere any more. */
  releaseIdle(now: number): void {
    this.#releaseDrained(now, RELEASE_AFTER_MS);
    if (this.#complete) this.#boundDeleted();
    this.#forget();
  }

  /** Counts what is still nowhere to be found as lost; as long as not every file was looked at, it may be found. */
  concludeMissing(now: number): void {
    if (!this.#complete) return;
    for (const generation of this.#generations) {
      const due = !this.#options.follow || isMissedLongEnough(generation, now);
      if (generation.missingSince === undefined || !due) continue;
      if (generation.placedAt < this.#unreadableSince) continue;
      this.#lose(generation, generation.wasCut ? 'cut' : 'deleted');
    }
    this.#forget();
  }

  #releaseDrained(now: number, afterMs: number): void {
    for (const generation of this.#generations) {
      if (generation.isActive || generation.harvester === undefined) continue;
      if (generation.hasUnread() || now - generation.changedAt < afterMs) continue;
      generation.release();
    }
  }

  releaseAll(): void {
    for (const generation of this.#generations) generation.release();
    this.deleted.count(this.#generations);
  }

  /** One by one: with thousands of backups a list of them twice a second would be most of the memory. */
  *views(): Generator<GenerationView> {
    for (const generation of this.#generations) {
      const view = viewOf(generation);
      if (view !== undefined) yield view;
    }
  }

  #apply(scan: Scan | undefined): void {
    this.#cursor = 0;
    this.#complete = scan?.complete ?? true;
    this.#stale = scan?.stale ?? false;
    if (this.#complete) this.#unreadableSince = scan?.unreadableSince ?? Infinity;
    if (scan === undefined) return;
    const passing = new Map(scan.opened);
    try {
      identifyUnseen(this.#generations, scan.seen);
      const assignment = reconcile(this.#generations, scan.seen);
      this.#place(assignment, scan);
      this.#start(assignment, scan);
      this.#holdUnread(passing);
      if (scan.complete && scan.seen.length > 0) this.#started = true;
    } finally {
      for (const { fd } of passing.values()) this.#parts.descriptors.close(fd);
    }
  }

  #place(assignment: Assignment, scan: Scan): void {
    for (const generation of this.#generations) {
      const files = assignment.places.get(generation.key);
      const isCut =
        assignment.truncated.has(generation.key) || generation.holdsAnotherLife(files ?? []);
      if (isCut) generation.release();
      if (isCut && !generation.wasCut) this.#parts.observer.rotated('cut');
      generation.wasCut ||= isCut;
      if (files !== undefined) this.#moveTo(generation, files);
      else if (isCut || generation.isGoneFrom(scan)) this.#miss(generation, assignment);
      if (generation.places.length === 0 && this.#endedUnknown(generation, performance.now())) {
        if (!generation.identify(true, this.#generations)) generation.release();
      }
    }
    this.#forget();
  }

  #moveTo(generation: Generation, files: readonly SeenFile[]): void {
    const wasActive = generation.isActive && generation.places.length > 0;
    generation.places = files;
    generation.missingSince = undefined;
    generation.isOrphan = false;
    generation.isUnfinished = false;
    generation.placedAt = performance.now();
    const best = generation.bestPlace() ?? files[0];
    if (best === undefined) return;
    if (generation.isOvertakenBy(best)) generation.release();
    if (best.path !== generation.lastSeen?.path) generation.changedAt = performance.now();
    generation.lastSeen = best;
    generation.age = best;
    generation.fingerprint ??= best.fingerprint;
    // The first scan begins with the active file, which may lose that name, and all names, before it is over.
    if (!this.#started && generation.isActive) this.#fresh.add(generation);
    // Noted while it is there: should it vanish unread, this much is lost.
    generation.largestBytes = Math.max(generation.largestBytes, best.contentBytes ?? 0);
    generation.learnHead();
    if (!wasActive || generation.isActive) return;
    this.#parts.observer.rotated('renamed');
    // What was rotated before it may be found only now.
    if (this.#started && generation.position === 0) this.#fresh.add(generation);
  }

  /** The generation is nowhere in the directory. What is held is still read; what is not, is gone. */
  #miss(generation: Generation, assignment: Assignment): void {
    const { harvester } = generation;
    const wasActive = generation.isActive && generation.places.length > 0;
    generation.places = [];
    if (harvester !== undefined && isAssigned(assignment, harvester)) {
      generation.release();
      // Its file turned out to be a copy of another generation; nothing was read of it.
      if (generation.fingerprint === undefined) return;
    }
    if (generation.isActive) generation.age = retired(this.#generations);
    if (wasActive) this.#parts.observer.rotated('removed');
    if (generation.mayComeBack) generation.missingSince ??= performance.now();
  }

  #lose(generation: Generation, reason: LossReason): void {
    generation.missingSince = undefined;
    const next = this.#generations[this.#generations.indexOf(generation) + 1];
    const { timeOf } = this.#options;
    const loss = lossOf(generation, reason, { log: this.#path, next, timeOf });
    if (loss === undefined) return;
    this.#parts.observer.lost(loss);
    generation.position = loss.end;
    generation.pendingEnd = loss.end;
    generation.longLine = undefined;
  }

  /**
   * A deleted file takes room on the disk while it is held: too much is not kept, whatever is unread of it. Never while
   * one of them is read.
   */
  #boundDeleted(): void {
    for (const generation of this.deleted.excess(this.#generations)) {
      generation.contentBytes();
      generation.release();
      this.#lose(generation, 'held_limit');
    }
  }

  /** There is nothing to know any more about what is nowhere, once every file was looked at. */
  #forget(): void {
    this.#cursor = 0;
    if (!this.hasSeenAll) return;
    const isForgotten = ({ isNowhere, placedAt }: Generation): boolean =>
      isNowhere && placedAt >= this.#unreadableSince;
    const forgotten = this.#generations.filter(isForgotten);
    if (forgotten.length === 0) return;
    for (const { largestBytes } of forgotten) this.forgottenBytes += largestBytes;
    this.#generations = this.#generations.filter((generation) => !isForgotten(generation));
  }

  /**
   * Begins what belongs to nothing known. While following, a file that was not there before is younger than all
   * that was, whatever became of their names; among the files of one scan their names decide.
   */
  #start(assignment: Assignment, scan: Scan): void {
    for (const files of assignment.started) {
      const [first] = files;
      if (first === undefined || isEmptyBackup(first)) continue;
      const now = performance.now();
      const generation = new Generation({ position: 0, age: first, now });
      this.#moveTo(generation, files);
      if (!this.#started) this.#startFrom(generation, scan.opened);
      else if (!generation.isActive) this.#parts.observer.rotated('renamed');
      this.#generations.push(generation);
      if (this.#started) this.#fresh.add(generation);
    }
    if (!this.#started) this.#generations = inFirstOrder(this.#generations);
    else if (this.#fresh.size > 0) {
      this.#generations = inReadingOrder(this.#generations, this.#fresh);
    }
    if (scan.complete) this.#fresh.clear();
  }

  /** Where a generation begins that has no checkpoint and was there when the agent came. */
  #startFrom(generation: Generation, opened: ReadonlyMap<string, OpenFile>): void {
    const { from } = this.#options;
    const file = generation.lastSeen;
    if (from.kind === 'beginning' || file === undefined) return;
    if (from.kind === 'time' && mayHoldEventsSince(file, from.epochMs)) {
      generation.seekEpochMs = from.epochMs;
      return;
    }
    const fd = opened.get(file.path)?.fd;
    if (fd === undefined || generation.fingerprint === undefined) return;
    generation.position = positionAtEnd(fd, file, generation.isActive);
    generation.pendingEnd = generation.position;
    this.skip(generation, 0, generation.position);
  }

  /**
   * Holds the active file, and the oldest unread ones up to the limit: those are deleted first. `passing` are the
   * descriptors of the scan that nobody has taken over.
   */
  #holdUnread(passing: Map<string, OpenFile>): void {
    for (const generation of this.#generations) {
      if (generation.harvester !== undefined || generation.places.length === 0) continue;
      const wanted = generation.isActive
        ? this.#options.follow || generation.hasUnread()
        : generation.hasUnread() && !this.#parts.descriptors.fullWithout(passing.size);
      if (wanted) this.#open(generation, passing);
    }
  }

  #open(generation: Generation, passing: Map<string, OpenFile>): Harvester | undefined {
    const place = generation.bestPlace();
    if (place === undefined) return undefined;
    const { descriptors, problems } = this.#parts;
    try {
      const harvester = openHarvester(place, passing.get(place.path), this.#options, descriptors);
      if (harvester === undefined) return undefined;
      // Another generation may have been seen under the same path: it must not take the descriptor, too.
      passing.delete(place.path);
      generation.harvester = harvester;
      generation.learnHead();
      problems.clear(place.path);
      return harvester;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') {
        problems.report(place.path, error, 'the file cannot be opened');
      }
      return undefined;
    }
  }
}
