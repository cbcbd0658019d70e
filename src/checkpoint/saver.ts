/**
 * Saves checkpoints while the agent runs: often enough that the one on disk is at most a second old, and once more
 * at the end. A failed save stops nothing; it is said once, and tried again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import type { CheckpointFile } from './format.ts';
import type { CheckpointStore } from './store.ts';

/** With the time that a save takes, the checkpoint on disk stays under a second old. */
const SAVE_EVERY_MS = 800;

export interface CheckpointSource {
  /** What is to be saved; undefined when nothing changed since the last call. */
  collect(): CheckpointFile | undefined;
  /** The last collected file could not be saved. */
  putBack(): void;
}

export class CheckpointSaver {
  readonly #store: CheckpointStore;
  readonly #source: CheckpointSource;
  readonly #log: Log;
  /** The code of the failure that was said last; undefined while saving works. */
  #failing: string | undefined;
  #saves = 0;
  /** When what is on disk was up to date last (ms, monotonic). */
  #upToDateAt = performance.now();

  constructor(store: CheckpointStore, source: CheckpointSource, log: Log) {
    this.#store = store;
    this.#source = source;
    this.#log = log;
  }

  /** How many files were written. */
  get saves(): number {
    return this.#saves;
  }

  /** Since what is on disk was up to date. */
  get ageMs(): number {
    return performance.now() - this.#upToDateAt;
  }

  /** Why saving fails, in words; undefined while it works. */
  get failing(): string | undefined {
    return this.#failing === undefined ? undefined : adviceFor(this.#failing);
  }

  /** Saves what changed, again and again, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(SAVE_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.save();
    }
  }

  /** @returns whether what is on disk is up to date now. */
  async save(): Promise<boolean> {
    const now = performance.now();
    const file = this.#source.collect();
    if (file === undefined) {
      if (this.#failing === undefined) this.#upToDateAt = now;
      return this.#failing === undefined;
    }
    try {
      await this.#store.save(file);
      this.#saves += 1;
      this.#upToDateAt = now;
      if (this.#failing !== undefined) this.#log.info('checkpoints are saved again');
      this.#failing = undefined;
      return true;
    } catch (error) {
      this.#source.putBack();
      this.#sayFailed(error);
      return false;
    }
  }

  #sayFailed(error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === this.#failing) return;
    this.#failing = code;
    this.#log.error(
      `checkpoints cannot be saved: ${adviceFor(code)}; shipping goes on, a restart repeats events`,
      {
        code,
      },
    );
  }
}

function adviceFor(code: string): string {
  return ADVICE[code] ?? 'check the state directory';
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device, make room',
  EDQUOT: 'the disk quota is used up, make room',
  EACCES: 'permission denied, check who owns the state directory',
  EROFS: 'the file system is read-only',
  ENOENT: 'the state directory is gone, make it again',
};
