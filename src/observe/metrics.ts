/**
 * The metrics, for Prometheus: names and labels are a contract (docs/metrics.md), and labels stay bounded. Made anew from
 * a picture of the agent for each scrape. It knows no stage.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Amounts, LogVitals, Vitals } from './vitals.ts';

const PREFIX = 'audit_shipper_';
const MS_PER_SECOND = 1000;

/** A number, or numbers by the value of the only label. */
type Value = number | Amounts | ReadonlyMap<string, number>;

interface Metric {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  readonly value: (vitals: Vitals) => Value | undefined;
}

const METRICS: readonly Metric[] = [
  counter('read_bytes_total', 'Bytes of audit files that were read.', ({ sums }) => sums.readBytes),
  counter(
    'read_events_total',
    'Lines of audit files that were read.',
    ({ sums }) => sums.readEvents,
  ),
  counter(
    'delivered_events_total',
    'Events that the receiver has.',
    ({ sums }) => sums.deliveredEvents,
  ),
  counter(
    'delivered_bytes_total',
    'Bytes of audit files whose events the receiver has.',
    ({ sums }) => sums.deliveredBytes,
  ),
  counter(
    'filtered_events_total',
    'Events that a rule left out.',
    ({ sums }) => sums.filteredEvents,
    'reason',
  ),
  counter(
    'redacted_events_total',
    'Events of which a secret was taken out.',
    ({ sums }) => sums.redactedEvents,
  ),
  counter(
    'rules_reloads_total',
    'How often rules were read again: ok, or refused because they are wrong.',
    ({ sums }) => sums.rulesReloads,
    'result',
  ),
  counter(
    'skipped_bytes_total',
    'Bytes that were not wanted: before --from, or holes of NULs.',
    ({ sums }) => sums.skippedBytes,
  ),
  counter(
    'invalid_lines_total',
    'Lines that are no event; they are delivered, wrapped.',
    ({ sums }) => sums.invalidLines,
    'reason',
  ),
  counter(
    'truncated_events_total',
    'Events over max_event_bytes, delivered without their bodies.',
    ({ sums }) => sums.truncatedEvents,
  ),
  counter(
    'dead_letter_events_total',
    'Events that no receiver takes, put aside in the state directory.',
    ({ sums }) => sums.deadLetterEvents,
  ),
  counter(
    'lost_bytes_total',
    'Bytes of audit files that were gone before they were read.',
    ({ sums }) => sums.lostBytes,
    'reason',
  ),
  counter(
    'losses_total',
    'How often something was lost, also where nobody knows how much.',
    ({ sums }) => sums.losses,
    'reason',
  ),
  gauge(
    'unaccounted_bytes',
    'Settled bytes that are in no account, or in two. Anything but 0 is a defect.',
    ({ sums }) => sums.unaccountedBytes,
  ),
  counter('rotations_total', 'Rotations that were seen.', ({ sums }) => sums.rotations, 'kind'),
  counter(
    'retries_total',
    'Failed attempts to deliver, by the error.',
    ({ sums }) => sums.retries,
    'reason',
  ),
  ofLogs(
    'lag_bytes',
    'Bytes that are not delivered: on disk, held of deleted files, or on their way.',
    (log) => log.lagBytes,
  ),
  ofLogs(
    'lag_seconds',
    'Since the last delivered event, while some are not delivered.',
    (log) => log.lagSeconds,
  ),
  ofLogs(
    'time_to_loss_seconds',
    'Until rotation deletes what is not delivered, at the present rate of writing.',
    (log) => log.secondsToLoss,
  ),
  ofLogs(
    'write_bytes_per_second',
    'How fast the log grows, over the last minute.',
    (log) => log.bytesPerSecond,
  ),
  ofLogs(
    'held_deleted_bytes',
    'Disk that deleted files take until they are delivered.',
    (log) => log.heldDeletedBytes,
  ),
  gauge(
    'problems',
    'Files and directories that cannot be read.',
    ({ troubles }) => troubles.length,
  ),
  gauge('in_flight_chunks', 'Chunks that are not acknowledged.', (vitals) => vitals.inFlightChunks),
  gauge(
    'upstream_up',
    '1 while the receiver takes events.',
    ({ upstreams }) => new Map(upstreams.map(({ name, isUp }) => [name, isUp ? 1 : 0])),
    'upstream',
  ),
  counter(
    'checkpoint_saves_total',
    'Checkpoint files that were written.',
    ({ checkpoint }) => checkpoint?.saves,
  ),
  gauge(
    'checkpoint_age_seconds',
    'Since the checkpoint file was up to date.',
    ({ checkpoint }) => checkpoint?.ageSeconds,
  ),
  gauge(
    'start_time_seconds',
    'When the agent started, in Unix time.',
    ({ started }) => Date.parse(started) / MS_PER_SECOND,
  ),
  gauge('build_info', 'Always 1.', ({ version }) => ({ [version]: 1 }), 'version'),
];

/** The media type of what `expose` gives. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export class Metrics {
  readonly #registry = new Registry();
  readonly #set: ((vitals: Vitals) => void)[];

  constructor() {
    this.#set = METRICS.map((metric) => this.#register(metric));
  }

  /** In the text format of Prometheus. */
  async expose(vitals: Vitals): Promise<string> {
    for (const set of this.#set) set(vitals);
    return this.#registry.metrics();
  }

  #register({ kind, name, help, label, value }: Metric): (vitals: Vitals) => void {
    const labelNames = label === undefined ? [] : [label];
    const config = { name: `${PREFIX}${name}`, help, labelNames, registers: [this.#registry] };
    const metric = kind === 'counter' ? new Counter(config) : new Gauge(config);
    return (vitals) => {
      metric.reset();
      const found = value(vitals);
      if (found === undefined) metric.remove();
      else if (typeof found === 'number') metric.inc(found);
      else {
        const entries = found instanceof Map ? found : Object.entries(found as Amounts);
        for (const [word, amount] of entries) metric.inc({ [label ?? '']: word }, amount);
      }
    };
  }
}

function counter(name: string, help: string, value: Metric['value'], label?: string): Metric {
  return { kind: 'counter', name, help, value, ...(label === undefined ? {} : { label }) };
}

function gauge(name: string, help: string, value: Metric['value'], label?: string): Metric {
  return { kind: 'gauge', name, help, value, ...(label === undefined ? {} : { label }) };
}

/** Labelled with the active file's path, never with a backup's. What is not known has no sample. */
function ofLogs(name: string, help: string, of: (log: LogVitals) => number | undefined): Metric {
  const value = ({ logs }: Vitals): Value =>
    new Map(
      logs.flatMap((log): [string, number][] => {
        const amount = of(log);
        return amount === undefined ? [] : [[log.path, amount]];
      }),
    );
  return gauge(name, help, value, 'log');
}
