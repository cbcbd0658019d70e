/**
 * How a backlog is drained, to a Forward receiver that acknowledges and to a pipe: ours, beside what anybody would write
 * first, the yardsticks and the peers, in turns, on the same bytes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench, Facts, Part } from './bench.ts';
import { writeEvents, type Input } from './inputs.ts';
import { MAIN, measure, type Measurement } from './measure.ts';
import type { PackageOptions } from './obvious-forward.ts';
import type { Peer } from './peers.ts';
import { cpuOf, play, SETS, speedOf, type Contestant, type Runs } from './rounds.ts';
import { median, medianRatio } from './statistics.ts';
import { markdownTable } from './table.ts';

const OBVIOUS_FORWARD = fileURLToPath(new URL('./obvious-forward.js', import.meta.url));
const YARDSTICKS = fileURLToPath(new URL('./yardsticks.js', import.meta.url));

/** What the package was fastest with, of 100, 300, 1,000 and 3,000. */
const PACKAGE: PackageOptions = { messageEvents: 300, ackMs: 30_000, retries: false };
/** Of the peers. Shorter than their 1 s, which costs time at the end of a backlog. */
const FLUSH_SECONDS = 0.2;
/** What the receiver is fed with to see what it can take. */
const FLOOD_BYTES = 2e9;
const FLOOD_BYTES_SMALL = 100e6;

// --- who takes part ---

function ours(input: Input): readonly Contestant[] {
  const base = { expected: input };
  return [
    {
      key: 'forward',
      scenario: {
        ...base,
        name: 'audit-shipper, Forward',
        destination: 'forward',
        command: (receiver) => ({ node: [MAIN, '-o', receiver?.url ?? '', input.directory] }),
      },
    },
    {
      key: 'stdout',
      scenario: {
        ...base,
        name: 'audit-shipper, stdout',
        destination: 'pipe',
        command: () => ({ node: [MAIN, '--format', 'json', input.directory] }),
      },
    },
  ];
}

function obvious(input: Input): readonly Contestant[] {
  const options = JSON.stringify(PACKAGE);
  return [
    {
      key: 'obvious',
      scenario: {
        name: 'the obvious build, Forward',
        expected: input,
        destination: 'forward',
        command: (receiver) => ({
          node: [OBVIOUS_FORWARD, receiver?.url ?? '', input.directory, options],
        }),
      },
    },
    {
      key: 'obvious-stdout',
      scenario: {
        name: 'the obvious build, stdout',
        expected: input,
        destination: 'pipe',
        command: () => ({ node: [YARDSTICKS, 'copy', input.directory] }),
      },
    },
  ];
}

function yardsticks(input: Input): readonly Contestant[] {
  const base = { expected: input, destination: 'nothing', timed: 'from first read' } as const;
  const inNode = (which: string) => () => ({ node: [YARDSTICKS, which, input.directory] });
  return [
    {
      key: 'parse',
      scenario: { ...base, name: 'JSON.parse, nothing else', command: inNode('parse') },
    },
    {
      key: 'encode',
      scenario: {
        ...base,
        name: 'JSON.parse and @msgpack/msgpack, nothing else',
        command: inNode('encode'),
      },
    },
    {
      key: 'relay',
      scenario: {
        ...base,
        name: 'raw relay of the bytes',
        destination: 'forward',
        delivers: 'bytes',
        command: (receiver) => ({
          node: [YARDSTICKS, 'relay', input.directory, String(receiver?.port)],
        }),
      },
    },
  ];
}

/** A peer begins anew in each run: its positions are in a directory that is made for it. */
function contender(peer: Peer, input: Input, scratch: string): Contestant {
  return {
    key: peer.binary,
    scenario: {
      name: `${peer.name}, Forward`,
      expected: input,
      destination: 'forward',
      ends: 'by a signal',
      command: (receiver) =>
        peer.command({
          scratch: mkdtempSync(join(scratch, `${peer.binary}-`)),
          directory: input.directory,
          host: receiver?.host ?? '',
          port: receiver?.port ?? 0,
          flushSeconds: FLUSH_SECONDS,
        }),
    },
  };
}

// --- what came of it ---

const HEADINGS = [
  'what',
  'events/s',
  'MB/s',
  'MB/s from – to',
  'CPU s/GB',
  'peak MB',
  'speed of ours to this',
  'CPU of ours to this',
] as const;

