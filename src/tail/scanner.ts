/**
 * Looks at the directory of one log and says which of its files are there, with their identity. It reads heads
 * of files that it has not seen before; it decides nothing about generations.
 */
import { readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Descriptors, OpenFile } from './descriptors.ts';
import type { SeenFile } from './file-set.ts';
import { gzContentSize, headUnchanged, readGzHead, readHead, type Head } from './fingerprint.ts';
import { compareAge, parseLogFileName, type LogFileName } from './names.ts';
import { errorCode, type Problems } from './problems.ts';

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
  /** Whether a file without a newline is complete as it is, last written at this time. */
  readonly isEnded: (name: LogFileName, mtimeMs: number) => boolean;
  readonly heldAt: (dev: number, ino: number) => HeldFile | undefined;
}

export interface Scan {
  /** All files of the log; when not complete, only the next few that were identified. */
  readonly seen: readonly SeenFile[];
  /** Files that were opened to be identified, still open: whoever takes the scan adopts or closes them. */
  readonly opened: ReadonlyMap<string, OpenFile>;
  /** False while there are more files to identify than one turn may take. The oldest come first. */
  readonly complete: boolean;
  /**
   * Whether a generation without a file here is gone: every file could be looked at, and there are some. An
   * empty directory proves nothing, it may be a mount that is away.
   */
  readonly conclusive: boolean;
}

/** How long one scan may go on identifying files (ms): rotation must not go unnoticed meanwhile. */
const IDENTIFY_BUDGET_MS = 10;
/** How many files one scan may open to identify them: they are all open until it is over. */
const MAX_IDENTIFIED_PER_SCAN = 128;

/** A file as stat saw it. */
interface Entry {
  readonly path: string;
  readonly name: LogFileName;
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

interface Known {
  readonly entry: Entry;
  /** Whether it counted as ended then: a first line without a newline is complete in an ended file. */
  readonly ended: boolean;
  readonly file: SeenFile;
}

export class Scanner {
  readonly #site: LogSite;
  readonly #descriptors: Descriptors;
  readonly #problems: Problems;
  /** What was identified, by path: of the last complete scan, and of the one under way. */
  #known = new Map<string, Known>();
  /** What the last listing found, oldest first. */
  #entries: readonly Entry[] = [];
  /** Entries before it are identified. */
  #next = 0;
  /** Files of the current scan that are there and cannot be read. */
  #unreadable = 0;

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
    this.#unreadable = 0;
    const entries = this.#list(options);
    if (entries === undefined) return undefined;
    this.#entries = activeFirst(entries);
    this.#next = 0;
    return this.goOn(options);
  }

  /** Goes on with a scan that was not complete, without looking at the directory again. */
  goOn(options: ScanOptions): Scan {
    const opened = new Map<string, OpenFile>();
    const deadline = performance.now() + IDENTIFY_BUDGET_MS;
    const first = this.#next;
    for (; this.#next < this.#entries.length; this.#next++) {
      const entry = this.#entries[this.#next];
      if (entry === undefined) break;
      const spent = opened.size >= MAX_IDENTIFIED_PER_SCAN || performance.now() > deadline;
      if (spent && this.#next > first) break;
      const known = this.#identify(entry, options, opened);
      if (known === undefined) this.#known.delete(entry.path);
      else this.#known.set(entry.path, known);
    }
    const complete = this.#next >= this.#entries.length;
    if (complete) this.#forgetOthers();
    const seen = this.#seen(complete ? 0 : first, this.#next);
    const conclusive = complete && this.#unreadable === 0 && seen.length > 0;
    return { seen, opened, complete, conclusive };
  }

  #forgetOthers(): void {
    if (this.#known.size === this.#entries.length) return;
    const paths = new Set(this.#entries.map((entry) => entry.path));
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
  }

  #seen(from: number, to: number): SeenFile[] {
    const files = this.#entries.slice(from, to).flatMap((entry) => {
      const file = this.#known.get(entry.path)?.file;
      // A gz that does not show its first line is being written, or broken: it is nobody's place yet.
      return file === undefined || (file.gz && file.fingerprint === undefined) ? [] : [file];
    });
    return withoutAliases(files);
  }

  #list(options: ScanOptions): Entry[] | undefined {
    const { directory, base } = this.#site;
    let names: string[];
    try {
      names = readdirSync(directory);
      this.#problems.clear(directory);
    } catch (error) {
      this.#problems.report(directory, error, 'the directory cannot be read');
      return undefined;
    }
    const entries: Entry[] = [];
    for (const name of names) {
      const parsed = parseLogFileName(name);
      if (parsed.base !== base || (this.#site.accepts?.(name) ?? true) === false) continue;
      const entry = this.#stat(join(directory, name), parsed, options.full);
      if (entry !== undefined) entries.push(entry);
    }
    return entries.sort((a, b) => compareAge(ageOf(a), ageOf(b)));
  }

  #stat(path: string, name: LogFileName, full: boolean): Entry | undefined {
    const known = this.#known.get(path);
    // Nobody renames another file to a backup's name that holds a time, and a full scan looks all the same.
    const unique = name.backup !== undefined && name.backup.kind !== 'numbered';
    if (!full && known?.file.fingerprint !== undefined && unique) return known.entry;
    try {
      const stats = statSync(path);
      return stats.isFile() ? entryOf(path, name, stats) : undefined;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') this.#problems.clear(path);
      else this.#cannot(path, error, 'the file cannot be looked at');
      return undefined;
    }
  }

  #identify(entry: Entry, options: ScanOptions, opened: Map<string, OpenFile>): Known | undefined {
    const held = options.heldAt(entry.dev, entry.ino);
    if (held !== undefined) return lookAtHeld(entry, held, options);
    const known = this.#known.get(entry.path);
    if (known !== undefined && isUnchanged(known, entry, options)) return known;
    return this.#open(entry, options, opened);
  }

  #open(stale: Entry, options: ScanOptions, opened: Map<string, OpenFile>): Known | undefined {
    const { path, name } = stale;
    try {
      const file = this.#descriptors.open(path);
      opened.set(path, file);
      const entry = entryOf(path, name, file.stats);
      const ended = isEnded(entry, options);
      const head = name.gz ? readGzHead(file.fd) : readHead(file.fd, ended);
      if (head === 'damaged') this.#cannot(path, damaged, 'not a gzip file');
      else this.#problems.clear(path);
      const fingerprint = typeof head === 'object' ? head.fingerprint : undefined;
      const contentBytes = name.gz ? gzContentSize(file.fd) : entry.size;
      return { entry, ended, file: seenFile(entry, fingerprint, contentBytes) };
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') this.#cannot(path, error, 'the file cannot be read');
      return undefined;
    }
  }

  #cannot(path: string, error: unknown, what: string): void {
    this.#unreadable += 1;
    this.#problems.report(path, error, what);
  }
}

