/** From the start of the process to the receipt of the first event. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Part } from './bench.ts';
import { arrival, withFollower } from './follower.ts';
import { metadataEvents } from './inputs.ts';
import { measure } from './measure.ts';
import { median } from './statistics.ts';
import { markdownTable } from './table.ts';

async function firstEventMs(bench: Bench): Promise<number> {
  const directory = join(bench.directory, 'startup');
  mkdirSync(directory);
  writeFileSync(join(directory, 'audit.log'), `${metadataEvents().next().value}\n`);
  const sink = { expectedEvents: 1, task: 'count' } as const;
  try {
    return await withFollower(bench, { directory, sink }, async (follower) => {
      await arrival(follower, 'all');
      const { firstUs } = await follower.receiver.finish();
      return (firstUs - follower.startedUs) / 1000;
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Node that does nothing, and ends. */
async function nodeAloneMs({ node }: Bench): Promise<number> {
  const { seconds } = await measure(node, {
    name: 'Node alone',
    expected: { events: 0, bytes: 0 },
    destination: 'nothing',
    delivers: 'nothing',
    command: () => ({ node: ['--eval', '0'] }),
  });
  return seconds * 1000;
}

export const startup: Part = {
  name: 'startup',
  async measure(bench) {
    const [ours, alone]: [number[], number[]] = [[], []];
    for (let round = 1; round <= bench.size.rounds; round += 1) {
      bench.progress(`start-up, round ${round}`);
      ours.push(await firstEventMs(bench));
      alone.push(await nodeAloneMs(bench));
    }
    const rows = [
      ['what', 'median ms', 'from – to ms'],
      ['start to first event received', ...cellsOf(ours)],
      ['Node alone, start to end', ...cellsOf(alone)],
    ];
    return { text: markdownTable(rows), facts: { 'start-up ms': median(ours) } };
  },
};

function cellsOf(values: readonly number[]): readonly string[] {
  const range = `${Math.min(...values).toFixed(0)} – ${Math.max(...values).toFixed(0)}`;
  return [median(values).toFixed(0), range];
}
