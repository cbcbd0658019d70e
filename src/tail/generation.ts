/**
 * One generation as the agent knows it: its identity, where it is on disk, how far it was read, and the
 * descriptor that is held on it. Decides nothing about other generations and sends nothing anywhere.
 */
import { fstatSync, readSync, type Stats } from 'node:fs';
import type { LongLine } from '../event/block.ts';
import {
  BlockReader,
  type BlockReaderLimits,
  type ReadBlock,
  type ReadResult,
} from './block-reader.ts';
import type { Descriptors, OpenFile } from './descriptors.ts';
import type { KnownGeneration, SeenFile } from './file-set.ts';
import {
  gzContentSize,
  headUnchanged,
  readFirstLine,
  readGzHead,
  readHead,
  type Ended,
  type Head,
  GZ_SIZE_MODULUS,
} from './fingerprint.ts';
import type { Age } from './names.ts';
import type { HeldFile, Scan } from './scanner.ts';
import { gzSource, plainSource, type ByteSource } from './source.ts';
import type { GenerationView, Room } from './tail.ts';

/** Bytes written so long ago at most are in the page cache, but for those that another machine wrote. */
const FRESH_MS = 1000;
/** More are worth a thread of the pool: copying them takes longer than its wakeups. */
const FRESH_BYTES = 64 * 1024;
const NEWLINE = 10;
let lastKey = 0;

/** What one look at a file tells. */
export type Glimpse = Pick<Stats, 'size' | 'mtimeMs'>;

/** An open file of a generation, from open to close. */
export class Harvester {
  readonly fd: number;
  readonly dev: number;
  readonly ino: number;
  readonly gz: boolean;
  readonly #source: ByteSource;
  readonly #reader: BlockReader;
  readonly #maxEventBytes: number;
  readonly #descriptors: Descriptors;
  #state: 'open' | 'reading' | 'closing' | 'closed' = 'open';
  #seenBytes = 0;

  constructor(
    file: { readonly fd: number; readonly dev: number; readonly ino: number; readonly gz: boolean },
    limits: BlockReaderLimits,
    descriptors: Descriptors,
  ) {
    this.fd = file.fd;
    this.dev = file.dev;
    this.ino = file.ino;
    this.gz = file.gz;
    this.#descriptors = descriptors;
    this.#source = file.gz ? gzSource(file.fd) : plainSource(file.fd);
    this.#reader = new BlockReader(this.#source, limits);
    this.#maxEventBytes = limits.maxEventBytes;
  }

  /** Bytes in the plain file now. */
  sizeNow(): number {
    return fstatSync(this.fd).size;
  }

  /** How long the plain file was when it was last read on: it may be cut before any of that is read. */
  get seenBytes(): number {
    return this.#seenBytes;
  }

  /** What the end of a gz says of its content's length; undefined when it says nothing, or cannot be read. */
  gzContentBytes(): number | undefined {
    return quietly(() => gzContentSize(this.fd), undefined);
  }

  /** Whether no name leads to the file any more. */
  isUnlinked(): boolean {
    return fstatSync(this.fd).nlink === 0;
  }

