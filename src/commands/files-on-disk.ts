/**
 * The files of a log as they are on disk now, for commands that only look. Holds nothing open for long and decides nothing
 * about what was read of them.
 */
import type { Log } from '../observe/log.ts';
import { Descriptors } from '../tail/descriptors.ts';
import type { SeenFile } from '../tail/file-set.ts';
import { readGzHead, readHead } from '../tail/fingerprint.ts';
import { compareAge } from '../tail/names.ts';
import { errorCode, type Problems } from '../tail/problems.ts';
import { Scanner, type LogSite } from '../tail/scanner.ts';

/** Who looks says itself what there is to say. */
export const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} };

/** One file for each generation, oldest first. */
export function filesOf(site: LogSite, problems: Problems): readonly SeenFile[] {
  return withoutTwins(allFilesOf(site, problems).sort((a, b) => compareAge(a, b)));
}

function allFilesOf(site: LogSite, problems: Problems): SeenFile[] {
  const descriptors = new Descriptors();
  const scanner = new Scanner(site, descriptors, problems);
  const options = {
    full: true,
    newestFirst: false,
    isEnded: () => true,
    heldAt: () => undefined,
  };
  for (let scan = scanner.scan(options); scan !== undefined; scan = scanner.goOn(options)) {
    for (const { fd } of scan.opened.values()) descriptors.close(fd);
    if (scan.complete) return [...scan.seen];
  }
  return [];
}

/** A backup and its half-made gz, or a copy, are one generation: the plain file stands for it, and the longer one. */
function withoutTwins(files: readonly SeenFile[]): SeenFile[] {
  const best = new Map<string, SeenFile>();
  for (const file of files) {
    const key = file.fingerprint ?? file.path;
    const other = best.get(key);
    if (other === undefined || isBetter(file, other)) best.set(key, file);
  }
  return files.filter((file) => best.get(file.fingerprint ?? file.path) === file);
}

function isBetter(file: SeenFile, other: SeenFile): boolean {
  if (file.gz !== other.gz) return other.gz;
  return (file.contentBytes ?? 0) > (other.contentBytes ?? 0);
}

/** A file while it is looked into. */
export interface OpenFile {
  readonly path: string;
  readonly fingerprint: string;
  readonly gz: boolean;
  readonly fd: number;
  /** Where its first line begins. */
  readonly start: number;
}

export interface Visited {
  /** The fingerprints of all files, oldest first. */
  readonly order: readonly string[];
  /** Those of the files that were visited, or could not be read. */
  readonly done: ReadonlySet<string>;
}

/** So often a log is listed while its files are renamed under our hands; a rotation takes longer than a look. */
const MAX_LISTINGS = 4;

/**
 * Visits each generation of a log once, oldest first. What was renamed meanwhile is looked for again, and what cannot be
 * read is a problem. An empty file, or a hole of NULs, has nothing in it.
 * @param visit is told the order, too, as far as it is known.
 */
export async function visitFiles(
  site: LogSite,
  problems: Problems,
  visit: (file: OpenFile, order: readonly string[]) => Promise<void>,
): Promise<Visited> {
  const done = new Set<string>();
  let order: readonly string[] = [];
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const files = filesOf(site, problems).filter(isIdentified);
    order = files.map(({ fingerprint }) => fingerprint);
    for (const file of files) {
      if (done.has(file.fingerprint)) continue;
      const isThere = await visitOne(file, problems, (opened) => visit(opened, order));
      if (isThere) done.add(file.fingerprint);
    }
    if (order.every((fingerprint) => done.has(fingerprint))) break;
  }
  return { order, done };
}

type Identified = SeenFile & { readonly fingerprint: string };

function isIdentified(file: SeenFile): file is Identified {
  return file.fingerprint !== undefined;
}

/** @returns false when another file is at the path by now, or none. */
async function visitOne(
  { path, fingerprint, gz }: Identified,
  problems: Problems,
  visit: (file: OpenFile) => Promise<void>,
): Promise<boolean> {
  const descriptors = new Descriptors();
  try {
    const { fd } = descriptors.open(path);
    try {
      const head = gz ? readGzHead(fd) : readHead(fd, true);
      if (typeof head !== 'object' || head.fingerprint !== fingerprint) return false;
      await visit({ path, fingerprint, gz, fd, start: head.start });
      return true;
    } finally {
      descriptors.close(fd);
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    problems.report(path, error, 'the file cannot be read');
    return true;
  }
}
