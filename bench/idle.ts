/** What following takes when nothing is written: CPU time and memory, with one file and with a hundred. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Part } from './bench.ts';
import { arrival, useDuring, withFollower, type Use } from './follower.ts';
import { metadataEvents } from './inputs.ts';
import { numbered } from './roll.ts';
import { markdownTable } from './table.ts';

const FILES = [1, 100] as const;

async function idleWith(bench: Bench, files: number): Promise<Use> {
  const { idleSettleMs, idleMs } = bench.size;
  const directory = join(bench.directory, 'idle');
  mkdirSync(directory);
  const events = metadataEvents();
  for (let number = 1; number <= files; number += 1) {
    // A log each, for none is a backup of another.
    const name = join(directory, `audit${number}.log`);
    writeFileSync(name, `${numbered(events.next().value, number)}\n`);
  }
  const sink = { expectedEvents: files, task: 'count' } as const;
  try {
    return await withFollower(bench, { directory, sink }, async (follower) => {
      await arrival(follower, 'all');
      await delay(idleSettleMs);
      return useDuring(follower, async () => delay(idleMs));
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const idle: Part = {
  name: 'idle',
  async measure(bench) {
    const rows: string[][] = [['followed files', 'CPU % of a core', 'resident MB', 'peak MB']];
    const facts: Record<string, number> = {};
    for (const files of FILES) {
      bench.progress(`idle with ${files} followed files`);
      const { cpuPercent, residentBytes, peakBytes } = await idleWith(bench, files);
      facts[`idle with ${files} CPU %`] = cpuPercent;
      const megabytes = [residentBytes, peakBytes].map((bytes) => (bytes / 1e6).toFixed(1));
      rows.push([String(files), cpuPercent.toFixed(2), ...megabytes]);
    }
    return { text: markdownTable(rows, 0), facts };
  },
};
