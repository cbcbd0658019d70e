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

export class Descriptors {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number = MAX_HELD_DESCRIPTORS) {
    this.#limit = limit;
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
