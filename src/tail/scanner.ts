/**
 * Looks at the directory of one log and says which of its files are there, with their identity. It reads heads
 * of files that it has not seen before; it decides nothing about generations.
 */
import { fstatSync, readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Descriptors, OpenFile } from './descriptors.ts';
import type { SeenFile } from './file-set.ts';
import { gzContentSize, headUnchanged, readGzHead, readHead, type Head } from './fingerprint.ts';
import { compareAge, parseLogFileName, type LogFileName } from './names.ts';
import { errorCode, type Problems } from './problems.ts';
import { statOrUndefined } from './stat.ts';

/** A log: the active file and its backups in one directory. */
export interface LogSite {
  readonly directory: string;
  /** The active file's name. */
  readonly base: string;
  /** Limits the log to some of its files, when the user named backups one by one. */
  readonly accepts?: (name: string) => boolean;
}

/** An open file that some generation already holds; its inode cannot be reused meanwhile. */
export interface HeldFile {
  readonly fd: number;
  readonly gz: boolean;
  readonly head: Head | undefined;
  readonly fingerprint: string | undefined;
  readonly contentBytes: number | undefined;
}

export interface ScanOptions {
  /** Looks at every file anew; otherwise backups with a unique name are taken as they were. */
  readonly full: boolean;
  /** What is new is looked at first, since it may be deleted soon; otherwise what is oldest. */
  readonly newestFirst: boolean;
  /** Whether a file without a newline is complete as it is. @param fingerprint of what it holds */
  readonly isEnded: (file: SeenFile, fingerprint: string) => boolean;
  readonly heldAt: (dev: number, ino: number) => HeldFile | undefined;
}

export interface Scan {
  /** All files of the log; when not complete, only the next few that were identified. */
  readonly seen: readonly SeenFile[];
  /** Files that were opened to be identified, still open: whoever takes the scan adopts or closes them. */
  readonly opened: ReadonlyMap<string, OpenFile>;
  /** False while there are more files to identify than one turn may take. The oldest come first. */
  readonly complete: boolean;
  /** Files came, went or moved meanwhile: older ones may be there that it has not seen. Never when it is complete. */
  readonly stale: boolean;
  /**
   * When a file that cannot be read was first met that still cannot (ms, monotonic; the latest of them): a
   * generation that was not found since may be that file. -Infinity when all can be read; Infinity when a file
   * vanished while it was looked for (it may be there under another name, and may be any), or when none is there.
   */
  readonly unreadableSince: number;
}

/** How long one scan may go on identifying files (ms): rotation must not go unnoticed meanwhile. */
const IDENTIFY_BUDGET_MS = 10;
/** How many files one scan may open to identify them: they are all open until it is over. */
const MAX_OPENED_PER_SCAN = 128;
/** How many of them are opened before the first is identified. */
const MAX_OPENED_AHEAD = 64;

/**
 * How often a scan lists the directory when files were renamed between listing and opening them: under another name
 * they are there still, and who does not see them ships the younger ones first. More than a few times in a row means
 * that files come and go faster than they can be looked at.
 */
const MAX_LISTINGS = 4;

/**
 * How long a listing of the directory is taken for granted that shows no change of its own: not all file systems can
 * be trusted to show one. A listing of more names is not kept, since they would be the memory of a large log.
 */
const LISTING_MAX_AGE_MS = 60_000;
const LISTING_MAX_NAMES = 1000;
/** File times are as coarse as a tick, and on some file systems 2 s: another change may have the same. */
const COARSE_TIME_MS = 2000;

/** Stands for the inode of a file that was only listed: opening it says the rest. */
const NOT_LOOKED_AT = -1;

/** What the directory held, when it was last listed. */
interface Listing {
  readonly names: readonly string[];
  readonly stats: Stats;
  readonly readMs: number;
}

/** A file that cannot be read. */
interface Unreadable {
  readonly ino: number;
  readonly sinceMs: number;
}

export class Scanner {
  readonly #site: LogSite;
  readonly #descriptors: Descriptors;
  readonly #problems: Problems;
  /** What was identified, by path: of the last complete scan, and of the one under way. */
  readonly #known = new Map<string, SeenFile>();
  /** What the last listing found, oldest first. */
  #listed: readonly SeenFile[] = [];
  /** All names that the listing met, of this log and of others. */
  #names: readonly string[] = [];
  #listing: Listing | undefined;
  /** Files before it are identified. */
  #next = 0;
  /** Since when files are there and cannot be read: of the last complete scan, and of the one under way. */
  #unreadable: ReadonlyMap<string, Unreadable> = new Map();
  #unreadableNow = new Map<string, Unreadable>();
  /** Files that the last listing named and that were not there any more: renamed, compressed or deleted. */
  #vanished = 0;
  /** How often the scan under way has listed the directory. */
  #listings = 0;

