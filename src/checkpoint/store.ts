/**
 * The checkpoint file on disk: wholly old or wholly new, whatever happens. It knows the file, not what the
 * checkpoints mean.
 */
import { mkdir, open, readFile, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  CheckpointFormatError,
  formatCheckpoints,
  parseCheckpoints,
  type CheckpointFile,
} from './format.ts';

export const CHECKPOINT_FILE = 'checkpoints.json';
/** Only the owner may read where the audit trail stands, or change it. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Bytes of one write: several hundred checkpoints. */
const WRITE_BYTES = 64 * 1024;

/** The state directory cannot be used. The message says why and what to do. */
export class StateError extends Error {
  readonly code = 'STATE';
}

export class CheckpointStore {
  readonly #directory: string;
  readonly #path: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, CHECKPOINT_FILE);
  }

  /** @throws StateError when the directory cannot be made or the file cannot be read. */
  async prepare(): Promise<void> {
    try {
      await makeDirectory(this.#directory);
    } catch (error) {
      throw new StateError(
        `cannot make the state directory ${this.#directory} (${codeOf(error)}); make it, writable for this user, or give another with --state-dir`,
        { cause: error },
      );
    }
  }

  /**
   * What is remembered; nothing when there is no file yet.
   * @throws StateError when there is a file that cannot be read or understood.
   */
  async load(): Promise<CheckpointFile> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { checkpoints: [], problems: [] };
      throw new StateError(`cannot read ${this.#path} (${codeOf(error)}); check who owns it`, {
        cause: error,
      });
    }
    try {
      return parseCheckpoints(text);
    } catch (error) {
      if (!(error instanceof CheckpointFormatError)) throw error;
      throw new StateError(`cannot use ${this.#path}: ${error.message}`, { cause: error });
    }
  }

  /**
   * Replaces the file: temporary file, fsync, rename, fsync of the directory.
   * @throws the system error (ENOSPC, EACCES …); the old file stands then.
   */
  async save(file: CheckpointFile): Promise<void> {
    const temporary = `${this.#path}.new`;
    const handle = await open(temporary, 'w', FILE_MODE);
    await closing(handle, async () => {
      await write(handle, formatCheckpoints(file));
      await handle.sync();
    });
    await rename(temporary, this.#path);
    const directory = await open(this.#directory, 'r');
    await closing(directory, async () => directory.sync());
  }
}

/** Makes a directory and its parents. The `recursive` of Node 20 tries for ever where only a mount makes one (/proc). */
async function makeDirectory(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectory(parent);
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    // Somebody else may have been quicker.
    if (!(await isDirectory(path))) throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Through one buffer: a buffer for each piece would be megabytes of garbage with each save. */
async function write(handle: FileHandle, pieces: Iterable<string>): Promise<void> {
  const encoder = new TextEncoder();
  const buffer = new Uint8Array(WRITE_BYTES);
  for (const piece of pieces) {
    for (let rest = piece; rest !== '';) {
      const { read, written } = encoder.encodeInto(rest, buffer);
      await handle.appendFile(buffer.subarray(0, written));
      rest = rest.slice(read);
    }
  }
}

async function closing(handle: FileHandle, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return error.code;
  return 'unknown error';
}
