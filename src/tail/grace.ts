/**
 * How long what is not certain is waited for: the rest of a last line, and a file that may only have been renamed. Pure.
 */
import type { Generation } from './generation.ts';
import type { SeenFile } from './file-set.ts';
import type { LogTailOptions } from './tail.ts';

/**
 * How long a last line without a newline is waited for in a file that is no longer the active one, before it is
 * delivered as it is. lumberjack closes before it renames; only an older writer may still be at it.
 */
const TAIL_GRACE_MS = 1000;
/** How long a file must be nowhere before it counts as deleted: a rename may fall between two looks. */
const MISSING_GRACE_MS = 1000;

type How = Pick<LogTailOptions, 'follow' | 'remembers'>;

/** Whether nothing more will be appended, so that the last bytes are a line even without a newline. */
export function hasEnded(generation: Generation, { follow, remembers }: How, now: number): boolean {
  if (generation.harvester?.gz === true) return true;
  if (generation.isActive) return !follow && !remembers;
  return !follow || now - generation.changedAt >= TAIL_GRACE_MS;
}

/** The same of a file that nobody knows yet. */
export function isEndedFile({ backup, mtimeMs }: SeenFile, { follow, remembers }: How): boolean {
  if (backup === undefined) return !follow && !remembers;
  // A time to come is that of a clock that was set back since: nothing would end for as long.
  return !follow || Math.abs(Date.now() - mtimeMs) >= TAIL_GRACE_MS;
}

export function isMissedLongEnough({ missingSince }: Generation, now: number): boolean {
  return missingSince !== undefined && now - missingSince >= MISSING_GRACE_MS;
}

/** When something may be due without any event: a grace that is over, or a retry. What is due already has no deadline. */
export function deadlineOf(generation: Generation, now: number): number {
  const { notBefore, missingSince, isActive, isInsideLine, lacksIdentity, changedAt } = generation;
  const waits = !isActive && (isInsideLine || lacksIdentity);
  const later = (deadline: number): number => (deadline > now ? deadline : Infinity);
  const missed = (missingSince ?? Infinity) + MISSING_GRACE_MS;
  const ended = waits ? changedAt + TAIL_GRACE_MS : Infinity;
  return Math.min(later(notBefore), later(missed), later(ended));
}
