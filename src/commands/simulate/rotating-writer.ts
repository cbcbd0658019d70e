/**
 * Writes a log and rotates it exactly as Go's lumberjack v2 does for kube-apiserver: the same names, the same
 * order of operations on disk, the same background mill. Knows nothing of audit events and nothing of readers.
 *
 * Source of the behaviour: gopkg.in/natefinch/lumberjack.v2, lumberjack.go. Two deliberate differences: a
 * backup never takes the name of another one (lumberjack#34), and a failing mill is reported instead of ignored.
 *
 * Writing and rotating use synchronous calls: that keeps lumberjack's order, nothing runs between rename and
 * create, and one event is one write(2). The mill is asynchronous, as lumberjack's is.
 */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const BYTES_PER_MB = 1024 * 1024;
const GZ = '.gz';
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const PERMISSION_BITS = 0o7777;
/** A backup's name is moved on by at most this many ms when names are taken; more means that the clock is broken. */
const NAME_ATTEMPTS_MAX = 10_000;

export interface RotatingWriterOptions {
  /** The active file. */
  readonly path: string;
  /** Megabytes of 1024 × 1024 bytes; a fraction is fine. Above 0. */
  readonly maxsizeMb: number;
  /** How many backups stay; 0 keeps all. */
  readonly maxbackup: number;
  readonly compress: boolean;
  readonly now: () => Date;
  /** The mill could not delete or compress something; it tries again after the next rotation. */
  readonly onMillError: (error: unknown) => void;
}

export type WriteOutcome =
  | 'written'
  /** Larger than maxsize: nothing was written, as lumberjack refuses it. */
  | 'refused';

/** A backup on disk; while it is being compressed there are two of the same time. */
interface Backup {
  readonly name: string;
  readonly time: string;
  readonly compressed: boolean;
}

export class RotatingWriter {
  readonly #options: RotatingWriterOptions;
  readonly maxBytes: number;
  /** Undefined before the first write, after close(), and after a rotation that failed half-way. */
  #fd: number | undefined;
  #size = 0;
  #lastBackupMs = 0;
  #written = 0;
  #bytes = 0;
  #rotations = 0;
  #refused = 0;
  /** The running mill; undefined when it rests. */
  #mill: Promise<void> | undefined;
  /** Another run is wanted after the running one: lumberjack's channel of length one. */
  #millAgain = false;

  constructor(options: RotatingWriterOptions) {
    if (!(options.maxsizeMb > 0)) throw new RangeError('maxsize must be above 0 MB');
    this.#options = options;
    this.maxBytes = Math.floor(options.maxsizeMb * BYTES_PER_MB);
  }

  /** Writes that reached the file so far. */
  get written(): number {
    return this.#written;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Files renamed to a backup so far. */
  get rotations(): number {
    return this.#rotations;
  }

  /** Writes refused so far. */
  get refused(): number {
    return this.#refused;
  }

  /** Appends with one write call, after a rotation when the file would grow above maxsize. Throws what fs throws. */
  write(bytes: Uint8Array): WriteOutcome {
    if (bytes.length > this.maxBytes) {
      this.#refused += 1;
      return 'refused';
    }
    let fd = this.#fd ?? this.#openExistingOrNew(bytes.length);
    if (this.#size + bytes.length > this.maxBytes) fd = this.#rotate();
    // Like Go's File.Write: a short write goes on with the rest, which then meets the error (a full disk).
    for (let written = 0; written < bytes.length;) {
      const count = writeSync(fd, bytes, written);
      written += count;
      this.#size += count;
      this.#bytes += count;
    }
    this.#written += 1;
    return 'written';
  }

  /** Closes the active file and waits until the mill rests. Does not rotate, as kube-apiserver's end does not. */
  async close(): Promise<void> {
    this.#closeFile();
    await this.#mill;
  }

  /** Names (without directory) of this log's files on disk: backups from old to new, then the active file. */
  async files(): Promise<readonly string[]> {
    const { path } = this.#options;
    const backups = (await this.#backups()).map((backup) => backup.name).toReversed();
    return existsSync(path) ? [...backups, basename(path)] : backups;
  }

  #closeFile(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    closeSync(fd);
  }

  #openExistingOrNew(writeBytes: number): number {
    this.#startMill();
    const { path } = this.#options;
    const existing = statSync(path, { throwIfNoEntry: false });
    if (existing === undefined) return this.#openNew();
    // lumberjack compares with >= here and with > while writing.
    if (existing.size + writeBytes >= this.maxBytes) return this.#rotate();
    this.#fd = openSync(path, 'a');
    this.#size = existing.size;
    return this.#fd;
  }

  #rotate(): number {
    this.#closeFile();
    const fd = this.#openNew();
    this.#startMill();
    return fd;
  }

