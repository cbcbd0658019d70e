/**
 * Finds the logs: turns files, directories and globs into sites, again and again, since any of them may appear
 * later. It decides by names, and by the first bytes of files whose name says nothing; it reads no events.
 */
import { readdirSync, realpathSync, type Dirent } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import picomatch from 'picomatch';
import type { Log } from '../observe/log.ts';
import { isAuditLogName, parseLogFileName } from './names.ts';
import type { Problems } from './problems.ts';
import type { LogSite } from './scanner.ts';
import { sniff, type Sniffed } from './sniff.ts';
import { lstatOrUndefined, statOrUndefined } from './stat.ts';

/** How deep a directory is searched: /var/log/kubernetes/audit/audit.log is one, OpenShift's are one too. */
const MAX_DEPTH = 2;
/** How deep a glob with `**` is searched. */
const MAX_GLOB_DEPTH = 8;
/** A directory tree larger than this is not a place for audit logs; the rest of it is left alone, loudly. */
const MAX_DIRECTORIES = 2000;

export interface Found {
  readonly sites: readonly LogSite[];
  /** Directories in which something may appear: what to watch. */
  readonly directories: readonly string[];
  /** The given paths that lead to nothing now. */
  readonly missing: readonly string[];
}

/** Which files of a log are wanted: all of them, or some by name or pattern. */
interface Wanted {
  readonly directory: string;
  readonly base: string;
  all: boolean;
  readonly names: Set<string>;
  readonly patterns: Set<(path: string) => boolean>;
}

interface Walk {
  readonly sites: Map<string, Wanted>;
  /** How often a site was wanted: paths may lead to the same ones. */
  wanted: number;
  readonly directories: Set<string>;
}

export class Discovery {
  readonly #paths: readonly string[];
  readonly #log: Log;
  readonly #problems: Problems;
  /** What the content of a file said whose name says nothing. */
  readonly #sniffed = new Map<string, Sniffed>();

  constructor(paths: readonly string[], log: Log, problems: Problems) {
    this.#paths = paths.map((path) => (isGlob(path) ? path : resolve(path)));
    this.#log = log;
    this.#problems = problems;
  }

  /** Looks at the disk: every log that is there now. */
  find(): Found {
    const walk: Walk = { sites: new Map(), wanted: 0, directories: new Set() };
    const missing: string[] = [];
    for (const path of this.#paths) {
      const before = walk.wanted;
      if (isGlob(path)) this.#findGlob(path, walk);
      else if (statOrUndefined(path)?.isDirectory() === true) this.#findIn(path, 0, walk);
      else findFile(path, walk);
      if (walk.wanted === before) missing.push(path);
    }
    return { sites: withoutLinks(walk.sites), directories: [...walk.directories], missing };
  }

  #findIn(directory: string, depth: number, walk: Walk): void {
    const entries = this.#list(directory, walk);
    const bases = new Map<string, string[]>();
    for (const entry of entries) {
      if (entry.isDirectory() && depth < MAX_DEPTH && !entry.name.startsWith('.')) {
        this.#findIn(join(directory, entry.name), depth + 1, walk);
      } else if (isFile(directory, entry)) {
        const { base } = parseLogFileName(entry.name);
        const names = bases.get(base);
        if (names === undefined) bases.set(base, [entry.name]);
        else names.push(entry.name);
      }
    }
    for (const [base, names] of bases) {
      if (this.#isAudit(directory, base, names)) want(walk, directory, base).all = true;
    }
  }

