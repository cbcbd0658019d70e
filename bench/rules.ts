/**
 * What rules cost: a backlog is drained to a Forward receiver with and without redaction and an audit policy, in turns,
 * on the same bytes. The policy is the example of docs/policy.md, which has the rules of Kubernetes' own sample.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts, Part } from './bench.ts';
import { writeEvents, type Input } from './inputs.ts';
import { MAIN } from './measure.ts';
import { cpuOf, play, SETS, speedOf, type Contestant, type Runs } from './rounds.ts';
import { median, medianRatio } from './statistics.ts';
import { markdownTable } from './table.ts';

const POLICY = 'docs/policy-example.yaml';
const ONE_LINE_OUTPUT_BYTES = 16 * 1024 * 1024;

/** What is switched on, and the name that it has in facts. */
const WAYS = [
  { key: 'none', name: 'nothing is done to events', policy: false, redact: false },
  { key: 'redact', name: 'secrets are redacted, as by default', policy: false, redact: true },
  { key: 'policy', name: 'an audit policy', policy: true, redact: false },
  { key: 'both', name: 'an audit policy, and secrets are redacted', policy: true, redact: true },
] as const;

/** How many events the policy lets go. */
function shippedEvents(node: string, { directory }: Input): number {
  const args = [MAIN, 'policy', 'test', '--json', POLICY, directory];
  const output = execFileSync(node, args, { maxBuffer: ONE_LINE_OUTPUT_BYTES, stdio: 'pipe' });
  const { all } = JSON.parse(output.toString()) as {
    readonly all: Readonly<Record<'kept' | 'lowered', { readonly events: number }>>;
  };
  return all.kept.events + all.lowered.events;
}

function contestants(input: Input, shipped: number): readonly Contestant[] {
  return WAYS.map(({ key, name, policy, redact }) => ({
    key,
    scenario: {
      name,
      // All of it is read, whatever is left of it.
      expected: { events: policy ? shipped : input.events, bytes: input.bytes },
      destination: 'forward',
      ...(policy ? { callsRoll: false } : {}),
      command: (receiver) => ({
        node: [MAIN, '-o', receiver?.url ?? '', input.directory],
        env: {
          AUDIT_SHIPPER_REDACT: String(redact),
          AUDIT_SHIPPER_POLICY_FILE: policy ? POLICY : '',
        },
      }),
    },
  }));
}

function findingsOf(
  set: string,
  runs: Runs,
): { rows: readonly (readonly string[])[]; facts: Facts } {
  const [none] = runs.values();
  const reference = none ?? [];
  const facts: Record<string, number> = {};
  const rows = [...runs].map(([{ key, scenario }, own]) => {
    const speed = medianRatio(own.map(speedOf), reference.map(speedOf));
    const cpu = medianRatio(own.map(cpuOf), reference.map(cpuOf));
    facts[`${set} with ${key} speed ratio`] = speed;
    return [
      scenario.name,
      String(scenario.expected.events),
      median(own.map(speedOf)).toFixed(0),
      median(own.map(cpuOf)).toFixed(1),
      (Math.max(...own.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0),
      speed.toFixed(2),
      cpu.toFixed(2),
    ];
  });
  return { rows, facts };
}

const HEADINGS = [
  'what',
  'events shipped',
  'MB/s read',
  'CPU s/GB read',
  'peak MB',
  'speed to without',
  'CPU to without',
] as const;

export const rules: Part = {
  name: 'rules',
  async measure(bench) {
    const { directory, size, node } = bench;
    const texts: string[] = [];
    const facts: Record<string, number> = {};
    for (const { key, level } of SETS) {
      bench.progress(`making ${(size.drainBytes / 1e6).toFixed(0)} MB of ${level} events`);
      const input = writeEvents(join(directory, `rules-${key}`), level, size.drainBytes);
      const runs = await play(bench, input, contestants(input, shippedEvents(node, input)));
      rmSync(input.directory, { recursive: true });
      const found = findingsOf(key, runs);
      Object.assign(facts, found.facts);
      const title = `${level}: ${input.events} events, ${(input.bytes / 1e6).toFixed(0)} MB`;
      texts.push(`${title}, ${bench.runsText}.`, markdownTable([HEADINGS, ...found.rows]));
    }
    return { text: texts.join('\n\n'), facts };
  },
};
