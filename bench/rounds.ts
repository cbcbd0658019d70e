/**
 * Rounds of a backlog that several drain in turns, and the sets of events that they drain. Knows nothing of who they are.
 */
import type { Bench } from './bench.ts';
import { warm, type Input } from './inputs.ts';
import { measure, type Measurement, type Scenario } from './measure.ts';

/** A way to drain, and by what name its facts are known. */
export interface Contestant {
  readonly key: string;
  readonly scenario: Scenario;
}

export const SETS = [
  { key: 'metadata', level: 'Metadata' },
  { key: 'bodies', level: 'RequestResponse' },
] as const;

export type Runs = ReadonlyMap<Contestant, readonly Measurement[]>;

/**
 * In turns, so that what else the machine does falls on all of them, and each from the page cache. Before, the roll is
 * called once with each.
 */
export async function play(
  bench: Bench,
  input: Input,
  contestants: readonly Contestant[],
): Promise<Runs> {
  const runs = new Map<Contestant, Measurement[]>(contestants.map((one) => [one, []]));
  const { rounds, rollCallCounts } = bench.size;
  for (let round = rollCallCounts ? 1 : 0; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      const { scenario } = contestant;
      const hasRoll =
        scenario.destination !== 'nothing' &&
        scenario.delivers !== 'bytes' &&
        scenario.callsRoll !== false;
      if (round === 0 && !hasRoll) continue;
      const callsRoll = hasRoll && (round === 0 || rollCallCounts);
      bench.progress(`${scenario.name}, ${round === 0 ? 'roll call' : `round ${round}`}`);
      warm(input);
      const measured = await measure(bench.node, { ...scenario, callsRoll });
      if (round > 0) runs.get(contestant)?.push(measured);
    }
  }
  return runs;
}

export const speedOf = ({ bytes, seconds }: Measurement): number => bytes / 1e6 / seconds;
export const cpuOf = ({ bytes, cpuSeconds }: Measurement): number => cpuSeconds / (bytes / 1e9);