  #isAudit(directory: string, base: string, names: readonly string[]): boolean {
    if (isAuditLogName(base)) return true;
    const path = join(directory, base);
    const known = this.#sniffed.get(path) ?? 'unknown';
    if (known !== 'unknown') return known === 'audit';
    const name = names.includes(base) ? base : (names[0] ?? base);
    const sniffed = sniff(join(directory, name), parseLogFileName(name).gz);
    this.#sniffed.set(path, sniffed);
    if (sniffed === 'other') this.#log.info('left alone, no audit events in it', { path });
    return sniffed === 'audit';
  }

  #findGlob(glob: string, walk: Walk): void {
    const { base, glob: pattern } = picomatch.scan(glob);
    const matches = picomatch(resolve(base, pattern));
    const segments = pattern.split('/');
    const depth = pattern.includes('**') ? MAX_GLOB_DEPTH : segments.length - 1;
    this.#globIn(resolve(base), depth, matches, walk);
  }

  #globIn(directory: string, depth: number, matches: (path: string) => boolean, walk: Walk): void {
    for (const entry of this.#list(directory, walk)) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && depth > 0) this.#globIn(path, depth - 1, matches, walk);
      else if (matches(path) && isFile(directory, entry))
        addMatch(directory, entry.name, matches, walk);
    }
  }

  #list(directory: string, walk: Walk): readonly Dirent[] {
    if (walk.directories.size >= MAX_DIRECTORIES) {
      const error = Object.assign(new Error('too many'), { code: 'TOO_MANY_DIRECTORIES' });
      this.#problems.report(
        directory,
        error,
        `more than ${MAX_DIRECTORIES} directories, give paths`,
      );
      return [];
    }
    try {
      const entries = readdirSync(directory, { withFileTypes: true });
      walk.directories.add(directory);
      this.#problems.clear(directory);
      return entries;
    } catch (error) {
      walk.directories.add(nearestDirectory(directory));
      this.#problems.report(directory, error, 'the directory cannot be read');
      return [];
    }
  }
}

export function isGlob(path: string): boolean {
  return picomatch.scan(path).isGlob && statOrUndefined(path) === undefined;
}

/** A file named by the user: with its backups when it is an active file, alone when it is a backup itself. */
function findFile(path: string, walk: Walk): void {
  const directory = dirname(path);
  const name = basename(path);
  const { base, backup, gz } = parseLogFileName(name);
  walk.directories.add(nearestDirectory(directory));
  if (statOrUndefined(path)?.isFile() === true && (backup !== undefined || gz)) {
    want(walk, directory, base).names.add(name);
    return;
  }
  if (statOrUndefined(path)?.isFile() === true || hasBackups(directory, name)) {
    want(walk, directory, name).all = true;
  }
}

/** Between the rename and the creation of a rotation, or when the writer is away, only backups are there. */
function hasBackups(directory: string, base: string): boolean {
  if (statOrUndefined(directory)?.isDirectory() !== true) return false;
  try {
    return readdirSync(directory).some((name) => parseLogFileName(name).base === base);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** A match that is an active file brings its backups; backups alone bring only what the glob takes. */
function addMatch(
  directory: string,
  name: string,
  matches: (path: string) => boolean,
  walk: Walk,
): void {
  const { base } = parseLogFileName(name);
  const wanted = want(walk, directory, base);
  if (matches(join(directory, base)) && parseLogFileName(base).base === base) wanted.all = true;
  else wanted.patterns.add(matches);
}

function want(walk: Walk, directory: string, base: string): Wanted {
  walk.wanted += 1;
  const path = join(directory, base);
  const known = walk.sites.get(path);
  if (known !== undefined) return known;
  const names = new Set<string>();
  const patterns = new Set<(path: string) => boolean>();
  const wanted: Wanted = { directory, base, all: false, names, patterns };
  walk.sites.set(path, wanted);
  return wanted;
}

function siteOf({ directory, base, all, names, patterns }: Wanted): LogSite {
  if (all) return { directory, base };
  const matches = [...patterns];
  const accepts = (name: string): boolean =>
    names.has(name) || matches.some((match) => match(join(directory, name)));
  return { directory, base, accepts };
}

/** A symbolic link to another log that was found is the same log, not a second one. */
function withoutLinks(sites: ReadonlyMap<string, Wanted>): LogSite[] {
  // The way to a directory has many parts, each of them a look at the disk, and a hundred logs may lie in it.
  const realDirectories = new Map<string, string>();
  const kept: LogSite[] = [];
  for (const [path, wanted] of sites) {
    const { directory, base } = wanted;
    const realDirectory = realDirectories.get(directory) ?? realPath(directory);
    realDirectories.set(directory, realDirectory);
    const isLink = lstatOrUndefined(path)?.isSymbolicLink() === true;
    const real = isLink ? realPath(path) : join(realDirectory, base);
    if (real === path || !sites.has(real)) kept.push(siteOf(wanted));
  }
  return kept;
}

/** Where the links lead; of an active file that is not there just now, where its directory is. */
function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function isFile(directory: string, entry: Dirent): boolean {
  if (entry.isSymbolicLink()) {
    return statOrUndefined(join(directory, entry.name))?.isFile() === true;
  }
  return entry.isFile();
}

function nearestDirectory(path: string): string {
  let directory = path;
  while (statOrUndefined(directory)?.isDirectory() !== true && dirname(directory) !== directory) {
    directory = dirname(directory);
  }
  return directory;
}
