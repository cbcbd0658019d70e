/**
 * Counts and bounds the descriptors held on log files. A held descriptor keeps a deleted file readable, and its
 * disk space taken. Knows nothing of what the files are.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';

/**
 * How many log files may be held open at once, over all logs. Far above what rotation leaves unread while the
 * receiver keeps up, below the 1,024 descriptors that a process usually gets.
 */
const MAX_HELD_DESCRIPTORS = 256;

/** Not to wait for a writer when the path turns out to be a named pipe. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

export interface OpenFile {
  readonly fd: number;
  readonly stats: Stats;
}

export interface DescriptorLimits {
  /** How many may be held. */
  readonly limit?: number;
  /** How much of the disk deleted files may take that are held. */
  readonly deletedBytesMax?: number;
}

export class Descriptors {
  readonly #limit: number;
  readonly #deletedBytesMax: number;
  #held = 0;
  #deletedBytes = 0;

  constructor({ limit = MAX_HELD_DESCRIPTORS, deletedBytesMax = Infinity }: DescriptorLimits = {}) {
    this.#limit = limit;
    this.#deletedBytesMax = deletedBytesMax;
  }

  /** How much of the disk deleted files take, over all logs, because they are held. */
  get deletedBytes(): number {
    return this.#deletedBytes;
  }

  get holdsTooMuch(): boolean {
    return this.#deletedBytes > this.#deletedBytesMax;
  }

  /** Of one log there is so much more, or less, than before. */
  noteDeleted(moreBytes: number): void {
    this.#deletedBytes += moreBytes;
  }

  get held(): number {
    return this.#held;
  }

  get full(): boolean {
    return this.fullWithout(0);
  }

  /** Whether the limit is still reached when this many descriptors will have been closed. */
  fullWithout(closing: number): boolean {
    return this.#held - closing >= this.#limit;
  }

  /**
   * Opens a file for reading, also above the limit: the caller asks `full` first where it has a choice.
   * @throws the system error of open or fstat (ENOENT, EACCES, EMFILE).
   */
  open(path: string): OpenFile {
    const fd = openSync(path, OPEN_FLAGS);
    try {
      const stats = fstatSync(fd);
      this.#held += 1;
      return { fd, stats };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  close(fd: number): void {
    closeSync(fd);
    this.#held -= 1;
  }
}