  constructor(site: LogSite, descriptors: Descriptors, problems: Problems) {
    this.#site = site;
    this.#descriptors = descriptors;
    this.#problems = problems;
  }

  /**
   * Looks at the directory.
   * @returns undefined when it is not there or cannot be read, which is reported.
   */
  scan(options: ScanOptions): Scan | undefined {
    this.#listings = 1;
    return this.#listAndIdentify(options);
  }

  /**
   * Goes on with a scan that was not complete: with the next files, or, when files vanished while they were looked
   * for, with another look at the directory. What was opened so far is in the scans before: they are to be taken.
   */
  goOn(options: ScanOptions): Scan | undefined {
    if (this.#next < this.#listed.length) return this.#identifyNext(options);
    this.#listings += 1;
    return this.#listAndIdentify(options);
  }

  /** The file has changed since it was identified: the next scan looks at it anew. */
  forget(path: string | undefined): void {
    if (path !== undefined) this.#known.delete(path);
  }

  #listAndIdentify(options: ScanOptions): Scan | undefined {
    this.#unreadableNow = new Map();
    this.#vanished = 0;
    const listed = this.#list(options);
    if (listed === undefined) return undefined;
    this.#listed = inOrder(listed, options.newestFirst);
    this.#next = 0;
    return this.#identifyNext(options);
  }

  #identifyNext(options: ScanOptions): Scan {
    const opened = this.#openAhead(options);
    const deadline = performance.now() + IDENTIFY_BUDGET_MS;
    const first = this.#next;
    for (; this.#next < this.#listed.length; this.#next++) {
      const listed = this.#listed[this.#next];
      if (listed === undefined) break;
      const spent = opened.size >= MAX_OPENED_PER_SCAN || performance.now() > deadline;
      if (spent && this.#next > first) break;
      const file = this.#identify(listed, options, opened);
      if (file === undefined) this.#known.delete(listed.path);
      else this.#known.set(listed.path, file);
    }
    const atEnd = this.#next >= this.#listed.length;
    const stale = atEnd && (this.#vanished > 0 || (opened.size > 0 && this.#hasRotated()));
    const complete = atEnd && (!stale || this.#listings >= MAX_LISTINGS);
    if (complete) this.#forgetOthers();
    const seen = this.#seen(complete ? 0 : first, this.#next);
    if (complete) this.#conclude();
    // An empty directory proves no more than one that cannot be read.
    const isUncertain = this.#vanished > 0 || seen.length === 0;
    const unreadableSince = isUncertain
      ? Infinity
      : Math.max(-Infinity, ...Array.from(this.#unreadable.values(), ({ sinceMs }) => sinceMs));
    return { seen, opened, complete, stale: stale && !complete, unreadableSince };
  }

  /**
   * Opens the next few files that are not known before anything is read of them: under fast rotation they live for
   * milliseconds, and identifying one takes as long as the others may have.
   */
  #openAhead(options: ScanOptions): Map<string, OpenFile> {
    const opened = new Map<string, OpenFile>();
    if (!options.newestFirst) return opened;
    for (let index = this.#next; index < this.#listed.length; index++) {
      const listed = this.#listed[index];
      if (listed === undefined || opened.size >= MAX_OPENED_AHEAD) break;
      if (listed.ino !== NOT_LOOKED_AT || listed.gz) continue;
      try {
        opened.set(listed.path, this.#descriptors.open(listed.path));
      } catch (error) {
        // Whoever identifies it will meet the same error, and report it.
        if (!(error instanceof Error && 'code' in error)) throw error;
      }
    }
    return opened;
  }

  /** Whether there was a rotation since the listing: then what was opened as the newest has an older sibling. */
  #hasRotated(): boolean {
    // No directory promises to list its names in the same order again.
    const before = new Set(this.#names);
    const names = this.#readNames() ?? [];
    if (names.length !== before.size) return true;
    return names.some((name) => !before.has(name)) || this.#haveShifted();
  }

  /** logrotate moves all of its backups up by one: the same names stand for other files then. */
  #haveShifted(): boolean {
    return this.#listed.filter(isNumbered).some(({ path }) => {
      const known = this.#known.get(path);
      return known !== undefined && known.ino !== statOrUndefined(path)?.ino;
    });
  }

  /** A file that could not be read and is gone is no problem any more. */
  #conclude(): void {
    this.#listed = [];
    this.#names = [];
    this.#next = 0;
    for (const path of this.#unreadable.keys()) {
      if (!this.#unreadableNow.has(path)) this.#problems.clear(path);
    }
    this.#unreadable = this.#unreadableNow;
  }

  #forgetOthers(): void {
    if (this.#known.size === this.#listed.length) return;
    const paths = new Set(this.#listed.map((file) => file.path));
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
  }

  #seen(from: number, to: number): SeenFile[] {
    const files: SeenFile[] = [];
    for (const { path } of this.#listed.slice(from, to)) {
      const file = this.#known.get(path);
      // A gz that does not show its first line is being written, or broken: it is nobody's place yet.
      if (file !== undefined && !(file.gz && file.fingerprint === undefined)) files.push(file);
    }
    return withoutAliases(files);
  }

  #readNames(): readonly string[] | undefined {
    const { directory } = this.#site;
    const now = Date.now();
    const stats = statOrUndefined(directory);
    if (this.#listing !== undefined && isCurrent(this.#listing, stats, now)) {
      return this.#listing.names;
    }
    this.#listing = undefined;
    try {
      const names = readdirSync(directory);
      this.#problems.clear(directory);
      // Looked at before it was listed: what changed meanwhile shows next time.
      const isCertain = stats !== undefined && now - stats.mtimeMs > COARSE_TIME_MS;
      if (isCertain && names.length <= LISTING_MAX_NAMES) {
        this.#listing = { names, stats, readMs: now };
      }
      return names;
    } catch (error) {
      this.#problems.report(directory, error, 'the directory cannot be read');
      return undefined;
    }
  }

