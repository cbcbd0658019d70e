/**
 * How long an event takes from its write to its receipt, and what shipping it takes meanwhile: a writer that appends at
 * a rate, the program that follows, and a receiver, each a process of its own, on one clock.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import split2 from 'split2';
import type { Bench, Part } from './bench.ts';
import { arrival, useDuring, withFollower, type Follower, type Use } from './follower.ts';
import { metadataEvents } from './inputs.ts';
import type { Peer } from './peers.ts';
import type { Latencies } from './receiver.ts';
import { numbered } from './roll.ts';
import { markdownTable } from './table.ts';
import { countAt, type FromWriter, type WriterOptions } from './pace.ts';

const WRITER = fileURLToPath(new URL('./writer.js', import.meta.url));

const RATES = [100, 1000, 10_000] as const;
const PEER_RATE = 1000;
interface Sample {
  readonly eventsPerSecond: number;
  readonly use: Use;
  readonly latencies: Latencies;
}

type Written = Exclude<FromWriter, { readonly began: true }>;

/** @throws when an event did not arrive. */
async function sample(
  bench: Bench,
  eventsPerSecond: number,
  peer: Peer | undefined,
): Promise<Sample> {
  const { latencySettleMs: settleMs, latencyMs: forMs } = bench.size;
  const directory = join(bench.directory, 'written');
  mkdirSync(directory);
  const file = join(directory, 'audit.log');
  // The program is there when this one has arrived. It is no time, and so none of those that count.
  appendFileSync(file, `${numbered(metadataEvents().next().value, 1)}\n`);
  const expectedEvents = 1 + [settleMs, forMs].map(countAt(eventsPerSecond)).reduce(plus);
  const sink = { expectedEvents, task: 'measure latencies' } as const;
  try {
    return await withFollower(bench, { directory, peer, sink }, async (follower) => {
      await arrival(follower, 'the first');
      const { use, written } = await writeMeanwhile(follower, file, {
        eventsPerSecond,
        settleMs,
        forMs,
      });
      await arrival(follower, 'all');
      const { latencies, repeatedEvents } = await follower.receiver.finish(written);
      if (latencies?.events !== written.events || repeatedEvents > 0) {
        const found = `${latencies?.events} arrived, ${repeatedEvents} came again`;
        throw new Error(`${written.events} events written, ${found}`);
      }
      return { eventsPerSecond, use, latencies };
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function plus(a: number, b: number): number {
  return a + b;
}

async function writeMeanwhile(
  follower: Follower,
  file: string,
  options: WriterOptions,
): Promise<{ readonly use: Use; readonly written: Written }> {
  const writer = spawn(process.execPath, [WRITER, file, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = writer.stdout.pipe(split2(JSON.parse));
  await once(said, 'data');
  const saysMore = once(said, 'data');
  const use = await useDuring(follower, async () => saysMore);
  const [written] = (await saysMore) as [Written];
  return { use, written };
}

function rowOf(name: string, { eventsPerSecond, use, latencies }: Sample): readonly string[] {
  const { medianMs, p99Ms, maxMs } = latencies;
  return [
    name,
    String(eventsPerSecond),
    ...[medianMs, p99Ms, maxMs].map((ms) => ms.toFixed(ms < 100 ? 1 : 0)),
    use.cpuPercent.toFixed(1),
    (use.residentBytes / 1e6).toFixed(0),
  ];
}

const HEADINGS = [
  'what',
  'events/s',
  'median ms',
  'p99 ms',
  'largest ms',
  'CPU % of a core',
  'resident MB',
] as const;

export const latency: Part = {
  name: 'latency',
  async measure(bench) {
    const rows: (readonly string[])[] = [HEADINGS];
    const facts: Record<string, number> = {};
    for (const rate of RATES) {
      bench.progress(`latency at ${rate} events/s`);
      const measured = await sample(bench, rate, undefined);
      rows.push(rowOf('audit-shipper', measured));
      facts[`latency at ${rate} median ms`] = measured.latencies.medianMs;
      facts[`latency at ${rate} p99 ms`] = measured.latencies.p99Ms;
      facts[`latency at ${rate} CPU %`] = measured.use.cpuPercent;
    }
    for (const peer of bench.peers.present) {
      bench.progress(`latency of ${peer.name}`);
      const measured = await sample(bench, PEER_RATE, peer);
      rows.push(rowOf(`${peer.name}, flush 1 s`, measured));
    }
    const absent = bench.peers.absent.map((name) => [
      `${name}: not on PATH`,
      ...HEADINGS.slice(1).map(() => '–'),
    ]);
    return { text: markdownTable([...rows, ...absent]), facts };
  },
};