const damaged = Object.assign(new Error('damaged'), { code: 'DAMAGED_GZIP' });

/** A held file is known by its descriptor; whether it still begins as it did is all there is to find out. */
function lookAtHeld(entry: Entry, held: HeldFile, options: ScanOptions): Known {
  const ended = isEnded(entry, options);
  if (held.gz) {
    return { entry, ended, file: seenFile(entry, held.fingerprint, held.contentBytes) };
  }
  const same = held.head !== undefined && headUnchanged(held.fd, held.head);
  const head = same ? held.head : readHead(held.fd, ended);
  const fingerprint = typeof head === 'object' ? head.fingerprint : undefined;
  return { entry, ended, file: seenFile(entry, fingerprint, entry.size) };
}

function isUnchanged(known: Known, entry: Entry, options: ScanOptions): boolean {
  const before = known.entry;
  if (known.file.fingerprint === undefined && known.ended !== isEnded(entry, options)) return false;
  return (
    before.dev === entry.dev &&
    before.ino === entry.ino &&
    before.size === entry.size &&
    before.mtimeMs === entry.mtimeMs
  );
}

function isEnded(entry: Entry, options: ScanOptions): boolean {
  return options.isEnded(entry.name, entry.mtimeMs);
}

function entryOf(path: string, name: LogFileName, stats: Stats): Entry {
  const { dev, ino, size, mtimeMs } = stats;
  return { path, name, dev, ino, size, mtimeMs };
}

function seenFile(
  entry: Entry,
  fingerprint: string | undefined,
  contentBytes: number | undefined,
): SeenFile {
  const { path, name, dev, ino, mtimeMs } = entry;
  const { backup, gz } = name;
  return { path, backup, gz, dev, ino, mtimeMs, contentBytes, fingerprint };
}

function ageOf(entry: Entry): { backup: LogFileName['backup']; mtimeMs: number } {
  return { backup: entry.name.backup, mtimeMs: entry.mtimeMs };
}

/** The active file is identified first, so that it is held before it is renamed; then the oldest. */
function activeFirst(entries: readonly Entry[]): readonly Entry[] {
  const active = entries.filter((entry) => entry.name.backup === undefined);
  return [...active, ...entries.filter((entry) => entry.name.backup !== undefined)];
}

/** One file under several names (hard or symbolic links) counts once, under the first name. */
function withoutAliases(files: readonly SeenFile[]): SeenFile[] {
  const inodes = new Set<string>();
  return files.filter((file) => {
    const inode = `${file.dev}:${file.ino}`;
    if (inodes.has(inode)) return false;
    inodes.add(inode);
    return true;
  });
}
