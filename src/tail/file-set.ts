/**
 * Decides which of the files that are seen is which of the generations that are known. Pure: a list of each in,
 * an assignment out. It opens nothing, and it does not know what was read or why somebody looked.
 */
import type { BackupName } from './names.ts';

/** A file of one log as it was seen on disk. */
export interface SeenFile {
  readonly path: string;
  readonly backup: BackupName | undefined;
  readonly gz: boolean;
  readonly dev: number;
  readonly ino: number;
  readonly mtimeMs: number;
  /** Bytes on disk. */
  readonly size: number;
  /** Bytes of decompressed content; of a gz its trailer's word (modulo 2^32), undefined while it has none. */
  readonly contentBytes: number | undefined;
  /** Undefined while the first line is not complete: then the file is known by device and inode only. */
  readonly fingerprint: string | undefined;
}

/** What reconcile must know of a generation. */
export interface KnownGeneration {
  readonly key: number;
  readonly fingerprint: string | undefined;
  /** Device and inode of the descriptor that is held. Without one they prove nothing: inodes are reused. */
  readonly held: { readonly dev: number; readonly ino: number } | undefined;
  /** The next byte to read; bytes before it were there. */
  readonly position: number;
}

export interface Assignment {
  /** Where each known generation is now; those that are nowhere have no entry. */
  readonly places: ReadonlyMap<number, readonly SeenFile[]>;
  /** Files that belong to no known generation, those of one new generation together. */
  readonly started: readonly (readonly SeenFile[])[];
  /** Generations whose held file now has another life: it was truncated or written anew. */
  readonly truncated: ReadonlySet<number>;
}

/**
 * Assigns the files of one log to its generations. A held inode is proof, and without one the fingerprint is; a
 * file that is shorter than what was read of it is another generation, unless the whole one stands beside it.
 */
export function reconcile(
  known: readonly KnownGeneration[],
  seen: readonly SeenFile[],
): Assignment {
  const index = indexKnown(known, seen);
  const truncated = new Set<number>();
  const places = new Map<number, SeenFile[]>();
  const strangers: SeenFile[] = [];
  for (const file of seen) {
    const holder = index.byInode.get(file.ino)?.findLast(({ held }) => held?.dev === file.dev);
    if (holder !== undefined && !isSameLife(holder, file)) truncated.add(holder.key);
    const match = chooseMatch(holder, file, index.byFingerprint);
    if (match === undefined) strangers.push(file);
    else append(places, match.key, file);
  }
  for (const generation of known) {
    const files = places.get(generation.key);
    if (files === undefined || files.some((file) => isPlaceOf(generation, file))) continue;
    places.delete(generation.key);
    strangers.push(...files);
  }
  return { places, started: groupByFingerprint(strangers), truncated };
}

interface KnownIndex {
  /** Those that are held. Inodes of two devices may be equal. */
  readonly byInode: ReadonlyMap<number, readonly KnownGeneration[]>;
  readonly byFingerprint: ReadonlyMap<string, KnownGeneration>;
}

/** Only what the seen files can be: with thousands of backups most generations are not asked for. */
function indexKnown(known: readonly KnownGeneration[], seen: readonly SeenFile[]): KnownIndex {
  const fingerprints = new Set(seen.map((file) => file.fingerprint));
  const byInode = new Map<number, KnownGeneration[]>();
  const byFingerprint = new Map<string, KnownGeneration>();
  for (const generation of known) {
    const { held, fingerprint } = generation;
    if (held !== undefined) append(byInode, held.ino, generation);
    if (fingerprint !== undefined && fingerprints.has(fingerprint)) {
      byFingerprint.set(fingerprint, generation);
    }
  }
  return { byInode, byFingerprint };
}

/** Whether the file alone shows that its generation is there: by its inode, or by its length. */
function isPlaceOf(generation: KnownGeneration, file: SeenFile): boolean {
  return isHeld(generation, file) || reaches(file, generation.position);
}

function chooseMatch(
  holder: KnownGeneration | undefined,
  file: SeenFile,
  byFingerprint: ReadonlyMap<string, KnownGeneration>,
): KnownGeneration | undefined {
  const twin = file.fingerprint === undefined ? undefined : byFingerprint.get(file.fingerprint);
  if (holder === undefined || !isSameLife(holder, file)) {
    // The same first line in a file cut below what was read of it: the holder has begun anew, not moved.
    return twin === holder ? undefined : twin;
  }
  // A file that got its first line only now may turn out to be a copy of what is known already.
  return holder.fingerprint === undefined ? (twin ?? holder) : holder;
}

function isSameLife(holder: KnownGeneration, file: SeenFile): boolean {
  if (!reaches(file, holder.position)) return false;
  return holder.fingerprint === undefined || holder.fingerprint === file.fingerprint;
}

function isHeld({ held }: KnownGeneration, { dev, ino }: SeenFile): boolean {
  return held?.ino === ino && held.dev === dev;
}

function reaches(file: SeenFile, position: number): boolean {
  return file.gz || (file.contentBytes ?? 0) >= position;
}

function groupByFingerprint(files: readonly SeenFile[]): SeenFile[][] {
  const groups: SeenFile[][] = [];
  const byFingerprint = new Map<string, SeenFile[]>();
  for (const file of files) {
    const group = file.fingerprint === undefined ? undefined : byFingerprint.get(file.fingerprint);
    if (group !== undefined) {
      group.push(file);
      continue;
    }
    const fresh = [file];
    groups.push(fresh);
    if (file.fingerprint !== undefined) byFingerprint.set(file.fingerprint, fresh);
  }
  return groups;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Nothing is in it, and nobody holds it: it would be another generation with each look, and each a rotation. */
export function isEmptyBackup({ backup, gz, size }: SeenFile): boolean {
  return backup !== undefined && !gz && size === 0;
}

/** Whether a held file is somebody's now. Few generations that are missing are held: no index pays. */
export function isAssigned(
  { places, started }: Assignment,
  { dev, ino }: Pick<SeenFile, 'dev' | 'ino'>,
): boolean {
  const isIt = (file: SeenFile): boolean => file.ino === ino && file.dev === dev;
  for (const files of places.values()) if (files.some(isIt)) return true;
  return started.some((files) => files.some(isIt));
}
