/**
 * `audit-shipper [paths…]`: ships, and says at the end what became of everything. Chooses output and format; the
 * agent does the work.
 */
import { ListenError, type Address } from '../address.ts';
import { runAgent, type AgentParts, type AgentResult } from '../agent.ts';
import type { ShipConfig } from '../config/config.ts';
import { JsonWriter } from '../event/json-writer.ts';
import { EventRules, type RuleSet } from '../event/rules.ts';
import { Shipper } from '../event/shipper.ts';
import { BlockTranscoder, type EventWriter } from '../event/transcoder.ts';
import { StateError } from '../checkpoint/store.ts';
import type { Log } from '../observe/log.ts';
import type { Vitals } from '../observe/vitals.ts';
import type { Output } from '../output/output.ts';
import { stdoutOutput } from '../output/stdout.ts';
import { RulesWatch, type RulesWatchParts } from '../rules/watch.ts';
import { displayOf } from './display.ts';

const STDOUT_FD = 1;
const EXIT_OK = 0;
const EXIT_COULD_NOT_GO_ON = 1;

export interface ShipDeps {
  readonly log: Log;
  /** Aborted by SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  readonly ruleSet: RuleSet | undefined;
  /** Where new rules come from while the agent follows. */
  readonly reload: Omit<RulesWatchParts, 'rules' | 'log'>;
  /** Called when all code is loaded, before anything is read. */
  readonly onLoaded: () => void;
}

/** @returns the exit code: 0 done or stopped, 1 could not go on. */
export async function ship(
  config: ShipConfig,
  { log, signal, ruleSet, reload, onLoaded }: ShipDeps,
): Promise<number> {
  const view = await viewOf(config.listen, log);
  const output = await outputFor(config, view.log);
  const rules = new EventRules(ruleSet);
  const transcoder = new BlockTranscoder(await writerFor(config), Date.now, rules);
  const rulesWatch = config.follow
    ? new RulesWatch({ rules, ...reload, log: view.log })
    : undefined;
  onLoaded();
  try {
    const result = await runAgent(config, { output, transcoder, signal, rulesWatch, ...view });
    return conclude(config, result, log);
  } catch (error) {
    const isTold = error instanceof StateError || error instanceof ListenError;
    if (!isTold) throw error;
    log.error(error.message);
    return EXIT_COULD_NOT_GO_ON;
  }
}

/** What serves those who look; loaded when somebody may. */
async function viewOf(
  listen: Address | undefined,
  log: Log,
): Promise<Pick<AgentParts, 'log' | 'recent' | 'serve'>> {
  if (listen === undefined) return { log };
  const [{ StatusServer }, { Metrics, METRICS_TYPE }, { RecentLog }] = await Promise.all([
    import('../observe/server.ts'),
    import('../observe/metrics.ts'),
    import('../observe/recent.ts'),
  ]);
  const recent = new RecentLog(log);
  const serve = async (look: () => Vitals) => {
    const server = new StatusServer({ look, metrics: new Metrics(), metricsType: METRICS_TYPE });
    log.info('listening', { address: await server.listen(listen) });
    return server;
  };
  return { log: recent, recent, serve };
}

/** What is loaded takes memory: each output is, when it is used. */
export async function outputFor(config: ShipConfig, log: Log): Promise<Output> {
  if (config.forward === undefined) return stdoutOutput(STDOUT_FD, () => process.stdout);
  const { forwardOutput } = await import('./forward-output.ts');
  return forwardOutput(config.forward, config.inFlightChunks, log);
}

export async function writerFor(config: ShipConfig): Promise<EventWriter> {
  const shipper = new Shipper({ fields: config.fields, coordinates: config.coordinates });
  if (config.forward !== undefined) {
    const { ForwardWriter } = await import('../event/forward-writer.ts');
    return new ForwardWriter({ shipper, timeKey: config.forward.timeKey });
  }
  const display = displayOf(config.format, process.stdout, process.env);
  if (display === 'json') return new JsonWriter(shipper);
  const { PrettyWriter } = await import('../event/pretty-writer.ts');
  return new PrettyWriter(display);
}

function conclude(config: ShipConfig, result: AgentResult, log: Log): number {
  const { totals, inFlightBytes, saved, gaveUp, nothingFound } = result;
  log.info('stopped', {
    delivered_events: totals.deliveredEvents,
    delivered_bytes: totals.deliveredBytes,
    filtered_events: totals.filteredEvents,
    redacted_events: totals.redactedEvents,
    invalid_lines: sum(totals.invalidLines),
    truncated_events: totals.truncatedEvents,
    skipped_bytes: totals.skippedBytes,
    dead_letter_events: totals.deadLetterEvents,
    undelivered_bytes: inFlightBytes,
    lost_bytes: sum(totals.lostBytes),
    rotations: sum(totals.rotations),
  });
  if (totals.unaccountedBytes !== 0) {
    log.error('the accounts do not add up: this is a defect of audit-shipper, please report it', {
      unaccounted_bytes: totals.unaccountedBytes,
    });
  }
  if (!saved) {
    log.error('the last checkpoints could not be saved: the next start repeats events');
    return EXIT_COULD_NOT_GO_ON;
  }
  if (gaveUp) {
    log.error('not everything could be read (see above); run it again when the disk is well');
    return EXIT_COULD_NOT_GO_ON;
  }
  if (nothingFound && !config.follow) {
    log.error('nothing to read: no audit log at the given paths', {
      paths: config.paths.join(' '),
    });
    return EXIT_COULD_NOT_GO_ON;
  }
  return EXIT_OK;
}

function sum(byReason: Readonly<Record<string, number>>): number {
  return Object.values(byReason).reduce((total, amount) => total + amount, 0);
}