  #list(options: ScanOptions): SeenFile[] | undefined {
    const { directory, base } = this.#site;
    // Joined once: with thousands of names the rest of what `join` does is not free.
    const prefix = join(directory, '/');
    const names = this.#readNames();
    if (names === undefined) return undefined;
    this.#names = names;
    const listed: SeenFile[] = [];
    const all = new Set(names);
    for (const name of names) {
      // Beside its plain file a gz is being made, or was left unfinished by a crash: the plain file counts.
      if (name.endsWith('.gz') && all.has(name.slice(0, -'.gz'.length))) continue;
      const parsed = parseLogFileName(name);
      if (parsed.base !== base || this.#site.accepts?.(name) === false) continue;
      const file = this.#look(prefix + name, parsed, options.full);
      if (file !== undefined) listed.push(file);
    }
    return listed.sort(compareAge);
  }

  /** Nobody renames another file to a backup's name that holds a time, and a full scan looks all the same. */
  #look(path: string, name: LogFileName, full: boolean): SeenFile | undefined {
    if (name.backup?.kind === 'lumberjack') {
      const known = this.#known.get(path);
      if (known === undefined) return fileOf(path, name, undefined);
      if (!full && known.fingerprint !== undefined) return known;
    }
    try {
      const stats = statSync(path);
      return stats.isFile() ? fileOf(path, name, stats) : undefined;
    } catch (error) {
      this.#cannot({ path, ...name, ino: NOT_LOOKED_AT }, error, 'the file cannot be looked at');
      return undefined;
    }
  }

  #identify(
    listed: SeenFile,
    options: ScanOptions,
    opened: Map<string, OpenFile>,
  ): SeenFile | undefined {
    if (listed.ino !== NOT_LOOKED_AT) {
      const held = options.heldAt(listed.dev, listed.ino);
      if (held !== undefined) return this.#lookAtHeld(listed, held, options);
      const known = this.#known.get(listed.path);
      if (known !== undefined && isUnchanged(known, listed)) return known;
    }
    return this.#open(listed, options, opened);
  }

  #open(
    listed: SeenFile,
    options: ScanOptions,
    opened: Map<string, OpenFile>,
  ): SeenFile | undefined {
    const { path, gz } = listed;
    try {
      const { fd, stats } = opened.get(path) ?? this.#descriptors.open(path);
      opened.set(path, { fd, stats });
      if (!stats.isFile()) return undefined;
      const isOther = listed.ino !== NOT_LOOKED_AT && listed.ino !== stats.ino;
      if (isOther && isNumbered(listed)) {
        this.#vanished += 1;
        return undefined;
      }
      const file = fileOf(path, listed, stats);
      const held = options.heldAt(file.dev, file.ino);
      if (held !== undefined) return this.#lookAtHeld(file, held, options);
      const head = gz ? readGzHead(fd) : readHead(fd, (name) => options.isEnded(file, name));
      if (head === 'damaged') this.#cannot(file, damaged, 'not a gzip file');
      else this.#problems.clear(path);
      const fingerprint = typeof head === 'object' ? head.fingerprint : undefined;
      if (gz) return { ...file, fingerprint, contentBytes: gzContentSize(fd) };
      // It was empty when it was opened, and an older writer has written to it since.
      const hasGrown = fingerprint !== undefined && file.size === 0;
      return { ...(hasGrown ? fileOf(path, listed, fstatSync(fd)) : file), fingerprint };
    } catch (error) {
      this.#cannot(listed, error, 'the file cannot be read');
      return undefined;
    }
  }

  #lookAtHeld(file: SeenFile, held: HeldFile, options: ScanOptions): SeenFile | undefined {
    try {
      return lookAtHeld(file, held, options);
    } catch (error) {
      this.#cannot(file, error, 'the file cannot be read');
      return undefined;
    }
  }

  #cannot(file: Pick<SeenFile, 'path' | 'backup' | 'ino'>, error: unknown, what: string): void {
    const { path } = file;
    if (errorCode(error) === 'ENOENT') {
      this.#vanished += 1;
      this.#problems.clear(path);
      return;
    }
    const known = this.#unreadable.get(path);
    const isSame = known !== undefined && isSameFile(known, file);
    const sinceMs = isSame ? known.sinceMs : performance.now();
    this.#unreadableNow.set(path, { ino: file.ino, sinceMs });
    this.#problems.report(path, error, what);
  }
}

