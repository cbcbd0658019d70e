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

/**
 * Replaces the file, or makes it: temporary file, fsync, rename, fsync of the directory.
 * @throws the system error (ENOSPC, EACCES …); the old file stands then.
 */
export async function replaceFile(path: string, pieces: Iterable<string>): Promise<void> {
  const temporary = `${path}.new`;
  try {
    const handle = await open(temporary, 'w', FILE_MODE);
    await closing(handle, async () => {
      await write(handle, pieces);
      await handle.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    // On a full disk, what was written of it takes the room that somebody else needs.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  const directory = await open(dirname(path), 'r');
  await closing(directory, async () => directory.sync());
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
