/**
 * What kind of run a seed gives: how the log is rotated, what may go wrong, how the machine behaves. A run has few kinds
 * of trouble, so that the strictest properties hold in most.
 */
import type { Random } from '../../src/commands/simulate/random.ts';
import type { Character } from '../sim/machine.ts';
import type { Style } from './writer.ts';

export interface Profile {
  readonly style: Style;
  /** A recording output, or the Forward protocol over a simulated network. */
  readonly network: 'plain' | 'forward';
  readonly logs: number;
  readonly maxBackups: number;
  readonly compresses: boolean;
  readonly concurrency: number;
  readonly chunkBytes: number;
  readonly maxEventBytes: number;
  /** How much of the disk deleted files may take. */
  readonly maxHeldDeletedBytes: number;
  /** The longest lines, about. */
  readonly lineBytes: number;
  /** Events with bodies are among them. */
  readonly bodies: boolean;
  /** `--from end`. */
  readonly fromEnd: boolean;
  readonly actions: number;
  /** What happens comes in bursts, or with time in between (ms). */
  readonly pauses: readonly number[];
  readonly crashes: boolean;
  readonly stops: boolean;
  readonly receiverFaults: boolean;
  /** Calls that fail, on logs and in the state directory. */
  readonly diskFaults: boolean;
  /** Files and directories that are out of reach for a while. */
  readonly hides: boolean;
  /** Files that are deleted, replaced or cut before their time. */
  readonly destroys: boolean;
  readonly clockJumps: boolean;
  readonly character: Character;
}

const SHORT_MS = [0, 1, 5] as const;
const MIXED_MS = [0, 2, 20, 300, 1500] as const;
/** How many runs have lines over the limit: they become short, or dead letters. */
const LONG_LINES_SHARE = 0.15;
/** And how many leave out what was there before. */
const FROM_END_SHARE = 0.08;
const LONG_MS = [1, 100, 1200, 4000, 15_000] as const;

/** @param more of chance: what it decides changes no other run. */
export function profileOf(random: Random, more: Random): Profile {
  const usual = usualProfileOf(random);
  const kind = more.next();
  if (kind < LONG_LINES_SHARE) return { ...usual, ...withLongLines(more) };
  // Of a log that comes in sight only later the end is a time, and events of the model have none.
  const isInSight = !usual.hides && !usual.diskFaults;
  return { ...usual, fromEnd: isInSight && kind < LONG_LINES_SHARE + FROM_END_SHARE };
}

/** Most lines are over the limit, or few are. */
function withLongLines(random: Random): Partial<Profile> {
  const maxEventBytes = random.pick([250, 400, 800]);
  return { maxEventBytes, bodies: true, lineBytes: random.pick([500, 2000]) };
}

function usualProfileOf(random: Random): Profile {
  const chance = (share: number): boolean => random.next() < share;
  const isSlow = chance(0.3);
  return {
    style: random.pick(['lumberjack', 'lumberjack', 'create', 'copytruncate']),
    network: chance(0.3) ? 'forward' : 'plain',
    logs: chance(0.15) ? 2 : 1,
    maxBackups: 1 + random.below(6),
    compresses: chance(0.6),
    concurrency: 1 + random.below(4),
    chunkBytes: random.pick([256, 1024, 8192, 64 * 1024]),
    maxEventBytes: random.pick([64 * 1024, 256 * 1024, 1024 * 1024]),
    maxHeldDeletedBytes: chance(0.1) ? 2000 : Infinity,
    lineBytes: random.pick([20, 200, 2000]),
    bodies: false,
    fromEnd: false,
    actions: 5 + random.below(40),
    pauses: random.pick([SHORT_MS, MIXED_MS, MIXED_MS, LONG_MS]),
    crashes: chance(0.5),
    stops: chance(0.4),
    receiverFaults: chance(0.4),
    diskFaults: chance(0.2),
    hides: chance(0.1),
    destroys: chance(0.3),
    clockJumps: chance(0.15),
    character: {
      tickMs: random.pick([1, 4, 4, 1000]),
      latencyMs: isSlow ? 30 : 2,
      callMs: isSlow ? 0.7 : random.pick([0, 0.02, 0.1]),
      shortReads: chance(0.3) ? 0.3 : 0,
      lateHints: chance(0.3) ? 0.4 : 0,
      lostHints: chance(0.25) ? random.pick([0.3, 1]) : 0,
    },
  };
}
