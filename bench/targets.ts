/**
 * What the program has to reach, and whether it does: one table, judged by the facts that the parts of the benchmark
 * found. Pure.
 */
import type { Facts } from './bench.ts';
import { markdownTable } from './table.ts';

export interface Target {
  readonly name: string;
  /** The facts it is judged by: the worst of them counts. */
  readonly facts: readonly string[];
  readonly bound: 'at least' | 'at most';
  readonly limit: number;
}

export interface Judgement {
  readonly target: Target;
  /** Undefined when it was not measured. */
  readonly found: number | undefined;
  readonly verdict: 'met' | 'missed' | 'not measured';
}

/** Newer versions of Node take more themselves, which only shows where thousands of files are known. */
const FIRST_NODE = 20;
const BACKUPS_PEAK_MB = 120;
const BACKUPS_PEAK_MB_LATER = 135;
const PEAK_MB = 110;
/** "Linear" and "constant", measured on a machine that does other things too. */
const GROWTH_TOLERANCE = 1.25;

/** @param nodeMajor of the Node that ran ours. */
export function targetsFor(nodeMajor: number): readonly Target[] {
  const backups = nodeMajor === FIRST_NODE ? BACKUPS_PEAK_MB : BACKUPS_PEAK_MB_LATER;
  return [
    least('Metadata to Forward, speed to the obvious build', 'metadata obvious speed ratio', 15),
    least('Metadata to Forward, speed to Fluent Bit', 'metadata fluent-bit speed ratio', 10),
    most('Metadata to Forward, CPU per GB to Fluent Bit', ['metadata fluent-bit CPU ratio'], 1 / 7),
    least('Metadata to Forward, speed to JSON.parse alone', 'metadata parse speed ratio', 2.5),
    least('Metadata to Forward, speed to the raw relay', 'metadata relay speed ratio', 0.15),
    least('RequestResponse to Forward, speed to Fluent Bit', 'bodies fluent-bit speed ratio', 5),
    least('with an audit policy, speed to without', 'metadata with policy speed ratio', 0.6),
    least(
      'RequestResponse with an audit policy, speed to without',
      'bodies with policy speed ratio',
      0.6,
    ),
    most(
      'peak of every drain, MB',
      [
        ...['metadata', 'bodies'].flatMap((set) => [
          `${set} forward peak MB`,
          `${set} stdout peak MB`,
        ]),
        'growth peak MB',
        'backlog peak MB',
      ],
      PEAK_MB,
    ),
    most('peak with many backups, MB', ['many backups peak MB'], backups),
    most('latency at 1,000 events/s, median ms', ['latency at 1000 median ms'], 10),
    most('latency at 1,000 events/s, p99 ms', ['latency at 1000 p99 ms'], 50),
    most('CPU at 1,000 events/s, % of a core', ['latency at 1000 CPU %'], 5),
    most('idle CPU, % of a core', ['idle with 1 CPU %', 'idle with 100 CPU %'], 0.3),
    most('time per byte, 50 × to 10 × the backlog', ['growth of time per byte'], GROWTH_TOLERANCE),
    most('peak, 50 × to 10 × the backlog', ['growth of memory'], GROWTH_TOLERANCE),
  ];
}

function least(name: string, fact: string, limit: number): Target {
  return { name, facts: [fact], bound: 'at least', limit };
}

function most(name: string, facts: readonly string[], limit: number): Target {
  return { name, facts, bound: 'at most', limit };
}

export function judge(targets: readonly Target[], facts: Facts): readonly Judgement[] {
  return targets.map((target) => {
    const values = target.facts
      .map((name) => facts[name])
      .filter((value): value is number => value !== undefined);
    if (values.length === 0) return { target, found: undefined, verdict: 'not measured' };
    const found = target.bound === 'at least' ? Math.min(...values) : Math.max(...values);
    const isMet = target.bound === 'at least' ? found >= target.limit : found <= target.limit;
    return { target, found, verdict: isMet ? 'met' : 'missed' };
  });
}

export function judgementTable(judgements: readonly Judgement[]): string {
  const rows = judgements.map(({ target, found, verdict }) => [
    target.name,
    `${target.bound} ${shown(target.limit)}`,
    found === undefined ? '–' : shown(found),
    verdict,
  ]);
  return markdownTable([['target', 'limit', 'found', 'verdict'], ...rows]);
}

function shown(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
