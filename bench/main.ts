/**
 * The benchmark: the built program as a process, beside what anybody would write first, yardsticks and peers, in one run
 * and on the same bytes. Runs the parts, judges the targets, and writes the document. Fails when an event is missing;
 * with --check also when a target is missed.
 *
 *     npm run bench -- [--small] [--only <part>,…] [--megabytes <n>] [--runs <n>] [--node <binary>] [--check] [--write]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fullSize, SMALL, type Bench, type Facts, type Part } from './bench.ts';
import { drain } from './drain.ts';
import { faults } from './faults.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { machine } from './machine.ts';
import { memory } from './memory.ts';
import { peersOnPath } from './peers.ts';
import { rules } from './rules.ts';
import { startup } from './startup.ts';
import { withSection } from './table.ts';
import { judge, judgementTable, targetsFor, type Judgement } from './targets.ts';

const PARTS: readonly Part[] = [drain, rules, latency, idle, startup, growth, memory, faults];
const DOCUMENT = 'docs/benchmarks.md';

const OPTIONS = {
  small: { type: 'boolean', default: false },
  only: { type: 'string', default: PARTS.map(({ name }) => name).join(',') },
  // What kube-apiserver keeps with audit-log-maxsize 100 and audit-log-maxbackup 10.
  megabytes: { type: 'string', default: '1000' },
  runs: { type: 'string', default: '5' },
  node: { type: 'string', default: process.execPath },
  check: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
} as const;

interface Request {
  readonly bench: Omit<Bench, 'directory'>;
  readonly parts: readonly Part[];
  readonly checks: boolean;
  readonly writes: boolean;
}

/** @throws when an option makes no sense. */
function readRequest(args: readonly string[]): Request {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const names = values.only.split(',');
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    const known = PARTS.map(({ name }) => name).join(', ');
    throw new Error(`--only: no part is called ${unknown.join(', ')}; there are ${known}`);
  }
  const size = values.small
    ? SMALL
    : fullSize(positive('--megabytes', values.megabytes), positive('--runs', values.runs));
  const { rounds } = size;
  return {
    parts: PARTS.filter(({ name }) => names.includes(name)),
    checks: values.check,
    writes: values.write,
    bench: {
      node: values.node,
      size,
      peers: peersOnPath(process.env['PATH'] ?? ''),
      runsText: rounds === 1 ? 'one run' : `medians of ${rounds} runs`,
      progress: (what) => process.stderr.write(`${elapsed()} ${what} …\n`),
    },
  };
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`${name}: ${text} is no whole number above 0`);
}

function elapsed(): string {
  return `${(performance.now() / 1000).toFixed(0).padStart(5)} s`;
}

interface Results {
  /** The text of each part, in Markdown, by its name. */
  readonly texts: ReadonlyMap<string, string>;
  readonly facts: Facts;
}

async function measureAll({ bench, parts }: Request): Promise<Results> {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-bench-'));
  const texts = new Map<string, string>();
  const facts: Record<string, number> = {};
  try {
    for (const part of parts) {
      const findings = await part.measure({ ...bench, directory });
      texts.set(part.name, findings.text);
      Object.assign(facts, findings.facts);
      process.stdout.write(`\n## ${part.name}\n\n${findings.text}\n\n`);
    }
    return { texts, facts };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Only what was measured is replaced. */
function write(title: string, major: string, texts: ReadonlyMap<string, string>): void {
  let document = readFileSync(DOCUMENT, 'utf8');
  for (const [name, text] of texts) {
    document = withSection(document, sectionOf(name, major), `${title}:\n\n${text}`);
  }
  writeFileSync(DOCUMENT, document);
}

/** @throws when there is no place for a result, before anything is measured. */
function findPlaces(major: string, names: readonly string[]): void {
  const document = readFileSync(DOCUMENT, 'utf8');
  for (const name of names) withSection(document, sectionOf(name, major), '');
}

function sectionOf(name: string, major: string): string {
  return `${name}, Node ${major}`;
}

function isMissed({ verdict }: Judgement): boolean {
  return verdict === 'missed';
}

async function main(): Promise<number> {
  const request = readRequest(process.argv.slice(2));
  const { node } = request.bench;
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
  const [major = ''] = version.split('.');
  const title = machine(version);
  if (request.writes) {
    findPlaces(
      major,
      request.parts.map(({ name }) => name),
    );
  }
  process.stdout.write(`${title}\n`);
  const { texts, facts } = await measureAll(request);
  const judgements = judge(targetsFor(Number(major)), facts);
  const table = judgementTable(judgements);
  process.stdout.write(`## targets\n\n${table}\n`);
  const isAll = request.parts.length === PARTS.length;
  if (request.writes) write(title, major, isAll ? new Map([...texts, ['targets', table]]) : texts);
  return request.checks && judgements.some(isMissed) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
