/**
 * How long rotation leaves one log's undelivered events on the disk: from what kube-apiserver keeps and how fast it writes,
 * both as observed or as given. Pure; whoever looks at the files tells it.
 */

/** kube-apiserver's flags, as far as they are given. */
export interface RotationFlags {
  /** `--audit-log-maxsize`, in bytes. */
  readonly maxFileBytes?: number | undefined;
  /** `--audit-log-maxbackup`. */
  readonly maxBackups?: number | undefined;
}

/** A file of the log that is on the disk. */
export interface OutlookFile {
  /** Its generation's; a younger one has a larger one, but for those that were there at the start. */
  readonly key: number;
  /** Of decompressed content. */
  readonly bytes: number;
  readonly isActive: boolean;
  /** Whether everything in it is delivered. */
  readonly isSettled: boolean;
}

/** The present rate is that of the last minute or so: long enough for the bursts of controllers, short enough to warn. */
const RATE_MS = 60_000;

export class Outlook {
  readonly #flags: RotationFlags;
  #noted: { readonly ms: number; readonly writtenBytes: number } | undefined;
  #bytesPerSecond: number | undefined;
  /** Of the last note, oldest first. */
  #files: readonly OutlookFile[] = [];
  /** As many backups as were left when one was deleted; undefined before that was seen. */
  #backupsKept: number | undefined;
  #largestBytes = 0;

  constructor(flags: RotationFlags) {
    this.#flags = flags;
  }

  /**
   * @param nowMs monotonic. @param writtenBytes to the log, ever: only how it grows counts.
   * @param files what is on the disk now, oldest first.
   */
  note(nowMs: number, writtenBytes: number, files: readonly OutlookFile[]): void {
    if (this.#noted !== undefined) {
      this.#noteRate(writtenBytes - this.#noted.writtenBytes, nowMs - this.#noted.ms);
    }
    this.#noteBackups(files);
    this.#noted = { ms: nowMs, writtenBytes };
    this.#files = files;
  }

  /** How fast the log grows; undefined before that is known. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond;
  }

  /**
   * In how many seconds rotation deletes the oldest byte that is not delivered, or, when all is, the next one that is
   * written: how long a receiver may be down. Infinity when nothing is written; undefined while it is not known what
   * rotation keeps.
   */
  get secondsToLoss(): number | undefined {
    const maxBackups = this.#flags.maxBackups ?? this.#backupsKept;
    const maxBytes = this.#flags.maxFileBytes ?? this.#largestBytes;
    if (maxBackups === undefined || maxBytes === 0) return undefined;
    if (this.#bytesPerSecond === undefined) return undefined;
    const backups = this.#files.filter(({ isActive }) => !isActive).length;
    const oldest = this.#files.findIndex(({ isSettled }) => !isSettled);
    // Each rotation adds a backup, and deletes the oldest when there are too many.
    const older = oldest === -1 ? backups : Math.min(oldest, backups);
    const rotations = Math.max(1, maxBackups - backups + older + 1);
    const active = this.#files.find(({ isActive }) => isActive)?.bytes ?? 0;
    const bytes = Math.max(0, maxBytes - active) + (rotations - 1) * maxBytes;
    return bytes / this.#bytesPerSecond;
  }

  /** Whether something in a backup is not delivered: only that can be deleted soon. */
  get isBehind(): boolean {
    return this.#files.some(({ isActive, isSettled }) => !isActive && !isSettled);
  }

  #noteRate(bytes: number, elapsedMs: number): void {
    if (elapsedMs <= 0) return;
    const rate = (Math.max(0, bytes) * 1000) / elapsedMs;
    const weight = 1 - Math.exp(-elapsedMs / RATE_MS);
    const last = this.#bytesPerSecond ?? rate;
    this.#bytesPerSecond = last + (rate - last) * weight;
  }

  #noteBackups(files: readonly OutlookFile[]): void {
    const keys = new Set(files.map(({ key }) => key));
    const backups = files.filter(({ isActive }) => !isActive);
    const hasDeleted = this.#files.some(({ key }) => !keys.has(key));
    if (hasDeleted) this.#backupsKept = backups.length;
    else if (this.#backupsKept !== undefined) {
      this.#backupsKept = Math.max(this.#backupsKept, backups.length);
    }
    for (const { bytes } of backups) this.#largestBytes = Math.max(this.#largestBytes, bytes);
  }
}