/** Those that write to stdout are compared with ours that does, all others with ours to Forward. */
function referenceOf(contestant: Contestant, runs: Runs): readonly Measurement[] {
  const key = contestant.key.endsWith('stdout') ? 'stdout' : 'forward';
  return [...runs].find(([candidate]) => candidate.key === key)?.[1] ?? [];
}

function rowOf(contestant: Contestant, runs: Runs): readonly string[] {
  const own = runs.get(contestant) ?? [];
  const reference = referenceOf(contestant, runs);
  const speeds = own.map(speedOf);
  const isReference = own === reference;
  const ratio = (read: (run: Measurement) => number): string =>
    isReference ? '–' : medianRatio(reference.map(read), own.map(read)).toFixed(2);
  const isRaw = contestant.scenario.delivers === 'bytes';
  return [
    contestant.scenario.name,
    isRaw ? '–' : median(own.map(({ events, seconds }) => events / seconds)).toFixed(0),
    median(speeds).toFixed(0),
    `${Math.min(...speeds).toFixed(0)} – ${Math.max(...speeds).toFixed(0)}`,
    median(own.map(cpuOf)).toFixed(1),
    (Math.max(...own.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0),
    ratio(speedOf),
    ratio(cpuOf),
  ];
}

function factsOf(set: string, runs: Runs): Facts {
  const facts: Record<string, number> = {};
  for (const [contestant, own] of runs) {
    const reference = referenceOf(contestant, runs);
    const name = `${set} ${contestant.key}`;
    facts[`${name} MB/s`] = median(own.map(speedOf));
    facts[`${name} CPU s/GB`] = median(own.map(cpuOf));
    facts[`${name} peak MB`] = Math.max(...own.map(({ peakBytes }) => peakBytes)) / 1e6;
    facts[`${name} speed ratio`] = medianRatio(reference.map(speedOf), own.map(speedOf));
    facts[`${name} CPU ratio`] = medianRatio(reference.map(cpuOf), own.map(cpuOf));
  }
  return facts;
}

/** The receiver's own limit. */
async function floodSpeed({ node, size }: Bench): Promise<number> {
  const bytes = size.rollCallCounts ? FLOOD_BYTES_SMALL : FLOOD_BYTES;
  const whole = Math.ceil(bytes / 2 ** 20) * 2 ** 20;
  const measured = await measure(node, {
    name: 'the receiver, fed from memory',
    expected: { events: 0, bytes: whole },
    destination: 'forward',
    delivers: 'bytes',
    timed: 'from first read',
    command: (receiver) => ({
      node: [YARDSTICKS, 'flood', String(bytes), String(receiver?.port)],
    }),
  });
  return speedOf(measured);
}

export const drain: Part = {
  name: 'drain',
  async measure(bench) {
    const { directory, size, peers } = bench;
    bench.progress('what the receiver can take');
    const limit = await floodSpeed(bench);
    const texts = [`The receiver takes ${limit.toFixed(0)} MB/s when it is fed from memory.`];
    const facts: Record<string, number> = { 'receiver MB/s': limit };
    for (const { key, level } of SETS) {
      bench.progress(`making ${(size.drainBytes / 1e6).toFixed(0)} MB of ${level} events`);
      const input = writeEvents(join(directory, key), level, size.drainBytes);
      const contestants = [
        ...ours(input),
        ...obvious(input),
        ...yardsticks(input),
        ...peers.present.map((peer) => contender(peer, input, directory)),
      ];
      const runs = await play(bench, input, contestants);
      rmSync(input.directory, { recursive: true });
      Object.assign(facts, factsOf(key, runs));
      const absent = peers.absent.map((name) => [
        `${name}: not on PATH`,
        ...HEADINGS.slice(1).map(() => '–'),
      ]);
      const rows = [HEADINGS, ...contestants.map((one) => rowOf(one, runs)), ...absent];
      const mean = (input.bytes / input.events / 1000).toFixed(1);
      const title = `${level}: ${input.events} events of ${mean} KB on average, ${(input.bytes / 1e6).toFixed(0)} MB`;
      texts.push(`${title}, ${bench.runsText}.`, markdownTable(rows));
    }
    return { text: texts.join('\n\n'), facts };
  },
};
