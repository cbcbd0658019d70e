/**
 * How much memory shipping takes, at its peak: with a large backlog, with very many backups, with a reader that is
 * slow, with a state directory and without. Fails when a peak is above the limit or when an event did not arrive.
 *
 *     npm run bench:memory -- [--small] [--node <binary>] [--write]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBacklog, writeManyBackups, type Input } from './inputs.ts';
import { MAIN, measure, type Measurement, type Scenario } from './measure.ts';
import type { Mood } from './receiver.ts';
import { tableOf, withSection } from './table.ts';

/** What the program promises (README.md), in bytes, on Node 20; newer versions take more themselves. */
const LIMIT_BYTES = 120e6;
const LIMIT_BYTES_LATER = 135e6;
const FIRST_NODE = 20;
const DOCUMENT = 'docs/benchmarks.md';

/** As large as the promise speaks of, or quick to see that it works. */
const SIZES = {
  full: { backlogFiles: 21, backlogFileBytes: 100e6, backups: 10_000, followMs: 15_000 },
  small: { backlogFiles: 5, backlogFileBytes: 10e6, backups: 500, followMs: 3000 },
} as const;
const GZIP = { AUDIT_SHIPPER_COMPRESS: 'gzip' };
/** Of a small backup: some 20 events. */
const BACKUP_BYTES = 25e3;

const OPTIONS = {
  small: { type: 'boolean', default: false },
  node: { type: 'string', default: process.execPath },
  write: { type: 'boolean', default: false },
} as const;

/** Each input is made, measured and removed before the next. */
type Part = (directory: string) => {
  readonly input: Input;
  readonly scenarios: readonly Scenario[];
};

function parts(size: (typeof SIZES)[keyof typeof SIZES]): readonly Part[] {
  const { backlogFiles, backlogFileBytes, backups, followMs } = size;
  return [
    (directory) => {
      const input = writeBacklog(join(directory, 'backlog'), backlogFiles, backlogFileBytes);
      const state = ['-s', join(directory, 'state')];
      return {
        input,
        scenarios: [
          once('a backlog, to /dev/null', [], input),
          once('a backlog, remembered', state, input),
          { ...once('a backlog, to a slow reader', [], input), reader: 'slow' },
          forwarded('a backlog, to Forward', 'prompt', {}, input),
          forwarded('a backlog, to Forward, gzip', 'prompt', GZIP, input),
          forwarded('a backlog, to slow Forward', 'slow', {}, input),
        ],
      };
    },
    (directory) => {
      const input = writeManyBackups(join(directory, 'backups'), backups, BACKUP_BYTES);
      const state = ['-s', join(directory, 'state-of-backups')];
      const restart = once('many backups, a restart', state, input);
      const follow = once('many backups, followed', ['-f'], input);
      return {
        input,
        scenarios: [
          once('many backups, to /dev/null', [], input),
          once('many backups, remembered', state, input),
          { ...restart, expectedEvents: 0 },
          { ...follow, stopAfterMs: followMs },
        ],
      };
    },
  ];
}

/** Reads what is there and ends. */
function once(name: string, flags: readonly string[], input: Input): Scenario {
  const args = [MAIN, '--format', 'json', ...flags, input.directory];
  return { name, args, reader: 'none', expectedEvents: input.events };
}

/** The same, to a Forward receiver. */
function forwarded(name: string, mood: Mood, env: Scenario['env'], input: Input): Scenario {
  const args = (url: string): string[] => [MAIN, '-o', url, input.directory];
  return { ...once(name, [], input), forward: { mood, args }, ...(env && { env }) };
}

async function measureAll(node: string, small: boolean): Promise<readonly Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-bench-'));
  const idle: Scenario = { name: 'Node alone', args: undefined, reader: 'none', expectedEvents: 0 };
  const measurements = [await measure(node, idle)];
  try {
    for (const part of parts(small ? SIZES.small : SIZES.full)) {
      const { input, scenarios } = part(directory);
      for (const scenario of scenarios) {
        process.stderr.write(`${scenario.name} …\n`);
        measurements.push(await measure(node, scenario));
      }
      rmSync(input.directory, { recursive: true });
    }
    return measurements;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function write(version: string, table: string): void {
  const machine = `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}`;
  const text = `Node ${version}, ${machine}:\n\n${table}`;
  const [major = ''] = version.split('.');
  const document = readFileSync(DOCUMENT, 'utf8');
  writeFileSync(DOCUMENT, withSection(document, `memory, Node ${major}`, text));
}

async function main(): Promise<number> {
  const { node, small, write: writes } = parseArgs({ options: OPTIONS }).values;
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
  const measurements = await measureAll(node, small);
  const table = tableOf(measurements);
  process.stdout.write(`Node ${version}\n${table}\n`);
  if (writes) write(version, table);
  const limitBytes = Number.parseInt(version) === FIRST_NODE ? LIMIT_BYTES : LIMIT_BYTES_LATER;
  const over = measurements.filter(({ peakBytes }) => peakBytes > limitBytes);
  for (const { name, peakBytes } of over) {
    const [peak, limit] = [peakBytes, limitBytes].map((bytes) => (bytes / 1e6).toFixed(1));
    process.stderr.write(`${name}: a peak of ${peak} MB, above the limit of ${limit} MB\n`);
  }
  return over.length === 0 ? 0 : 1;
}

process.exitCode = await main();
