/**
 * The nouns of the configuration: what the rest of the program gets, after every source was read and checked.
 * Knows nothing of YAML, flags or the environment.
 */
import type { Address } from '../address.ts';
import type { TimeKey } from '../event/event-time.ts';
import type { LogLevel } from '../observe/log.ts';
import type { Deadlines } from '../output/forward/connection.ts';
import type { CredentialSettings } from '../output/forward/credentials.ts';
import type { Compressed } from '../output/forward/message.ts';
import type { RotationFlags } from '../tail/outlook.ts';

/** Where to begin in a file that has no checkpoint. Durations such as `15m` have become a time. */
export type From =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'end' }
  | { readonly kind: 'time'; readonly epochMs: number };

/** `wide` is `pretty` with the source addresses and the user agent. */
export const FORMATS = ['auto', 'json', 'pretty', 'wide'] as const;
export type Format = (typeof FORMATS)[number];

/** From which key of an event its time is taken; `now` is the time of reading. */
export const TIME_KEYS = [
  'stageTimestamp',
  'requestReceivedTimestamp',
  'now',
] as const satisfies readonly TimeKey[];
export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const satisfies readonly (
  Compressed | 'none'
)[];

/** What becomes of requestObject and responseObject: as they are, as one string of JSON, or left out. */
export const BODIES_AS = ['object', 'string', 'drop'] as const;
export type BodiesAs = (typeof BODIES_AS)[number];

/** Which secrets are taken out of events. */
export interface RedactConfig {
  /** Of the user's choice, beside those that are always taken out. */
  readonly paths: readonly string[];
  /** Of which a keyed hash takes the place of what is taken out. */
  readonly hashKeyFile: string | undefined;
  /** Data of ConfigMaps, and values of environment variables in pods, too. */
  readonly configMaps: boolean;
  readonly env: boolean;
}

/** What is done to events before they leave: what can be changed while the agent runs. */
export interface RulesConfig {
  readonly policyFile: string | undefined;
  /** Undefined when nothing is taken out. */
  readonly redact: RedactConfig | undefined;
  readonly bodies: BodiesAs;
  /** Dots in keys become underscores. */
  readonly dedot: boolean;
}

/** Where events go, as one `output` names it. */
export type OutputUrl =
  | { readonly kind: 'stdout' }
  | {
      readonly kind: 'forward';
      /** A name or an address, IPv6 without brackets. */
      readonly host: string;
      readonly port: number;
      readonly tls: boolean;
    };

export interface ForwardConfig extends CredentialSettings {
  /** In the order of failover; at least one. */
  readonly upstreams: readonly Extract<OutputUrl, { kind: 'forward' }>[];
  readonly tag: string;
  readonly timeKey: TimeKey;
  readonly compress: Compressed | 'none';
  readonly loadBalance: boolean;
  readonly lingerMs: number;
  readonly timeouts: Deadlines;
}

export interface ShipConfig {
  /** Files, directories and globs, as the user wrote them; at least one. */
  readonly paths: readonly string[];
  readonly follow: boolean;
  readonly from: From;
  readonly format: Format;
  /** Undefined when events go to stdout. */
  readonly forward: ForwardConfig | undefined;
  /** Without it nothing is remembered and nothing is written. */
  readonly stateDir: string | undefined;
  /** Where metrics, health and the status page are; undefined for nowhere. */
  readonly listen: Address | undefined;
  readonly logLevel: LogLevel;
  /** How long a stop may wait for what is in flight. */
  readonly graceMs: number;
  /** Added to every event below `shipper`. */
  readonly fields: Readonly<Record<string, string>>;
  /** Adds `file`, `offset` and `id` below `shipper`. */
  readonly coordinates: boolean;
  readonly rules: RulesConfig;
  readonly maxEventBytes: number;
  /** What kube-apiserver's flags say of rotation; what is not given is observed. */
  readonly rotation: RotationFlags;
  /** How much of the disk deleted files may take while they are held for what is unread of them. */
  readonly maxHeldDeletedBytes: number;
  readonly chunkBytes: number;
  readonly inFlightChunks: number;
}

/** Something wrong with the configuration: in which source and at which key, and what to do about it. */
export interface Problem {
  /** `config.yaml:12:3 max_event_bytes`, `--grace`, `AUDIT_SHIPPER_GRACE`. */
  readonly where: string;
  readonly message: string;
}

/** One effective setting, for people: its key, its value as they would write it, and the source it came from. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** `default`, or a place as in Problem. */
  readonly from: string;
}
