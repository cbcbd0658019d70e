/**
 * The command line of the torture, and what follows from it: how often whom something happens to, and for how long. Pure.
 */
import { parseArgs } from 'node:util';
import { keptMs } from './writing.ts';

export interface Options {
  readonly minutes: number;
  readonly megabytesPerSecond: number;
  readonly maxbackup: number;
  readonly seed: number;
  /** Seconds between two attacks on the agent, on average. */
  readonly killEvery: number;
  readonly cruel: boolean;
  readonly writes: boolean;
}

/** Milliseconds. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

export interface Plan {
  readonly agentEveryMs: Range;
  /** An attack on the agent waits until nothing is deleted that has no checkpoint when it is over. */
  readonly isSparing: boolean;
  readonly agentAwayMs: Range;
  readonly agentFrozenMs: Range;
  readonly receiverEveryMs: Range;
  /** Nobody listens, now and then for longer. */
  readonly refusalMs: Range;
  readonly longRefusalMs: Range;
  readonly receiverFrozenMs: Range;
  readonly swallowMs: Range;
  readonly maxHeldDeletedBytes: number;
}

const OPTIONS = {
  minutes: { type: 'string', default: '5' },
  'megabytes-per-second': { type: 'string', default: '20' },
  maxbackup: { type: 'string', default: '50' },
  seed: { type: 'string' },
  'kill-every': { type: 'string', default: '3' },
  cruel: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
} as const;

const SEEDS = 1_000_000;
/** An agent takes half a second to be started, more on a busy machine, and has half of this to be late. */
const KEPT_LEAST_MS = 2000;
const MIB = 2 ** 20;

/** @throws when an option makes no sense. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const options: Options = {
    minutes: positive('--minutes', values.minutes),
    megabytesPerSecond: positive('--megabytes-per-second', values['megabytes-per-second']),
    maxbackup: whole('--maxbackup', values.maxbackup),
    seed: whole('--seed', values.seed ?? String(1 + (Date.now() % SEEDS))),
    killEvery: positive('--kill-every', values['kill-every']),
    cruel: values.cruel,
    writes: values.write,
  };
  const kept = keptMsOf(options);
  if (!options.cruel && kept < KEPT_LEAST_MS) {
    throw new Error(
      `a backup would be kept for ${(kept / 1000).toFixed(1)} s, and an agent that is killed needs ` +
        `${KEPT_LEAST_MS / 1000} s: more of --maxbackup, less of --megabytes-per-second, or --cruel`,
    );
  }
  return options;
}

function keptMsOf({ maxbackup, megabytesPerSecond }: Options): number {
  return keptMs(maxbackup, megabytesPerSecond * 1e6);
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new Error(`${name}: ${text} is no number above 0`);
}

function whole(name: string, text: string): number {
  const number = positive(name, text);
  if (Number.isSafeInteger(number)) return number;
  throw new Error(`${name}: ${text} is no whole number`);
}

/** Nothing is lost when an agent is never away for as long as files are kept; when it is cruel, it is. */
export function planOf(options: Options): Plan {
  const kept = keptMsOf(options);
  const every = options.killEvery * 1000;
  const often: Pick<Plan, 'agentEveryMs' | 'receiverEveryMs' | 'swallowMs'> = {
    agentEveryMs: { least: every / 5, most: (every * 9) / 5 },
    receiverEveryMs: { least: every / 5, most: (every * 9) / 5 },
    swallowMs: { least: 50, most: 400 },
  };
  if (options.cruel) {
    return {
      ...often,
      isSparing: false,
      agentAwayMs: { least: 0, most: kept * 1.5 },
      agentFrozenMs: { least: kept / 10, most: kept * 1.5 },
      refusalMs: { least: kept / 10, most: kept },
      longRefusalMs: { least: kept, most: kept * 5 },
      receiverFrozenMs: { least: kept / 10, most: kept },
      maxHeldDeletedBytes: 32 * MIB,
    };
  }
  return {
    ...often,
    isSparing: true,
    agentAwayMs: { least: 0, most: 100 },
    agentFrozenMs: { least: 50, most: 500 },
    refusalMs: { least: 100, most: 1000 },
    // Held descriptors bridge it: as many megabytes must stay below the 256 that are held.
    longRefusalMs: { least: 2000, most: 3000 },
    receiverFrozenMs: { least: 100, most: 1000 },
    maxHeldDeletedBytes: 2048 * MIB,
  };
}
