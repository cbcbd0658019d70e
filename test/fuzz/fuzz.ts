/**
 * Runs a fuzzer: case after case, each made of its own seed, so that one that fails can be repeated alone. Knows
 * nothing of what is fuzzed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '../../src/commands/simulate/random.ts';

/** A reader of foreign bytes, ready to be given some. */
export interface Reader {
  /** Makes one input of the random source and looks at what the reader does with it. Throws when it is wrong. */
  check(random: Random): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface Fuzzer {
  readonly name: string;
  /** So many cases in `npm test`: a few seconds of all. */
  readonly cases: number;
  open(): Reader | Promise<Reader>;
}

/** When to stop: after so many cases, or at a time (ms of performance.now). */
export interface Budget {
  readonly cases: number;
  readonly endMs: number;
}

/** Far above what a case takes on a busy machine: what takes longer hangs. */
const HANGS_MS = 30_000;
const SEEDS = 2 ** 32;

/** A case that failed, and how to repeat it. */
class CaseFailed extends Error {
  constructor(name: string, seed: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`npm run test:fuzz -- --only ${name} --seed ${seed} --cases 1\n${reason}`, { cause });
  }
}

/** @returns how many cases were run. @throws CaseFailed */
export async function fuzz(fuzzer: Fuzzer, firstSeed: number, budget: Budget): Promise<number> {
  const reader = await fuzzer.open();
  let cases = 0;
  try {
    while (cases < budget.cases && performance.now() < budget.endMs) {
      const seed = (firstSeed + cases) % SEEDS;
      try {
        await inTime(reader.check(createRandom(seed)));
      } catch (error) {
        throw new CaseFailed(fuzzer.name, seed, error);
      }
      cases += 1;
    }
  } finally {
    await reader.close?.();
  }
  return cases;
}

export function anySeed(): number {
  return Math.floor(Math.random() * SEEDS);
}

async function inTime(checked: void | Promise<void>): Promise<void> {
  if (checked === undefined) return;
  const patience = new AbortController();
  const hangs = delay(HANGS_MS, undefined, { signal: patience.signal }).then(
    () => {
      throw new Error(`it hangs: not over within ${HANGS_MS / 1000} s`);
    },
    () => undefined,
  );
  try {
    await Promise.race([checked, hangs]);
  } finally {
    patience.abort();
  }
}
