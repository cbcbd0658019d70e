/**
 * The checkpoint file on disk: wholly old or wholly new, whatever happens. It knows the file, not what the
 * checkpoints mean.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, replaceFile } from '../state-file.ts';
import {
  CheckpointFormatError,
  formatCheckpoints,
  parseCheckpoints,
  type CheckpointFile,
} from './format.ts';

export const CHECKPOINT_FILE = 'checkpoints.json';

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
      if (codeOf(error) === 'ENOENT')
        return { checkpoints: [], problems: [], losses: [], outlooks: [] };
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
    await replaceFile(this.#path, formatCheckpoints(file));
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return error.code;
  return 'unknown error';
}
