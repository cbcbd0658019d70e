/**
 * Looks at the directory of one log and says which of its files are there, with their identity. It reads heads
 * of files that it has not seen before; it decides nothing about generations.
 */
import { readdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Descriptors, OpenFile } from './descriptors.ts';
import type { SeenFile } from './file-set.ts';
import {
  gzContentSize,
  headUnchanged,
  readGzHead,
  readHead,
  type Head,
  type HeadResult,
} from './fingerprint.ts';
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
  readonly contentBytes: number | undefined;
}

export interface ScanOptions {
  /** Looks at every file anew; otherwise backups with a unique name are taken as they were. */
  readonly full: boolean;
  /** Whether a backup without a newline is complete as it is, last written at this time. */
  readonly isEnded: (name: LogFileName, mtimeMs: number) => boolean;
  readonly heldAt: (dev: number, ino: number) => HeldFile | undefined;
}

/** A file that was opened to be identified, still open: whoever takes the scan adopts or closes it. */
export interface Identified extends OpenFile {
  readonly head: Head | undefined;
}

export interface Scan {
  readonly seen: readonly SeenFile[];
  readonly heads: ReadonlyMap<SeenFile, Head>;
  readonly opened: ReadonlyMap<string, Identified>;
  /** False while there are more files to identify than one turn may take: then only the oldest are in it. */
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

interface Entry {
  readonly path: string;
  readonly name: LogFileName;
  readonly stats: Stats;
}

interface CacheEntry {
  readonly entry: Entry;
  /** Whether it counted as ended then: a first line without a newline is complete in an ended file. */
  readonly ended: boolean;
  readonly file: SeenFile;
  readonly head: Head | undefined;
}

export class Scanner {
  readonly #site: LogSite;
  readonly #descriptors: Descriptors;
  readonly #problems: Problems;
  #cache = new Map<string, CacheEntry>();
  /** Files of the current scan that are there and cannot be read. */
  #unreadable = 0;

  constructor(site: LogSite, descriptors: Descriptors, problems: Problems) {
    this.#site = site;
    this.#descriptors = descriptors;
    this.#problems = problems;
  }

  /** @returns undefined when the directory is not there or cannot be read, which is reported. */
  scan(options: ScanOptions): Scan | undefined {
    this.#unreadable = 0;
    const entries = this.#list(options);
    if (entries === undefined) return undefined;
    const cache = new Map<string, CacheEntry>();
    const opened = new Map<string, Identified>();
    const deadline = performance.now() + IDENTIFY_BUDGET_MS;
    let complete = true;
    for (const entry of activeFirst(entries)) {
      const spent = opened.size >= MAX_IDENTIFIED_PER_SCAN || performance.now() > deadline;
      if (spent && opened.size > 0 && this.#needsOpening(entry, options)) {
        complete = false;
        break;
      }
      const result = this.#identify(entry, options, opened);
      if (result !== undefined) cache.set(entry.path, result);
    }
    if (complete) this.#cache = cache;
    else for (const [path, entry] of cache) this.#cache.set(path, entry);
    const heads = new Map<SeenFile, Head>();
    for (const { file, head } of cache.values()) if (head !== undefined) heads.set(file, head);
    const seen = withoutAliases([...cache.values()].map((entry) => entry.file));
    const conclusive = complete && this.#unreadable === 0 && seen.length > 0;
    return { seen, heads, opened, complete, conclusive };
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
    const known = this.#cache.get(path);
    // Nobody renames another file to a backup's name that holds a time, and a full scan looks all the same.
    const unique = name.backup !== undefined && name.backup.kind !== 'numbered';
    if (!full && known?.file.fingerprint !== undefined && unique) return known.entry;
    try {
      const stats = statSync(path);
      return stats.isFile() ? { path, name, stats } : undefined;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') this.#problems.clear(path);
      else this.#cannot(path, error, 'the file cannot be looked at');
      return undefined;
    }
  }

  #needsOpening(entry: Entry, options: ScanOptions): boolean {
    const { dev, ino } = entry.stats;
    return options.heldAt(dev, ino) === undefined && this.#unchanged(entry, options) === undefined;
  }

  #unchanged(entry: Entry, options: ScanOptions): CacheEntry | undefined {
    const known = this.#cache.get(entry.path);
    if (known === undefined) return undefined;
    if (known.head === undefined && known.ended !== isEnded(entry, options)) return undefined;
    const { stats } = known.entry;
    const same =
      stats.dev === entry.stats.dev &&
      stats.ino === entry.stats.ino &&
      stats.size === entry.stats.size &&
      stats.mtimeMs === entry.stats.mtimeMs;
    return same ? known : undefined;
  }

  #identify(
    entry: Entry,
    options: ScanOptions,
    opened: Map<string, Identified>,
  ): CacheEntry | undefined {
    const held = options.heldAt(entry.stats.dev, entry.stats.ino);
    if (held !== undefined) return this.#lookAtHeld(entry, held, options);
    return this.#unchanged(entry, options) ?? this.#open(entry, options, opened);
  }

  #lookAtHeld(entry: Entry, held: HeldFile, options: ScanOptions): CacheEntry {
    const ended = isEnded(entry, options);
    const same = held.head !== undefined && (held.gz || headUnchanged(held.fd, held.head));
    const head = same ? held.head : headOrUndefined(readHead(held.fd, ended));
    const contentBytes = held.gz ? held.contentBytes : entry.stats.size;
    return { entry, ended, head, file: seenFile(entry, head, contentBytes) };
  }

  #open(
    stale: Entry,
    options: ScanOptions,
    opened: Map<string, Identified>,
  ): CacheEntry | undefined {
    const { path, name } = stale;
    try {
      const file = this.#descriptors.open(path);
      opened.set(path, { ...file, head: undefined });
      const entry = { path, name, stats: file.stats };
      const ended = isEnded(entry, options);
      const result = name.gz ? readGzHead(file.fd) : readHead(file.fd, ended);
      if (result === 'damaged') this.#cannot(path, damaged, 'not a gzip file');
      else this.#problems.clear(path);
      const head = headOrUndefined(result);
      opened.set(path, { ...file, head });
      const contentBytes = name.gz ? gzContentSize(file.fd) : file.stats.size;
      return { entry, ended, head, file: seenFile(entry, head, contentBytes) };
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

function isEnded(entry: Entry, options: ScanOptions): boolean {
  return options.isEnded(entry.name, entry.stats.mtimeMs);
}

function headOrUndefined(result: HeadResult): Head | undefined {
  return typeof result === 'object' ? result : undefined;
}

function seenFile(
  entry: Entry,
  head: Head | undefined,
  contentBytes: number | undefined,
): SeenFile {
  const { path, name, stats } = entry;
  return {
    path,
    backup: name.backup,
    gz: name.gz,
    dev: stats.dev,
    ino: stats.ino,
    mtimeMs: stats.mtimeMs,
    contentBytes,
    fingerprint: head?.fingerprint,
  };
}

function ageOf(entry: Entry): { backup: LogFileName['backup']; mtimeMs: number } {
  return { backup: entry.name.backup, mtimeMs: entry.stats.mtimeMs };
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
