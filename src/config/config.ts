/**
 * The nouns of the configuration: what the rest of the program gets, after every source was read and checked.
 * Knows nothing of YAML, flags or the environment.
 */
import type { LogLevel } from '../observe/log.ts';

/** Where to begin in a file that has no checkpoint. Durations such as `15m` have become a time. */
export type From =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'end' }
  | { readonly kind: 'time'; readonly epochMs: number };

/** `wide` is `pretty` with the source addresses and the user agent. */
export type Format = 'auto' | 'json' | 'pretty' | 'wide';

export interface ShipConfig {
  readonly paths: readonly string[];
  readonly follow: boolean;
  readonly from: From;
  readonly format: Format;
  /** Without it nothing is remembered and nothing is written. */
  readonly stateDir: string | undefined;
  readonly logLevel: LogLevel;
  /** How long a stop may wait for what is in flight. */
  readonly graceMs: number;
  /** Added to every event below `shipper`. */
  readonly fields: Readonly<Record<string, string>>;
  /** Adds `file`, `offset` and `id` below `shipper`. */
  readonly coordinates: boolean;
  readonly maxEventBytes: number;
  readonly chunkBytes: number;
  readonly inFlightChunks: number;
}