  /**
   * Whole lines that were written a moment ago (not inside of a long one): they are in the page cache, so reading them takes a few microseconds
   * and never the disk, while two turns through the thread pool take a hundred.
   * @param seen what was just seen of the file, if anything was.
   * @returns undefined when there are none: then `read` finds out what there is.
   */
  readFresh(slab: Buffer, position: number, seen?: Glimpse): ReadBlock | undefined {
    if (this.gz) return undefined;
    const { size, mtimeMs } = seen ?? fstatSync(this.fd);
    this.#seenBytes = size;
    const length = size - position;
    const isSmall = length > 0 && length <= Math.min(FRESH_BYTES, slab.length, this.#maxEventBytes);
    if (!isSmall || Math.abs(Date.now() - mtimeMs) > FRESH_MS) return undefined;
    const filled = readSync(this.fd, slab, 0, length, position);
    const end = slab.subarray(0, filled).lastIndexOf(NEWLINE) + 1;
    if (end === 0) return undefined;
    const bytes = slab.subarray(0, end);
    return { kind: 'block', block: 'lines', start: position, end: position + end, bytes };
  }

  /** One read at a time. The descriptor stays open until it is over, also when it was released meanwhile. */
  async read(room: Room, position: number, ended: boolean, line?: LongLine): Promise<ReadResult> {
    this.#state = 'reading';
    try {
      return await this.#reader.read(room, position, ended, line);
    } finally {
      if (this.isReleased) this.#close();
      else this.#state = 'open';
    }
  }

  get isReleased(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  release(): void {
    if (this.#state === 'reading') this.#state = 'closing';
    else if (this.#state === 'open') this.#close();
  }

  #close(): void {
    this.#state = 'closed';
    this.#source.close();
    this.#descriptors.close(this.fd);
  }
}

/**
 * Opens a file to read it.
 * @param opened the file, when it is open already.
 * @returns undefined when another file has the path by now: the next scan says what became of this one.
 * @throws the system error of open or fstat (ENOENT, EACCES, EMFILE).
 */
export function openHarvester(
  place: SeenFile,
  opened: OpenFile | undefined,
  limits: BlockReaderLimits,
  descriptors: Descriptors,
): Harvester | undefined {
  const { fd, stats } = opened ?? descriptors.open(place.path);
  const { dev, ino } = stats;
  if (ino === place.ino && dev === place.dev) {
    return new Harvester({ fd, dev, ino, gz: place.gz }, limits, descriptors);
  }
  if (opened === undefined) descriptors.close(fd);
  return undefined;
}

export class Generation implements KnownGeneration {
  readonly key = ++lastKey;
  /** Undefined until the first line is complete; nothing is read before. */
  fingerprint: string | undefined;
  head: Head | undefined;
  age: Age;
  /** Where it is on disk now: several while it is compressed or copied, none once it is unlinked. */
  places: readonly SeenFile[] = [];
  /** The last place it was seen at; what reports and checkpoints name. */
  lastSeen: SeenFile | undefined;
  harvester: Harvester | undefined;
  /** The next byte to read. */
  position: number;
  /** The one that the position is inside of: a part of it was handed on, and the others follow. */
  longLine: LongLine | undefined;
  /** Bytes [position, pendingEnd) were looked at and have no newline yet. */
  pendingEnd: number;
  /** When its size or name last changed (ms, monotonic). */
  changedAt: number;
  /** When it was last found on disk (ms, monotonic). */
  placedAt = -Infinity;
  /** Not to be read again before (ms, monotonic), after an error. */
  notBefore = 0;
  /** Reads that failed in a row. */
  failures = 0;
  /** It was tried often enough: what was not read of it stays where it is. */
  isGivenUp = false;
  /** Events before this time are left out, until the first that is not (`--from`). */
  seekEpochMs: number | undefined;
  /** The most bytes of content that it was seen to have; what is lost when it vanishes counts up to here. */
  largestBytes = 0;
  /** Set while it is nowhere on disk with bytes unread (ms, monotonic). */
  missingSince: number | undefined;
  /** Remembered from a log that is not there any more, and not found yet. */
  isOrphan = false;
  /** Remembered as the active file, and not found yet: it may have grown, nobody knows how far. */
  isUnfinished = false;
  /** Its file was cut, or written anew: what was not read of it is not deleted, but overwritten. */
  wasCut = false;
  /** What the last look saw of the held file, until something is read of it: it need not be asked for again. */
  glimpse: Glimpse | undefined;
  /** The gz that was read to its end, so that a trailer that lies is not believed for ever. */
  exhaustedGz: SeenFile | undefined;

  /** How long it was when it had ended and still had no first line (a hole of NULs). */
  #namelessBytes = -1;

  constructor(start: {
    position: number;
    age: Age;
    now: number;
    fingerprint?: string | undefined;
  }) {
    this.position = start.position;
    this.pendingEnd = start.position;
    this.age = start.age;
    this.changedAt = start.now;
    this.fingerprint = start.fingerprint;
  }

  get isActive(): boolean {
    return this.age.backup === undefined;
  }

  /**
   * Whether it may only have been renamed between two looks when it is not found: then it is waited for, lest it
   * counts as lost, or as a new one that is shipped again. lumberjack renames a file once, logrotate shifts all.
   */
  get mayComeBack(): boolean {
    if (this.isOrphan || this.harvester !== undefined) return false;
    return this.largestBytes > this.position || this.lastSeen?.backup?.kind !== 'lumberjack';
  }

  /** Whether it is nowhere on disk when it has no place in the scan. */
  isGoneFrom(scan: Scan): boolean {
    if (this.harvester?.isUnlinked() === true) return true;
    return scan.complete && this.placedAt >= scan.unreadableSince;
  }

  /** Not on disk, not held, and not waited for. */
  get isNowhere(): boolean {
    return (
      this.places.length === 0 && this.harvester === undefined && this.missingSince === undefined
    );
  }

  get held(): Harvester | undefined {
    return this.harvester;
  }

  /** The size of its content as far as it is known: of the held file, or of the places as last seen. */
  contentBytes(): number {
    const { harvester } = this;
    const held = harvester === undefined || harvester.gz ? 0 : harvester.sizeNow();
    const places = held > 0 ? [] : this.places;
    const bytes = Math.max(held, ...places.map((place) => place.contentBytes ?? 0));
    this.largestBytes = Math.max(this.largestBytes, bytes, this.position);
    return bytes;
  }

  /** Whether something on disk, or behind the held descriptor, was not read yet. */
  hasUnread(): boolean {
    const { harvester } = this;
    if (this.isGivenUp) return false;
    if (this.glimpse !== undefined && this.glimpse.size > this.position) return true;
    if (harvester !== undefined && !harvester.gz) {
      return this.contentBytes() > this.position;
    }
    if (this.places.some((place) => !place.gz && (place.contentBytes ?? 0) > this.position)) {
      return true;
    }
    // A gz is closed as soon as its end is reached.
    if (harvester !== undefined) return true;
    return this.places.some((place) => place.gz && !this.#exhausted(place) && this.#differs(place));
  }

  #exhausted(gz: SeenFile): boolean {
    const { exhaustedGz } = this;
    const same = exhaustedGz?.ino === gz.ino && exhaustedGz.dev === gz.dev;
    return same && exhaustedGz.mtimeMs === gz.mtimeMs && exhaustedGz.size === gz.size;
  }

  #differs(gz: SeenFile): boolean {
    return gz.contentBytes !== this.position % GZ_SIZE_MODULUS;
  }

  /** Bytes of a file that has ended, without a first line: nothing can be read of it yet. */
  get lacksIdentity(): boolean {
    return this.fingerprint === undefined && !this.isActive && this.contentBytes() > 0;
  }

  /** Whether there is no first line in it, although it has ended. */
  get isNameless(): boolean {
    return this.#namelessBytes === this.contentBytes();
  }

  /** Goes to the first line: what a copytruncate leaves before it is a hole of NULs, often longer than any event. */
  skipHole(): void {
    this.position = Math.max(this.position, this.head?.start ?? 0);
    this.pendingEnd = Math.max(this.pendingEnd, this.position);
  }

  /** Whether bytes that were looked at are the beginning of a line that goes on. */
  get isInsideLine(): boolean {
    return this.pendingEnd > this.position;
  }

  /** Whether everything was read but a last line that has no newline yet. */
  get waitsForNewline(): boolean {
    return this.isInsideLine && this.contentBytes() <= this.pendingEnd;
  }

  /** The place to read from: a plain file that holds the position, the active one first; else the gz. */
  bestPlace(): SeenFile | undefined {
    if (this.places.length === 1) return this.places[0];
    const plain = this.places.filter((place) => !place.gz);
    const whole = plain.filter((place) => (place.contentBytes ?? 0) >= this.position);
    return (
      whole.find((place) => place.backup === undefined) ??
      whole[0] ??
      this.places.find((place) => place.gz) ??
      plain[0]
    );
  }

  /**
   * Whether the held file was replaced by a copy of it that has grown further (`sed -i`, a restored backup): the copy
   * is read on. As long as it has not, whoever holds the old one as we do may still write to that.
   */
  isOvertakenBy(place: SeenFile): boolean {
    const { harvester } = this;
    if (harvester === undefined || harvester.gz || place.gz) return false;
    const isHeld = ({ dev, ino }: SeenFile): boolean =>
      ino === harvester.ino && dev === harvester.dev;
    return !this.places.some(isHeld) && (place.contentBytes ?? 0) > harvester.sizeNow();
  }

  /**
   * Reads the head of the held plain file once the first line is known, to notice later that it changed.
   * @throws the system error when it cannot be read (EIO): then nothing else of it may be.
   */
  requireHead(): void {
    const { harvester, fingerprint, head } = this;
    if (harvester === undefined || fingerprint === undefined || head) return;
    // Of a gz it only says where the first line begins.
    if (harvester.gz && this.position > 0) return;
    const found = harvester.gz ? readGzHead(harvester.fd) : readHead(harvester.fd, true);
    if (typeof found === 'object' && found.fingerprint === fingerprint) this.head = found;
  }

  /** The same, when it can be read: otherwise that is told before the next block. */
  learnHead(): void {
    quietly(() => this.requireHead(), undefined);
  }

  /**
   * Learns who it is from the held file, if its first line is there by now.
   * @param ended what is there is the first line, with or without its newline.
   * @returns false when one of the others begins with the same line: the file is a copy of that one.
   */
  identify(ended: Ended, others: readonly KnownGeneration[]): boolean {
    if (this.harvester === undefined || this.harvester.gz) return true;
    const { fd } = this.harvester;
    const head = quietly(() => readHead(fd, ended), 'incomplete');
    this.#namelessBytes = ended === true ? this.contentBytes() : -1;
    if (typeof head !== 'object') return true;
    if (others.some(({ fingerprint }) => fingerprint === head.fingerprint)) return false;
    this.fingerprint = head.fingerprint;
    this.head = head;
    return true;
  }

  /** Of the held plain file, if that is known already. */
  firstLine(): Buffer | undefined {
    const { harvester, head } = this;
    if (harvester === undefined || harvester.gz || head === undefined) return undefined;
    return quietly(() => readFirstLine(harvester.fd, head), undefined);
  }

  /** Whether the held plain file still begins as it did: what was read from it belongs to this generation. */
  isIntact(): boolean {
    const { harvester, head } = this;
    if (harvester === undefined || harvester.isReleased) return false;
    return harvester.gz || (head !== undefined && !showsOtherHead(harvester, head));
  }

  /**
   * Whether the held file, of which this was seen, goes on as it was.
   * @param readsOn what is new is read at once: whether it still begins as it did is looked at then, and not twice.
   */
  goesOn(seen: Glimpse, readsOn: boolean): boolean {
    const isReadNext = readsOn && this.harvester?.gz === false && seen.size > this.position;
    this.glimpse = isReadNext ? seen : undefined;
    if (seen.size < this.position || !(isReadNext || this.isIntact())) return false;
    // Should it be cut before more of it is read, this much is lost.
    this.largestBytes = Math.max(this.largestBytes, seen.size);
    return true;
  }

  /** Whether the held file, out of sight among these, was cut or written anew before it vanished. */
  holdsAnotherLife(files: readonly SeenFile[]): boolean {
    const { harvester, head } = this;
    if (harvester === undefined || harvester.gz || head === undefined) return false;
    if (files.some(({ ino, dev }) => ino === harvester.ino && dev === harvester.dev)) return false;
    return harvester.sizeNow() < this.position || showsOtherHead(harvester, head);
  }

  release(): void {
    this.largestBytes = Math.max(this.largestBytes, this.harvester?.seenBytes ?? 0);
    this.harvester?.release();
    this.harvester = undefined;
    this.head = undefined;
    this.glimpse = undefined;
  }
}

/** A file that cannot be read (EIO) shows nothing: whoever reads on meets the same error, and reports it. */
function showsOtherHead({ fd }: Harvester, head: Head): boolean {
  return quietly(() => !headUnchanged(fd, head), false);
}

/** What a look at a file gives; something else when the system refuses it. */
function quietly<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return otherwise;
    throw error;
  }
}

