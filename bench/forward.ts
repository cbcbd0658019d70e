/**
 * The Forward output against the client of @fluent-org/logger: how fast, how much CPU and memory, to the same receiver
 * and in turns; and what each does under faults. Fails when an event of the first part is missing or comes twice. Sets
 * no thresholds on speed.
 *
 *     npm run bench:forward -- [--small] [--write]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { playFaults } from './forward-faults.ts';
import { packageCommand } from './forward-senders.ts';
import { writeBacklog, type Input } from './inputs.ts';
import { MAIN, measure, type Measurement, type Scenario } from './measure.ts';
import { markdownTable, withSection } from './table.ts';

const DOCUMENT = 'docs/benchmarks.md';
const FILES = 4;
const SIZES = {
  full: { fileBytes: 100e6, rounds: 3 },
  small: { fileBytes: 5e6, rounds: 1 },
} as const;
/** What the package was fastest with, of 100, 300, 1,000 and 3,000. */
const MESSAGE_EVENTS = 300;
const ACK_MS = 30_000;

const OPTIONS = {
  small: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
} as const;

const HEADINGS = ['sender', 'events/s', 'MB/s', 'CPU s/GB', 'peak MB'] as const;

/** Ours first: the ratios are to it. */
function senders(input: Input): readonly Scenario[] {
  const base = { args: undefined, reader: 'none', expectedEvents: input.events } as const;
  const package_ = (name: string, retries: boolean): Scenario => {
    const options = { messageEvents: MESSAGE_EVENTS, ackMs: ACK_MS, retries };
    const args = (url: string): string[] => packageCommand(url, input.directory, options);
    return { ...base, name, forward: { mood: 'prompt', args } };
  };
  const ours = (url: string): string[] => [MAIN, '-o', url, input.directory];
  return [
    { ...base, name: 'audit-shipper', forward: { mood: 'prompt', args: ours } },
    package_('the package', false),
    package_('the package, eventRetry', true),
  ];
}

/** In turns, so that what else the machine does falls on all of them. */
async function measureSpeed(input: Input, rounds: number): Promise<string> {
  const scenarios = senders(input);
  const runs: Measurement[][] = scenarios.map(() => []);
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, scenario] of scenarios.entries()) {
      process.stderr.write(`${scenario.name}, round ${round} …\n`);
      runs[index]?.push(await measure(process.execPath, scenario));
    }
  }
  const [ours, ...others] = runs.map(mediansOf);
  if (ours === undefined) throw new Error('nothing was measured');
  const ratios = others.map((other) => ours.map((value, column) => value / (other[column] ?? NaN)));
  const rows = [ours, ...others].map((medians, index) => {
    const [events = 0, rate = 0, cpu = 0, peak = 0] = medians;
    const cells = [events.toFixed(0), rate.toFixed(1), cpu.toFixed(1), peak.toFixed(0)];
    return [scenarios[index]?.name ?? '', ...cells];
  });
  const ratioRows = ratios.map((ratio, index) => {
    const name = `ratio to ${scenarios[index + 1]?.name ?? ''}`;
    return [name, ...ratio.map((value) => value.toFixed(2))];
  });
  return markdownTable([HEADINGS, ...rows, ...ratioRows]);
}

/** In the order of the headings. */
function mediansOf(runs: readonly Measurement[]): readonly number[] {
  const columns: readonly ((run: Measurement) => number)[] = [
    ({ events, seconds }) => events / seconds,
    ({ bytes, seconds }) => bytes / 1e6 / seconds,
    ({ bytes, cpuSeconds }) => cpuSeconds / (bytes / 1e9),
    ({ peakBytes }) => peakBytes / 1e6,
  ];
  return columns.map((column) => median(runs.map(column)));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function write(sections: Readonly<Record<string, string>>): void {
  let document = readFileSync(DOCUMENT, 'utf8');
  for (const [name, text] of Object.entries(sections)) document = withSection(document, name, text);
  writeFileSync(DOCUMENT, document);
}

async function main(): Promise<void> {
  const { small, write: writes } = parseArgs({ options: OPTIONS }).values;
  const { fileBytes, rounds } = small ? SIZES.small : SIZES.full;
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-bench-'));
  try {
    const input = writeBacklog(join(directory, 'backlog'), FILES, fileBytes);
    const speed = await measureSpeed(input, rounds);
    const machine = `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}`;
    const megabytes = (input.bytes / 1e6).toFixed(0);
    const title = `Node ${process.versions.node}, ${machine}, ${input.events} events, ${megabytes} MB:`;
    process.stdout.write(`${title}\n\n${speed}\n\n`);
    const faults = await playFaults(directory);
    process.stdout.write(`${faults}\n`);
    if (writes) write({ forward: `${title}\n\n${speed}`, 'forward, faults': faults });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
