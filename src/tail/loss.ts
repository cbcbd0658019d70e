/**
 * What is told of bytes that can never be read: where they stood and when they were written. It decides nothing, and
 * looks into no file but the one that follows.
 */
import type { Generation } from './generation.ts';
import type { LogTailOptions, Loss, LossReason } from './tail.ts';

export interface LossContext {
  /** Path of the active file. */
  readonly log: string;
  /** The next younger generation. */
  readonly next: Generation | undefined;
  readonly timeOf: LogTailOptions['timeOf'];
}

/** What was not read of a generation; undefined when all of it was. */
export function lossOf(
  generation: Generation,
  reason: LossReason,
  { log, next, timeOf }: LossContext,
): Loss | undefined {
  const { key, fingerprint = '', position: start, largestBytes, lastSeen } = generation;
  const end = Math.max(start, largestBytes);
  const isAtLeast = generation.isUnfinished;
  if (end <= start && !isAtLeast) return undefined;
  const path = lastSeen?.path ?? log;
  const untilMs = lastWriteOf(generation) ?? firstTimeOf(next, timeOf) ?? Date.now();
  const range = { generation: key, log, fingerprint, start, end };
  return { ...range, path, reason, isAtLeast, untilMs };
}

/** What its file or the name of its backup tells. */
function lastWriteOf({ lastSeen, isActive }: Generation): number | undefined {
  if (!isActive && lastSeen !== undefined && lastSeen.mtimeMs > 0) return lastSeen.mtimeMs;
  return lastSeen?.backup?.kind === 'lumberjack' ? lastSeen.backup.epochMs : undefined;
}

/** When the next generation began, at the latest this one had ended. */
function firstTimeOf(
  next: Generation | undefined,
  timeOf: LogTailOptions['timeOf'],
): number | undefined {
  const line = next?.firstLine();
  return line === undefined ? undefined : timeOf(line);
}