/**
 * Whoever is held and out of sight may be seen as another file: compressed, or copied. It is known by what it holds, also
 * when that ends in its first line.
 */
export function identifyUnseen(
  generations: readonly Generation[],
  seen: readonly SeenFile[],
): void {
  for (const generation of generations) {
    const { fingerprint, harvester } = generation;
    if (fingerprint !== undefined || harvester === undefined) continue;
    if (seen.some(({ ino, dev }) => ino === harvester.ino && dev === harvester.dev)) continue;
    const isSeen = (name: string): boolean => seen.some((file) => file.fingerprint === name);
    generation.identify(isSeen, generations);
  }
}

/**
 * Whether the file is one that was taken as it is before, and was not found since. It has ended, however young it is.
 * @param name its fingerprint, when what it holds is its first line
 */
export function isLookedFor(
  generations: readonly Generation[],
  { size }: SeenFile,
  name: string,
): boolean {
  return generations.some(({ fingerprint, places, harvester, position }) => {
    const isMissed = places.length === 0 && harvester === undefined;
    return fingerprint === name && isMissed && position <= size;
  });
}

/** The open files by device and inode. */
export function heldFiles(generations: readonly Generation[]): Map<string, HeldFile> {
  const held = new Map<string, HeldFile>();
  for (const { harvester, head, fingerprint, lastSeen } of generations) {
    if (harvester === undefined) continue;
    const { fd, gz, dev, ino } = harvester;
    const contentBytes = lastSeen?.contentBytes;
    held.set(`${dev}:${ino}`, { fd, gz, head, fingerprint, contentBytes });
  }
  return held;
}

/** As checkpoints and reports need it; undefined while its first line is not complete. */
export function viewOf(generation: Generation): GenerationView | undefined {
  const { key, fingerprint, position, lastSeen, places } = generation;
  if (fingerprint === undefined || lastSeen === undefined) return undefined;
  const { path, dev, ino } = lastSeen;
  // What was seen through a descriptor that is closed by now counts, too.
  const size = Math.max(generation.contentBytes(), generation.largestBytes);
  return { key, path, fingerprint, dev, ino, size, position, present: places.length > 0 };
}
