/**
 * Generations that are known and not seen: from a checkpoint, or because the active file lost its name just now. Reads no
 * file.
 */
import { basename } from 'node:path';
import { Generation } from './generation.ts';
import { parseLogFileName, rotationMs, type Age } from './names.ts';
import type { Remembered } from './tail.ts';

/** A generation from a checkpoint, not found on disk yet. */
export function recall(remembered: Remembered): Generation {
  const { path, fingerprint, dev, ino, offset, size } = remembered;
  const now = performance.now();
  const age = retiredAt(Date.now());
  const generation = new Generation({ position: offset, age, now, fingerprint });
  const { backup, gz } = parseLogFileName(basename(path));
  const contentBytes = size;
  generation.lastSeen = { path, backup, gz, dev, ino, mtimeMs: 0, size, contentBytes, fingerprint };
  generation.largestBytes = size;
  generation.isOrphan = remembered.orphan;
  const isActive = backup === undefined && !gz;
  generation.isUnfinished = isActive && !remembered.orphan && remembered.isMissed !== true;
  return generation;
}

/** The age of the active file that lost its name just now: it is younger than all backups, also when the clock was set back. */
export function retired(others: readonly Generation[]): Age {
  return retiredAt(others.reduce((ms, { age }) => Math.max(ms, rotationMs(age)), Date.now()));
}

function retiredAt(epochMs: number): Age {
  return { backup: { kind: 'lumberjack', epochMs }, mtimeMs: epochMs };
}
