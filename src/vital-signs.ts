/**
 * Takes the picture of a running agent that metrics, health and the status page show. Part of the composition root: it
 * asks the stages and changes nothing.
 */
import type { CheckpointSaver } from './checkpoint/saver.ts';
import type { Dispatcher } from './deliver/dispatcher.ts';
import type { LossWatch } from './loss-watch.ts';
import type { RecentLog } from './observe/recent.ts';
import type { FileVitals, LogVitals, Vitals } from './observe/vitals.ts';
import type { Output } from './output/output.ts';
import type { Pipeline } from './pipeline.ts';
import type { LogTail } from './tail/log-tail.ts';
import type { Problems } from './tail/problems.ts';
import { VERSION } from './version.ts';

/** Settled files of a log that are shown: the youngest. */
const SETTLED_SHOWN = 5;
/** Unsettled ones: with thousands of them the oldest tell enough. */
const UNSETTLED_SHOWN = 50;
const MS_PER_SECOND = 1000;

export interface VitalSignsParts {
  readonly tails: ReadonlyMap<string, LogTail>;
  readonly pipeline: Pipeline;
  readonly dispatcher: Dispatcher;
  readonly output: Output;
  readonly problems: Problems;
  readonly lossWatch: LossWatch;
  readonly saver: CheckpointSaver | undefined;
  readonly recent: RecentLog | undefined;
}

export class VitalSigns {
  readonly #parts: VitalSignsParts;
  readonly #started = new Date().toISOString();

  constructor(parts: VitalSignsParts) {
    this.#parts = parts;
  }

  look(): Vitals {
    const { tails, pipeline, dispatcher, output, problems, saver, recent } = this.#parts;
    const { filteredEvents, ...totals } = pipeline.accounts.totals();
    return {
      version: VERSION,
      time: new Date().toISOString(),
      started: this.#started,
      sums: { ...totals, filteredEvents: { policy: filteredEvents }, retries: dispatcher.retries },
      logs: [...tails].map(([path, tail]) => this.#log(path, tail)),
      upstreams: output.upstreams?.() ?? [],
      inFlightChunks: dispatcher.inFlight,
      stuckSeconds: dispatcher.stuckMs / MS_PER_SECOND,
      checkpoint: saver && {
        saves: saver.saves,
        ageSeconds: saver.ageMs / MS_PER_SECOND,
        failing: saver.failing,
      },
      troubles: problems.list('hinders'),
      slowed: problems.list('slows'),
      said: recent?.said ?? [],
    };
  }

  #log(path: string, tail: LogTail): LogVitals {
    const settled: FileVitals[] = [];
    const unsettled: FileVitals[] = [];
    let lagBytes = 0;
    let lastMs: number | undefined;
    for (const view of tail.views()) {
      const ledger = this.#parts.pipeline.ledgers.get(view.key)?.ledger;
      const offset = ledger?.position ?? view.position;
      lastMs = ledger?.timeMs ?? lastMs;
      if (!view.present && offset >= view.size) continue;
      lagBytes += Math.max(0, view.size - offset);
      const file = { path: view.path, sizeBytes: view.size, offset };
      (offset < view.size ? unsettled : settled).push(file);
    }
    const files = [...settled.slice(-SETTLED_SHOWN), ...unsettled.slice(0, UNSETTLED_SHOWN)];
    return {
      path,
      lagBytes,
      lagSeconds: lagSecondsOf(lagBytes, lastMs),
      ...this.#parts.lossWatch.of(path),
      heldDeletedBytes: tail.heldDeletedBytes,
      files,
      otherFiles: settled.length + unsettled.length - files.length,
    };
  }
}

/** @param lastMs of the last settled event. */
function lagSecondsOf(lagBytes: number, lastMs: number | undefined): number | undefined {
  if (lagBytes === 0) return 0;
  return lastMs === undefined ? undefined : Math.max(0, (Date.now() - lastMs) / MS_PER_SECOND);
}