/** Whether the path stands for the file that could not be read before: logrotate gives it to another one. */
function isSameFile(
  before: Unreadable,
  { ino, backup }: Pick<SeenFile, 'ino' | 'backup'>,
): boolean {
  if (ino === NOT_LOOKED_AT) return backup?.kind === 'lumberjack';
  return ino === before.ino;
}

/** Whether the same name stands for another file soon: each rotation moves all numbered backups up by one. */
function isNumbered({ backup }: SeenFile): boolean {
  return backup?.kind === 'numbered';
}

function isCurrent(
  { stats: then, readMs }: Listing,
  now: Stats | undefined,
  nowMs: number,
): boolean {
  const isSame = now?.ino === then.ino && now.dev === then.dev;
  const showsNone = isSame && now.mtimeMs === then.mtimeMs && now.ctimeMs === then.ctimeMs;
  return showsNone && nowMs - readMs < LISTING_MAX_AGE_MS;
}

const damaged = Object.assign(new Error('damaged'), { code: 'DAMAGED_GZIP' });

/** A held file is known by its descriptor; whether it still begins as it did is all there is to find out. */
function lookAtHeld(file: SeenFile, held: HeldFile, options: ScanOptions): SeenFile {
  const { fingerprint, contentBytes } = held;
  if (held.gz) return { ...file, fingerprint, contentBytes };
  if (held.head !== undefined && headUnchanged(held.fd, held.head)) return { ...file, fingerprint };
  const head = readHead(held.fd, (name) => options.isEnded(file, name));
  return { ...file, fingerprint: typeof head === 'object' ? head.fingerprint : undefined };
}

/** Without a first line it may get one, and be ended by now. An empty file has nothing to look at. */
function isUnchanged(known: SeenFile, file: SeenFile): boolean {
  return (
    (known.fingerprint !== undefined || known.size === 0) &&
    known.dev === file.dev &&
    known.ino === file.ino &&
    known.size === file.size &&
    known.mtimeMs === file.mtimeMs
  );
}

/** A file before it was identified; without stats, before it was looked at. */
function fileOf(
  path: string,
  { backup, gz }: Pick<SeenFile, 'backup' | 'gz'>,
  stats: Stats | undefined,
): SeenFile {
  const { dev, ino, mtimeMs, size } = stats ?? { ...NOTHING, ino: NOT_LOOKED_AT };
  return { path, backup, gz, dev, ino, mtimeMs, size, contentBytes: size, fingerprint: undefined };
}

const NOTHING = { dev: 0, mtimeMs: 0, size: 0 };

/** The active file is identified first, so that it is held before it is renamed. */
function inOrder(oldestFirst: readonly SeenFile[], newestFirst: boolean): readonly SeenFile[] {
  const active = oldestFirst.filter((file) => file.backup === undefined);
  const backups = oldestFirst.filter((file) => file.backup !== undefined);
  return [...active, ...(newestFirst ? backups.toReversed() : backups)];
}

/** One file under several names (hard or symbolic links) counts once, under the first name. */
function withoutAliases(files: readonly SeenFile[]): SeenFile[] {
  const byDevice = new Map<number, Set<number>>();
  return files.filter(({ dev, ino }) => {
    const inodes = byDevice.get(dev) ?? new Set();
    byDevice.set(dev, inodes);
    if (inodes.has(ino)) return false;
    inodes.add(ino);
    return true;
  });
}
