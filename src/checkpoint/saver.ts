/**
 * Saves checkpoints while the agent runs: often enough that the one on disk is at most a second old, and once more
 * at the end. A failed save stops nothing; it is said once, and tried again.
 */
import type { Log } from '../observe/log.ts';
import type { CheckpointFile } from './format.ts';
import type { CheckpointStore } from './store.ts';

/** With the time that a save takes, the checkpoint on disk stays under a second old. */
const SAVE_EVERY_MS = 800;
/** While nobody says that something changed, what changed all the same is found so often: an idle agent sleeps. */
const QUIET_MS = 5000;

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
  /** How often somebody said that something changed, and how often when what is on disk now was collected. */
  #hints = 1;
  #savedHints = 0;
  /** Set while it sleeps. */
  #wake: (() => void) | undefined;

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
    return this.#isUpToDate ? 0 : performance.now() - this.#upToDateAt;
  }

  get #isUpToDate(): boolean {
    return this.#hints === this.#savedHints;
  }

  /** Something may have changed: it is saved soon. */
  notify(): void {
    const endsQuiet = this.#isUpToDate;
    this.#hints += 1;
    if (!endsQuiet) return;
    this.#upToDateAt = performance.now();
    this.#wake?.();
  }

  /** Why saving fails, in words; undefined while it works. */
  get failing(): string | undefined {
    return this.#failing === undefined ? undefined : adviceFor(this.#failing);
  }

  /** Saves what changed, again and again, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener('abort', wake, { once: true });
    while (!signal.aborted) {
      if (this.#isUpToDate) await this.#sleep(QUIET_MS);
      if (!signal.aborted) await this.#sleep(SAVE_EVERY_MS);
      if (!signal.aborted) await this.save();
    }
    signal.removeEventListener('abort', wake);
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** @returns whether what is on disk is up to date now. */
  async save(): Promise<boolean> {
    const now = performance.now();
    const hints = this.#hints;
    const file = this.#source.collect();
    if (file === undefined) {
      if (this.#failing === undefined) this.#saved(now, hints);
      return this.#failing === undefined;
    }
    try {
      await this.#store.save(file);
      this.#saves += 1;
      this.#saved(now, hints);
      if (this.#failing !== undefined) this.#log.info('checkpoints are saved again');
      this.#failing = undefined;
      return true;
    } catch (error) {
      this.#source.putBack();
      this.#sayFailed(error);
      return false;
    }
  }

  #saved(now: number, hints: number): void {
    this.#upToDateAt = now;
    this.#savedHints = hints;
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
