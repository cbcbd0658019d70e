/**
 * The files of a log as they are on disk now, for commands that only look. Holds nothing open and decides nothing
 * about what was read of them.
 */
import type { Log } from '../observe/log.ts';
import { Descriptors } from '../tail/descriptors.ts';
import type { SeenFile } from '../tail/file-set.ts';
import { compareAge } from '../tail/names.ts';
import type { Problems } from '../tail/problems.ts';
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