  /** Moves the file aside when there is one, then creates it anew (not with O_APPEND: see FIELD.md's copytruncate). */
  #openNew(): number {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    const old = statSync(path, { throwIfNoEntry: false });
    if (old !== undefined) {
      renameSync(path, this.#backupPath());
      this.#rotations += 1;
    }
    this.#fd = openSync(path, 'w', old === undefined ? FILE_MODE : old.mode & PERMISSION_BITS);
    this.#size = 0;
    return this.#fd;
  }

  /** A name that no backup has or had in this run: the present millisecond, or the next one that is free. */
  #backupPath(): string {
    const { path, now } = this.#options;
    const { stem, extension } = nameParts(path);
    let epochMs = Math.max(now().getTime(), this.#lastBackupMs + 1);
    for (let attempt = 0; attempt < NAME_ATTEMPTS_MAX; attempt++, epochMs++) {
      const backup = join(dirname(path), `${stem}-${backupTime(epochMs)}${extension}`);
      if (!existsSync(backup) && !existsSync(backup + GZ)) {
        this.#lastBackupMs = epochMs;
        return backup;
      }
    }
    throw new Error(
      `cannot rotate ${path}: backups exist for each of the next ${NAME_ATTEMPTS_MAX} ms; check the clock`,
    );
  }

  #startMill(): void {
    if (this.#mill !== undefined) {
      this.#millAgain = true;
      return;
    }
    this.#mill = this.#runMill();
  }

  async #runMill(): Promise<void> {
    do {
      this.#millAgain = false;
      await this.#reporting(() => this.#millOnce());
    } while (this.#millAgain);
    // At once after the loop's last look at #millAgain, so that no request can fall between the two.
    this.#mill = undefined;
  }

  /** First deletes what exceeds maxbackup, then compresses the rest; both from new to old. */
  async #millOnce(): Promise<void> {
    const { path, maxbackup, compress } = this.#options;
    if (maxbackup === 0 && !compress) return;
    const backups = await this.#backups();
    // A backup and its growing .gz count as one.
    const times = [...new Set(backups.map((backup) => backup.time))];
    const kept = new Set(maxbackup === 0 ? times : times.slice(0, maxbackup));
    for (const { name, time } of backups) {
      if (!kept.has(time)) await this.#reporting(() => rm(join(dirname(path), name)));
    }
    if (!compress) return;
    for (const { name, time, compressed } of backups) {
      if (compressed || !kept.has(time)) continue;
      await this.#reporting(() => compressFile(join(dirname(path), name)));
    }
  }

  /** One failure must not keep the mill from the other files. */
  async #reporting(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onMillError(error);
    }
  }

  /** The backups on disk, newest first. */
  async #backups(): Promise<readonly Backup[]> {
    const { stem, extension } = nameParts(this.#options.path);
    const prefix = `${stem}-`;
    const backups: Backup[] = [];
    const directory = dirname(this.#options.path);
    // The mill starts before the first write makes the directory, as lumberjack's does.
    if (!existsSync(directory)) return backups;
    for (const name of await readdir(directory)) {
      const compressed = name.endsWith(extension + GZ);
      const suffix = compressed ? extension + GZ : extension;
      if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue;
      const time = name.slice(prefix.length, name.length - suffix.length);
      if (BACKUP_TIME.test(time)) backups.push({ name, time, compressed });
    }
    // The times have a fixed width: their order as text is their order in time.
    return backups.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
  }
}

// Go's layout "2006-01-02T15-04-05.000" (backupTimeFormat).
const BACKUP_TIME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/;

function backupTime(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, -1).replaceAll(':', '-');
}

function nameParts(path: string): { readonly stem: string; readonly extension: string } {
  const extension = extname(path);
  const name = basename(path);
  return { stem: name.slice(0, name.length - extension.length), extension };
}

/** The `.gz` grows beside the file, replaces what a crash left there, and only then the file goes. */
async function compressFile(path: string): Promise<void> {
  const target = path + GZ;
  const { mode } = await stat(path);
  const output = createWriteStream(target, { flags: 'w', mode: mode & PERMISSION_BITS });
  try {
    await pipeline(createReadStream(path), createGzip(), output);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
  await rm(path);
}
