/** What the parts of the benchmark have in common: what they are given, and what they give back. Types and sizes only. */
import type { Slowness } from './slowness.ts';
import type { peersOnPath } from './peers.ts';

/** Numbers by name, which the targets are judged by (targets.ts). */
export type Facts = Readonly<Record<string, number>>;

export interface Findings {
  /** Markdown. */
  readonly text: string;
  readonly facts: Facts;
}

export interface Part {
  readonly name: string;
  measure(bench: Bench): Promise<Findings>;
}

export interface Bench {
  /** The Node that runs ours and the yardsticks. */
  readonly node: string;
  /** Empty, for inputs, positions and state; who makes something large there removes it. */
  readonly directory: string;
  readonly size: Size;
  readonly peers: ReturnType<typeof peersOnPath>;
  /** `medians of 5 runs`. */
  readonly runsText: string;
  readonly progress: (what: string) => void;
}

/** How much is measured, and for how long. */
export interface Size {
  /** Runs of each contestant. */
  readonly rounds: number;
  /** The roll is called in the rounds themselves, not in a round before: for quick runs. */
  readonly rollCallCounts: boolean;
  /** Of each of the two sets. */
  readonly drainBytes: number;
  readonly latencySettleMs: number;
  readonly latencyMs: number;
  readonly idleSettleMs: number;
  readonly idleMs: number;
  /** The smallest of the backlogs whose growth is measured. */
  readonly growthBytes: number;
  readonly growthBackups: readonly number[];
  readonly backlogFiles: number;
  readonly backlogFileBytes: number;
  readonly backups: number;
  readonly followMs: number;
  readonly slow: Slowness;
  /** One scenario, which takes two seconds, or all of them. */
  readonly faults: 'quick' | 'all';
}

/** The backups that one backlog is divided into. */
const FEW_BACKUPS = 10;
const MANY_BACKUPS = 1000;

/** As large as the promises speak of. */
export function fullSize(megabytes: number, rounds: number): Size {
  return {
    rounds,
    rollCallCounts: false,
    drainBytes: megabytes * 1e6,
    // V8 optimises what is done again and again: it takes a minute, of weeks.
    latencySettleMs: 60_000,
    latencyMs: 20_000,
    idleSettleMs: 120_000,
    // Quiet logs are looked at from time to time, all of them once a minute: less than that is a matter of luck.
    idleMs: 60_000,
    growthBytes: 40e6,
    growthBackups: [FEW_BACKUPS, MANY_BACKUPS],
    backlogFiles: 10,
    backlogFileBytes: 100e6,
    backups: 10_000,
    followMs: 15_000,
    slow: { stopsMs: 3000, isSlowMs: 5000 },
    faults: 'all',
  };
}

/** Quick, to see that it works. */
export const SMALL: Size = {
  rounds: 1,
  rollCallCounts: true,
  drainBytes: 3e6,
  latencySettleMs: 200,
  latencyMs: 300,
  idleSettleMs: 200,
  idleMs: 300,
  growthBytes: 0.5e6,
  growthBackups: [FEW_BACKUPS],
  backlogFiles: 3,
  backlogFileBytes: 3e6,
  backups: 200,
  followMs: 4000,
  slow: { stopsMs: 100, isSlowMs: 200 },
  faults: 'quick',
};
