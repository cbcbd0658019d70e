/**
 * How much memory shipping takes, at its peak: with a large backlog, with very many backups, with a reader that is
 * slow, with a state directory and without.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Part } from './bench.ts';
import { writeBacklog, writeManyBackups, type Input } from './inputs.ts';
import { MAIN, measure, type Measurement, type Scenario } from './measure.ts';
import { tableOf } from './table.ts';

const GZIP = { AUDIT_SHIPPER_COMPRESS: 'gzip' };
/** Of a small backup: some 20 events. */
const BACKUP_BYTES = 25e3;

const NODE_ALONE: Scenario = {
  name: 'Node alone',
  command: () => ({ node: ['--eval', '0'] }),
  expected: { events: 0, bytes: 0 },
  destination: 'nothing',
  delivers: 'nothing',
};

function backlogScenarios({ directory, size }: Bench, input: Input): readonly Scenario[] {
  const { slow } = size;
  const state = ['-s', join(directory, 'state')];
  return [
    once('a backlog, to /dev/null', [], input),
    once('a backlog, remembered', state, input),
    { ...once('a backlog, to a slow reader', [], input), destination: 'pipe', slow },
    forwarded('a backlog, to Forward', {}, input),
    forwarded('a backlog, to Forward, gzip', GZIP, input),
    { ...forwarded('a backlog, to slow Forward', {}, input), slow },
  ];
}

function backupScenarios({ directory, size }: Bench, input: Input): readonly Scenario[] {
  const state = ['-s', join(directory, 'state-of-backups')];
  const restart = once('many backups, a restart', state, input);
  return [
    once('many backups, to /dev/null', [], input),
    once('many backups, remembered', state, input),
    { ...restart, expected: { events: 0, bytes: 0 } },
    { ...once('many backups, followed', ['-f'], input), stopAfterMs: size.followMs },
  ];
}

/** Reads what is there and ends. */
function once(name: string, flags: readonly string[], input: Input): Scenario {
  const args = [MAIN, '--format', 'json', ...flags, input.directory];
  return { name, command: () => ({ node: args }), expected: input, destination: 'nothing' };
}

/** The same, to a Forward receiver. */
function forwarded(name: string, env: Readonly<Record<string, string>>, input: Input): Scenario {
  return {
    name,
    expected: input,
    destination: 'forward',
    command: (receiver) => ({ node: [MAIN, '-o', receiver?.url ?? '', input.directory], env }),
  };
}

/** The input is made, measured and removed. */
async function play(
  bench: Bench,
  input: Input,
  scenarios: readonly Scenario[],
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (const scenario of scenarios) {
    bench.progress(scenario.name);
    measurements.push(await measure(bench.node, scenario));
  }
  rmSync(input.directory, { recursive: true });
  return measurements;
}

export const memory: Part = {
  name: 'memory',
  async measure(bench) {
    const { node, directory, size } = bench;
    const alone = await measure(node, NODE_ALONE);
    const { backlogFiles, backlogFileBytes, backups } = size;
    const backlog = writeBacklog(join(directory, 'backlog'), backlogFiles, backlogFileBytes);
    const few = await play(bench, backlog, backlogScenarios(bench, backlog));
    const files = writeManyBackups(join(directory, 'backups'), backups, BACKUP_BYTES);
    const many = await play(bench, files, backupScenarios(bench, files));
    const peakOf = (measurements: readonly Measurement[]): number =>
      Math.max(...measurements.map(({ peakBytes }) => peakBytes)) / 1e6;
    const facts = { 'backlog peak MB': peakOf(few), 'many backups peak MB': peakOf(many) };
    return { text: tableOf([alone, ...few, ...many]), facts };
  },
};
