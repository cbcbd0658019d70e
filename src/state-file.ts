/**
 * Files of the state directory: wholly old or wholly new, whatever happens, and for the owner only. Knows nothing of
 * what they hold.
 */
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Only the owner may read where the audit trail stands, or change it. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Bytes of one write: several hundred checkpoints. */
const WRITE_BYTES = 64 * 1024;

/** Of a file that is not complete, or that a crash left behind. */
export const TEMPORARY_ENDING = '.new';

/**
 * Replaces the file, or makes it: temporary file, fsync, rename, fsync of the directory.
 * @throws the system error (ENOSPC, EACCES …); the old file stands then.
 */
export async function replaceFile(path: string, pieces: Iterable<string>): Promise<void> {
  const replacement = await Replacement.begin(path);
  try {
    await replacement.write(pieces);
    await replacement.complete();
  } catch (error) {
    // On a full disk, what was written of it takes the room that somebody else needs.
    await replacement.discard();
    throw error;
  }
}

/** A file that is written bit by bit, and takes its place when it is complete. What failed may be tried again. */
export class Replacement {
  readonly #path: string;
  readonly #handle: FileHandle;
  #bytes = 0;
  #state: 'open' | 'written' | 'in place' = 'open';

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** What an earlier one has left goes, and so does a link that somebody put there: it is not written through. */
  static async begin(path: string): Promise<Replacement> {
    await rm(temporaryOf(path), { force: true });
    return new Replacement(path, await open(temporaryOf(path), 'wx', FILE_MODE));
  }

  /** So many bytes are written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All of it or nothing: what was written when it fails is written over. */
  async write(pieces: Iterable<string>): Promise<void> {
    let at = this.#bytes;
    for (const bytes of encoded(pieces)) {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
    }
    this.#bytes = at;
  }

  async complete(): Promise<void> {
    if (this.#state === 'open') {
      await this.#handle.truncate(this.#bytes);
      await this.#handle.sync();
      this.#state = 'written';
      await this.#handle.close();
    }
    if (this.#state === 'written') await rename(temporaryOf(this.#path), this.#path);
    this.#state = 'in place';
    const directory = await open(dirname(this.#path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  /** Never rejects. */
  async discard(): Promise<void> {
    if (this.#state === 'in place') return;
    if (this.#state === 'open') await this.#handle.close().catch(() => undefined);
    await rm(temporaryOf(this.#path), { force: true }).catch(() => undefined);
  }
}

function temporaryOf(path: string): string {
  return `${path}${TEMPORARY_ENDING}`;
}

/** Makes a directory and its parents. The `recursive` of Node 20 tries for ever where only a mount makes one (/proc). */
export async function makeDirectory(path: string): Promise<void> {
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
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Through one buffer: a buffer for each piece would be megabytes of garbage with each save. */
function* encoded(pieces: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const buffer = new Uint8Array(WRITE_BYTES);
  for (const piece of pieces) {
    for (let rest = piece; rest !== '';) {
      const { read, written } = encoder.encodeInto(rest, buffer);
      yield buffer.subarray(0, written);
      rest = rest.slice(read);
    }
  }
}
