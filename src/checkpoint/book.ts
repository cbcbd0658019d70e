/**
 * What is to be remembered: one checkpoint a generation, those of vanished files too for a while. Pure bookkeeping
 * in memory; the store writes it.
 */
import type { Checkpoint } from './format.ts';

/** How long a generation is remembered that is nowhere on disk: a mount may come back. */
const KEEP_GONE_MS = 24 * 60 * 60 * 1000;
/** How many of those at most: fast rotation must not let the file grow. */
const MAX_GONE = 1000;

interface Entry {
  checkpoint: Checkpoint;
  /** When it was first missing (ms since the epoch); undefined while it is there, or its log was not seen yet. */
  goneSince: number | undefined;
}

/** A checkpoint without its time stamp. */
export type Position = Omit<Checkpoint, 'updated' | 'gone'>;

/** What is known of a generation without its file. */
export type Settled = Pick<Checkpoint, 'fingerprint' | 'offset' | 'size' | 'accounts' | 'time'>;

export class CheckpointBook {
  /** By log and fingerprint. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  #dirty = false;

  /** @param logOf the path of the active file that a file belongs to. */
  constructor(loaded: readonly Checkpoint[], logOf: (path: string) => string) {
    for (const checkpoint of loaded) {
      this.#log(logOf(checkpoint.path)).set(checkpoint.fingerprint, {
        checkpoint,
        goneSince: undefined,
      });
    }
  }

  /** The paths of all logs that something is remembered of. */
  logs(): string[] {
    return [...this.#entries.keys()];
  }

  of(log: string): Checkpoint[] {
    return [...(this.#entries.get(log)?.values() ?? [])].map((entry) => entry.checkpoint);
  }

  /** How many generations of a log are remembered. */
  countOf(log: string): number {
    return this.#entries.get(log)?.size ?? 0;
  }

  /** Notes how far a generation is; nothing changes when nothing is new. */
  put(log: string, position: Position, now: Date): void {
    const entries = this.#log(log);
    const known = entries.get(position.fingerprint);
    const isBack = known?.checkpoint.gone !== undefined;
    if (known !== undefined && !isBack && isSame(known.checkpoint, position)) return;
    const checkpoint = { ...position, updated: now.toISOString() };
    entries.set(position.fingerprint, { checkpoint, goneSince: undefined });
    this.#dirty = true;
  }

  /** How far a generation is whose file is gone already; it may have come and gone since the last look. */
  settle(log: string, settled: Settled, now: Date): void {
    const entries = this.#log(log);
    const entry = entries.get(settled.fingerprint);
    if (entry?.checkpoint.offset === settled.offset) return;
    // Known by its content only when nobody noted where it was.
    const known = entry?.checkpoint ?? { path: log, dev: 0, ino: 0, size: 0 };
    const size = Math.max(known.size, settled.size);
    const checkpoint = { ...known, ...settled, size, updated: now.toISOString() };
    entries.set(settled.fingerprint, { checkpoint, goneSince: entry?.goneSince });
    this.#dirty = true;
  }

  /** Every generation of the log is among `present`, or gone; those gone for long are forgotten. */
  sweep(log: string, present: ReadonlySet<string>, now: Date): void {
    const entries = this.#log(log);
    const gone: [string, Entry][] = [];
    for (const [fingerprint, entry] of entries) {
      if (present.has(fingerprint)) continue;
      entry.goneSince ??= now.getTime();
      gone.push([fingerprint, entry]);
      if (entry.checkpoint.gone !== undefined) continue;
      entry.checkpoint = { ...entry.checkpoint, gone: now.toISOString() };
      this.#dirty = true;
    }
    const tooMany = gone.length - MAX_GONE;
    gone.forEach(([fingerprint, entry], index) => {
      const tooLong = now.getTime() - (entry.goneSince ?? 0) > KEEP_GONE_MS;
      if (index >= tooMany && !tooLong) return;
      entries.delete(fingerprint);
      this.#dirty = true;
    });
  }

  /** All checkpoints when something changed since the last call; undefined when nothing did. */
  takeChanges(): Checkpoint[] | undefined {
    if (!this.#dirty) return undefined;
    this.#dirty = false;
    return this.all();
  }

  all(): Checkpoint[] {
    return this.logs().flatMap((log) => this.of(log));
  }

  /** What was taken could not be saved: it is still to be saved. */
  putBack(): void {
    this.#dirty = true;
  }

  #log(log: string): Map<string, Entry> {
    let entries = this.#entries.get(log);
    if (entries === undefined) {
      entries = new Map();
      this.#entries.set(log, entries);
    }
    return entries;
  }
}

function isSame(checkpoint: Checkpoint, position: Position): boolean {
  return (
    checkpoint.offset === position.offset &&
    checkpoint.size === position.size &&
    checkpoint.path === position.path &&
    checkpoint.ino === position.ino &&
    checkpoint.dev === position.dev
  );
}
