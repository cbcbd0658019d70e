/**
 * Where to begin in a file of which only what comes next is wanted (`--from end`). Looks at the end of an open
 * file; knows nothing of checkpoints.
 */
import { readSync } from 'node:fs';
import type { SeenFile } from './file-set.ts';

const NEWLINE = 10;
const LOOK_BACK_BYTES = 64 * 1024;

/** File times may be this much older than the clock: they are as coarse as a tick, and on some file systems 2 s. */
const COARSE_TIME_MS = 2000;

/** Whether a file can hold events of the time or later: it was written to then. */
export function mayHoldEventsSince(file: SeenFile, epochMs: number): boolean {
  return file.mtimeMs + COARSE_TIME_MS >= epochMs;
}

/**
 * The offset behind the last newline of the file, so that a line that is being written is not cut.
 * Of a backup it is its end: nothing more will come.
 */
export function positionAtEnd(fd: number, file: SeenFile, active: boolean): number {
  const size = file.contentBytes ?? 0;
  if (!active || file.gz) return size;
  const buffer = Buffer.allocUnsafe(LOOK_BACK_BYTES);
  for (let end = size; end > 0; end -= LOOK_BACK_BYTES) {
    const start = Math.max(0, end - LOOK_BACK_BYTES);
    const bytes = readSync(fd, buffer, 0, end - start, start);
    const newline = buffer.subarray(0, bytes).lastIndexOf(NEWLINE);
    if (newline !== -1) return start + newline + 1;
  }
  return 0;
}
