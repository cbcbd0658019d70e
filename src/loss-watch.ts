/**
 * Looks ahead: how long rotation leaves what is not delivered, for each log, and a warning in time. Part of the
 * composition root; what is to be expected, tail/outlook.ts knows.
 */
import type { SavedOutlook } from './checkpoint/format.ts';
import type { Log } from './observe/log.ts';
import type { Pipeline } from './pipeline.ts';
import type { LogTail } from './tail/log-tail.ts';
import { Outlook, type OutlookFile, type RotationFlags } from './tail/outlook.ts';
import { pause } from './tail/wakeup.ts';

/** Often enough for the rate of a minute. */
const LOOK_EVERY_MS = 10_000;
/** Time for a person to do something. */
const WARN_SECONDS = 600;
/** A warning is over when there is clearly more time again. */
const WELL_SECONDS = 2 * WARN_SECONDS;

export interface LossWatchParts {
  readonly tails: ReadonlyMap<string, LogTail>;
  readonly pipeline: Pipeline;
  readonly flags: RotationFlags;
  readonly log: Log;
}

export class LossWatch {
  readonly #parts: LossWatchParts;
  readonly #outlooks = new Map<string, Outlook>();
  /** Logs that were warned of. */
  readonly #warned = new Set<string>();

  constructor(parts: LossWatchParts) {
    this.#parts = parts;
  }

  /** Looks from time to time, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.look(performance.now());
      await pause(LOOK_EVERY_MS, signal);
    }
  }

  /** @param nowMs monotonic */
  look(nowMs: number): void {
    for (const [path, tail] of this.#parts.tails) {
      const outlook = this.#outlooks.get(path) ?? new Outlook(this.#parts.flags);
      this.#outlooks.set(path, outlook);
      this.#note(outlook, tail, nowMs);
      this.#warn(path, outlook);
    }
  }

  /** What is to be expected of a log, as of the last look. */
  of(path: string): {
    readonly bytesPerSecond: number | undefined;
    readonly secondsToLoss: number | undefined;
    readonly isAtRisk: boolean;
  } {
    const { bytesPerSecond, secondsToLoss } = this.#outlooks.get(path) ?? {};
    return { bytesPerSecond, secondsToLoss, isAtRisk: this.#warned.has(path) };
  }

  /** For the state file. */
  list(): readonly SavedOutlook[] {
    return [...this.#outlooks].map(([log, outlook]) => ({
      log,
      bytesPerSecond: rounded(outlook.bytesPerSecond),
      secondsToLoss: rounded(outlook.secondsToLoss),
      heldDeletedBytes: this.#parts.tails.get(log)?.heldDeletedBytes ?? 0,
    }));
  }

  #note(outlook: Outlook, tail: LogTail, nowMs: number): void {
    // What is only found was not written just now.
    if (!tail.hasSeenAll) return;
    const files: OutlookFile[] = [];
    let writtenBytes = tail.forgottenBytes;
    for (const { key, path, size, position, present } of tail.views()) {
      writtenBytes += size;
      const settled = this.#parts.pipeline.ledgers.get(key)?.ledger.position ?? position;
      const file = { key, bytes: size, isActive: path === tail.path, isSettled: settled >= size };
      if (present) files.push(file);
    }
    outlook.note(nowMs, writtenBytes, files);
  }

  #warn(path: string, outlook: Outlook): void {
    const { log } = this.#parts;
    const seconds = outlook.secondsToLoss ?? Infinity;
    if (this.#warned.has(path)) {
      if (outlook.isBehind && seconds < WELL_SECONDS) return;
      this.#warned.delete(path);
      log.info('rotation leaves time enough again', { path });
    } else if (outlook.isBehind && seconds < WARN_SECONDS) {
      this.#warned.add(path);
      log.warn('rotation is about to delete events that are not delivered', {
        path,
        time_to_loss_seconds: rounded(seconds),
        held_deleted_bytes: this.#parts.tails.get(path)?.heldDeletedBytes ?? 0,
      });
    }
  }
}

/** Undefined for what no number says. */
function rounded(value: number | undefined): number | undefined {
  return value === undefined || !Number.isFinite(value) ? undefined : Math.round(value);
}
