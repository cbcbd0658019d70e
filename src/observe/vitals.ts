/**
 * What can be seen of a running agent: one picture of one moment, from which metrics, health and the status page are
 * made. Plain data; who takes the picture is vital-signs.ts.
 */

/** Amounts by a word of a bounded set: a reason, a kind, an error code. */
export type Amounts = Readonly<Record<string, number>>;

/** Sums since the start. */
export interface Sums {
  readonly readBytes: number;
  readonly readEvents: number;
  readonly deliveredEvents: number;
  readonly deliveredBytes: number;
  /** By the rule. */
  readonly filteredEvents: Amounts;
  readonly redactedEvents: number;
  /** By what came of it. */
  readonly rulesReloads: Amounts;
  readonly skippedBytes: number;
  readonly invalidLines: Amounts;
  readonly truncatedEvents: number;
  readonly deadLetterEvents: number;
  readonly lostBytes: Amounts;
  readonly losses: Amounts;
  readonly unaccountedBytes: number;
  readonly rotations: Amounts;
  readonly retries: Amounts;
}

/** A file that is on the disk, or held. */
export interface FileVitals {
  readonly path: string;
  readonly sizeBytes: number;
  /** Settled up to here. */
  readonly offset: number;
  /** No name leads to it any more: it is there for as long as this process holds it. */
  readonly isDeleted: boolean;
}

export interface LogVitals {
  /** Path of the active file. */
  readonly path: string;
  /** Bytes that are not settled: on disk, held of deleted files, or read from those and on their way. */
  readonly lagBytes: number;
  /** Those of deleted files: they go with this process. */
  readonly namelessBytes: number;
  /** Since the last settled event, while there is a lag; undefined before one is known. */
  readonly lagSeconds: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** Until rotation deletes what is not settled; Infinity for never, undefined while it is not known. */
  readonly secondsToLoss: number | undefined;
  /** Whether that is so soon that somebody was warned of it. */
  readonly isAtRisk: boolean;
  readonly heldDeletedBytes: number;
  /** Oldest first; the settled ones only as far as a person wants to see them. */
  readonly files: readonly FileVitals[];
  /** How many are settled and not listed. */
  readonly otherFiles: number;
}

export interface UpstreamVitals {
  readonly name: string;
  readonly isUp: boolean;
}

export interface CheckpointVitals {
  readonly saves: number;
  /** Since what is on disk was up to date. */
  readonly ageSeconds: number;
  /** Why saving fails; undefined while it works. */
  readonly failing: string | undefined;
}

export interface Trouble {
  readonly path: string;
  readonly message: string;
  /** RFC 3339 */
  readonly since: string;
}

/** A line of the agent's own log. */
export interface Said {
  /** RFC 3339 */
  readonly time: string;
  readonly level: string;
  readonly text: string;
}

export interface Vitals {
  readonly version: string;
  /** RFC 3339 */
  readonly time: string;
  readonly started: string;
  readonly sums: Sums;
  readonly logs: readonly LogVitals[];
  readonly upstreams: readonly UpstreamVitals[];
  readonly inFlightChunks: number;
  /** For how long nothing has moved although something was to be delivered; 0 when nothing is. */
  readonly stuckSeconds: number;
  /** Undefined when nothing is remembered. */
  readonly checkpoint: CheckpointVitals | undefined;
  /** What stands in the way of reading. */
  readonly troubles: readonly Trouble[];
  /** Because of what everything is read, but a little later. */
  readonly slowed: readonly Trouble[];
  /** Warnings and errors of late, the latest last. */
  readonly said: readonly Said[];
}
