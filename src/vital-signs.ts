/**
 * Takes the picture of a running agent that metrics, health and the status page show. Part of the composition root: it
 * asks the stages and changes nothing.
 */
import type { CheckpointSaver } from './checkpoint/saver.ts';
import type { Dispatcher } from './deliver/dispatcher.ts';
import type { Ledger } from './deliver/ledger.ts';
import type { LossWatch } from './loss-watch.ts';
import type { Memory } from './memory.ts';
import type { RecentLog } from './observe/recent.ts';
import type { FileVitals, LogVitals, Vitals } from './observe/vitals.ts';
import type { Output } from './output/output.ts';
import type { Pipeline } from './pipeline.ts';
import type { RulesWatch } from './rules/watch.ts';
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
  readonly memory: Memory | undefined;
  readonly saver: CheckpointSaver | undefined;
  readonly recent: RecentLog | undefined;
  readonly rulesWatch: RulesWatch | undefined;
}

export class VitalSigns {
  readonly #parts: VitalSignsParts;
  readonly #started = new Date().toISOString();

  constructor(parts: VitalSignsParts) {
    this.#parts = parts;
  }

  look(): Vitals {
    const { tails, pipeline, dispatcher, output, problems, saver, recent } = this.#parts;
    const { rulesWatch } = this.#parts;
    const { filteredBy, ...totals } = pipeline.accounts.totals();
    return {
      version: VERSION,
      time: new Date().toISOString(),
      started: this.#started,
      sums: {
        ...totals,
        filteredEvents: filteredBy,
        rulesReloads: rulesWatch?.reloads ?? {},
        retries: dispatcher.retries,
      },
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
    const { pipeline, memory, lossWatch } = this.#parts;
    const settled: FileVitals[] = [];
    const unsettled: FileVitals[] = [];
    const underWay = this.#underWay(path);
    let lagBytes = 0;
    let namelessBytes = 0;
    for (const { key, path: file, size: sizeBytes, position, present } of tail.views()) {
      const offset = pipeline.ledgers.get(key)?.ledger.position ?? position;
      const lag = Math.max(0, sizeBytes - offset);
      underWay.delete(key);
      if (!present && lag === 0) continue;
      lagBytes += lag;
      if (!present) namelessBytes += lag;
      (lag > 0 ? unsettled : settled).push({ path: file, sizeBytes, offset, isDeleted: !present });
    }
    // The tail has read these to their ends, and forgotten them since they were deleted.
    for (const { inFlightBytes } of underWay.values()) {
      lagBytes += inFlightBytes;
      namelessBytes += inFlightBytes;
    }
    const files = [...settled.slice(-SETTLED_SHOWN), ...unsettled.slice(0, UNSETTLED_SHOWN)];
    return {
      path,
      lagBytes,
      lagSeconds: lagSecondsOf(lagBytes, pipeline.settledMs(path) ?? memory?.settledMs(path)),
      namelessBytes,
      ...lossWatch.of(path),
      heldDeletedBytes: tail.heldDeletedBytes,
      files,
      otherFiles: settled.length + unsettled.length - files.length,
    };
  }

  /** The ledgers of a log that something is under way of, by generation: the window bounds them. */
  #underWay(log: string): Map<number, Ledger> {
    const found = new Map<number, Ledger>();
    for (const [key, entry] of this.#parts.pipeline.ledgers) {
      if (entry.log === log && !entry.ledger.isSettled) found.set(key, entry.ledger);
    }
    return found;
  }
}

/** @param lastMs of the last settled event. */
function lagSecondsOf(lagBytes: number, lastMs: number | undefined): number | undefined {
  if (lagBytes === 0) return 0;
  return lastMs === undefined ? undefined : Math.max(0, (Date.now() - lastMs) / MS_PER_SECOND);
}
