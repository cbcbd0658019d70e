/** The metrics that alerts and dashboards may name, and the labels of each: ours as the agent serves them, and a few of others. */
import { Metrics } from '../../src/observe/metrics.ts';
import { selectedBy } from './promql.ts';
import { LOG_VITALS, SUMS, vitalsOf } from './vitals.ts';

/** What Prometheus, or docs/metrics.md, puts on whatever it asks a target. */
const OF_TARGETS = ['job', 'instance', 'node', 'namespace', 'pod', 'container'];

/** Metrics of others: of Prometheus itself, of kube-state-metrics, of the kubelet. */
const OF_OTHERS: Readonly<Record<string, readonly string[]>> = {
  up: OF_TARGETS,
  ALERTS: ['alertname', 'alertstate', 'severity', ...OF_TARGETS],
  kube_node_role: ['node', 'role'],
  kube_node_status_condition: ['node', 'condition', 'status'],
  container_memory_working_set_bytes: OF_TARGETS,
  container_cpu_usage_seconds_total: OF_TARGETS,
};

/** An agent of which everything is known: each metric has a sample. */
const VITALS = vitalsOf({
  sums: {
    ...SUMS,
    filteredEvents: { policy: 1 },
    rulesReloads: { ok: 1 },
    invalidLines: { torn: 1 },
    lostBytes: { deleted: 1 },
    losses: { deleted: 1 },
    rotations: { renamed: 1 },
    retries: { CLOSED: 1 },
  },
  logs: [{ ...LOG_VITALS, bytesPerSecond: 1, secondsToLoss: 1 }],
  upstreams: [{ name: 'fluentd:24224', isUp: true }],
});

/** By metric: its labels, those of the target included. */
export async function knownMetrics(): Promise<Map<string, readonly string[]>> {
  const known = new Map(Object.entries(OF_OTHERS));
  const text = await new Metrics().expose(VITALS);
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) {
    const sample = new RegExp(`^${name}(?:\\{(.*)\\})? \\S+$`, 'm').exec(text);
    if (sample === null) throw new Error(`${name} has no sample: give VITALS what it shows`);
    const own = Array.from((sample[1] ?? '').matchAll(/(\w+)="/g), ([, label = '']) => label);
    known.set(name, [...own, ...OF_TARGETS]);
  }
  return known;
}

/** What a query names that is not there. */
export function strangersIn(
  query: string,
  known: ReadonlyMap<string, readonly string[]>,
): string[] {
  return selectedBy(query).flatMap(({ metric, labels }) => {
    const there = known.get(metric);
    if (there === undefined) return [metric];
    return labels.filter((label) => !there.includes(label)).map((label) => `${metric}{${label}}`);
  });
}
