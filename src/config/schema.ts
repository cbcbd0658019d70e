/**
 * What each key may hold: type, unit, range and default, the same for every source. Adding a setting begins here.
 * Knows nothing of where a value came from, and reads no files.
 *
 * A key that names a secret gets the ending `_file` and no flag: the value of a flag is seen by every user of the
 * machine. Secrets themselves come from such a file or from the environment (environment.ts), never through here.
 */
// Zod 4 loads a compiler and all its languages, which was a fifth of the program's start; its zod 3 does not.
import { z } from 'zod/v3';
import { LOG_LEVELS } from '../observe/log.ts';
import type { Deadlines } from '../output/forward/connection.ts';
import type { TlsFiles } from '../output/forward/credentials.ts';
import type { RotationFlags } from '../tail/outlook.ts';
import {
  BODIES_AS,
  COMPRESSIONS,
  FORMATS,
  TIME_KEYS,
  type From,
  type RedactConfig,
} from './config.ts';
import { parseAddress, type Address } from '../address.ts';
import { nearestHint } from './nearest.ts';
import { parseOutput } from './output-url.ts';
import { parseDuration, parseSize, parseTime, quote, type Parsed } from './units.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** A stop that waits for more than an hour has hung; the kubelet's own patience is 30 s unless told otherwise. */
const GRACE_MAX_MS = 3_600_000;
/** Ten years: older than any audit file, and young enough that the result is still a date. */
const FROM_MAX_MS = 3650 * 86_400_000;
/** Below a page, nearly every event would be over the limit; one event is held whole in memory. */
const MAX_EVENT_BYTES_RANGE = [4 * KIB, 256 * MIB] as const;
/** With 0 nothing is held that is deleted. A limit that no disk has would be none. */
const MAX_HELD_DELETED_BYTES_RANGE = [0, 1024 * GIB] as const;
/** kube-apiserver counts in MB and means MiB (lumberjack.v2). */
export const MAXSIZE_UNIT_BYTES = MIB;
const MAXSIZE_RANGE = [1, 1_000_000] as const;
/** With 0 all backups are kept, and there is nothing to expect. */
const MAXBACKUP_RANGE = [1, 100_000] as const;
/** Below a page, the cost per chunk outweighs the work; `chunk_bytes` times `in_flight_chunks` is held in memory. */
const CHUNK_BYTES_RANGE = [4 * KIB, 16 * MIB] as const;
const IN_FLIGHT_CHUNKS_RANGE = [1, 64] as const;
/** Each event waits as long for company; a person who reads along notices more. */
const LINGER_MAX_MS = 10_000;
/** A connection that stands still for longer is held by nothing but hope. */
const TIMEOUT_MAX_MS = 3_600_000;
/** Beyond that it is a load balancer's work. */
const OUTPUTS_MAX = 16;
/** In the PING of the handshake, of which Fluent Bit reads 1,023 bytes. */
const USERNAME_CHARS_MAX = 256;
/** Fluentd matches tags by their parts between dots; blanks and control characters are in no pattern. */
const TAG = /^[\w.:/-]{1,128}$/;
/** Watching has a cost for each path; whoever needs more writes a glob. */
const PATHS_MAX = 1000;
/** Each is looked for in the bodies of all events. */
const REDACT_PATHS_MAX = 100;
/** Every event carries all of them. */
const FIELDS_MAX = 32;
const FIELD_VALUE_CHARS_MAX = 1024;

/**
 * Names below `shipper` that the agent itself writes or keeps for itself, so that no field can pass for one.
 * `__proto__` is not a key that every JSON reader survives.
 */
const RESERVED_FIELD_NAMES: readonly string[] = [
  'file',
  'offset',
  'id',
  'error',
  'log',
  'log_base64',
  'part',
  'parts',
  'last_part',
  'truncated',
  '__proto__',
];

/** Every key with its check. Values become what ShipConfig holds; keys that are not here are refused. */
export function settingsSchema(nowMs: number) {
  return z
    .object({
      paths: listOf(path('a path'), PATHS_MAX),
      follow: flag(),
      from: text('a time').transform(checked((value) => parseFrom(value, nowMs))),
      output: listOf(text('an output').transform(checked(parseOutput)), OUTPUTS_MAX),
      format: oneOf(FORMATS),
      tag: text('a tag').refine(
        (value) => TAG.test(value),
        (value) => ({
          message: `must be 1 to 128 letters, digits, dots, dashes, underscores, colons and slashes, not ${describe(value)}`,
        }),
      ),
      time_key: oneOf(TIME_KEYS),
      shared_key_file: path('a file'),
      username: text('a name')
        .min(1, { message: 'is empty; give a name or remove the key' })
        .max(USERNAME_CHARS_MAX, { message: `is longer than ${USERNAME_CHARS_MAX} characters` }),
      password_file: path('a file'),
      tls: tls(),
      compress: oneOf(COMPRESSIONS),
      load_balance: flag(),
      linger: duration(LINGER_MAX_MS, '10s'),
      timeouts: timeouts(),
      state_dir: path('a directory'),
      listen: text('an address').transform(checked(parseListen)),
      log_level: oneOf(LOG_LEVELS),
      grace: duration(GRACE_MAX_MS, '1h'),
      fields: z.unknown().transform(checkFields),
      coordinates: flag(),
      policy_file: path('a file'),
      redact: redact(),
      bodies: oneOf(BODIES_AS),
      dedot: flag(),
      max_event_bytes: size(MAX_EVENT_BYTES_RANGE, '4KiB to 256MiB'),
      max_held_deleted_bytes: size(MAX_HELD_DELETED_BYTES_RANGE, '0 to 1024GiB'),
      rotation: rotation(),
      chunk_bytes: size(CHUNK_BYTES_RANGE, '4KiB to 16MiB'),
      in_flight_chunks: wholeNumber(IN_FLIGHT_CHUNKS_RANGE),
    })
    .strict()
    .partial();
}

export type SettingsSchema = ReturnType<typeof settingsSchema>;

/** The settings of one source. */
export type Settings = z.output<SettingsSchema>;
export type ConfigKey = keyof Settings;

/** A configuration in which every setting has a value, but for those that nobody has to give. */
export type CompleteSettings = {
  readonly [K in Exclude<ConfigKey, OptionalKey>]: NonNullable<Settings[K]>;
} & { readonly [K in OptionalKey]?: Settings[K] };

/** Settings without a default: they name what nobody has to have. */
type OptionalKey =
  'state_dir' | 'listen' | 'shared_key_file' | 'username' | 'password_file' | 'policy_file';

export const DEFAULTS: CompleteSettings = {
  paths: ['/var/log/kubernetes'],
  follow: false,
  from: { kind: 'beginning' },
  output: [{ kind: 'stdout' }],
  format: 'auto',
  tag: 'kube.audit',
  time_key: 'stageTimestamp',
  tls: {},
  compress: 'none',
  load_balance: false,
  linger: 20,
  timeouts: { connect: 10_000, handshake: 10_000, write: 30_000, ack: 30_000 },
  log_level: 'info',
  grace: 10_000,
  fields: {},
  coordinates: false,
  redact: { paths: [], hashKeyFile: undefined, configMaps: false, env: false },
  bodies: 'object',
  dedot: false,
  max_event_bytes: 16 * MIB,
  max_held_deleted_bytes: 2 * GIB,
  rotation: {},
  chunk_bytes: MIB,
  in_flight_chunks: 4,
};

/** In the order of the schema, which is the order of the documentation. */
export const CONFIG_KEYS = Object.keys(settingsSchema(0).shape) as readonly ConfigKey[];

/** What a wrong value is, for a message. Texts are repeated in quotes; lists and maps are not repeated. */
function describe(input: unknown): string {
  if (input === null || input === undefined) return 'empty';
  if (typeof input === 'string') return quote(input);
  if (typeof input === 'number' || typeof input === 'bigint') return `the number ${input}`;
  if (typeof input === 'boolean') return String(input);
  return Array.isArray(input) ? 'a list' : 'a map';
}

/** What a schema says of an input that it does not take. */
function saying(message: (input: unknown) => string) {
  return {
    errorMap: (_issue: unknown, { data }: { readonly data: unknown }) => ({
      message: message(data),
    }),
  };
}

/** YAML makes numbers and booleans of words that were meant as text. */
function text(what: string) {
  return z.string(
    saying((input) => {
      if (input === null) return `is empty; give ${what} or remove the key`;
      const quotable = typeof input === 'number' || typeof input === 'boolean';
      return `must be ${what}, not ${describe(input)}${quotable ? '; put it in quotes' : ''}`;
    }),
  );
}

function path(what: string) {
  return text(what)
    .min(1, { message: `is empty; give ${what}` })
    .refine((value) => !value.includes('\0'), { message: 'contains a NUL byte; remove it' });
}

/** A lone value stands for a list of one. */
function listOf<T extends z.ZodTypeAny>(item: T, max: number) {
  const error = saying((input) => `must be a list such as [a, b], not ${describe(input)}`);
  return z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z
      .array(item, error)
      .min(1, { message: 'is an empty list; name at least one, or remove the key' })
      .max(max, { message: `has more than ${max} ${max === 1 ? 'entry' : 'entries'}` }),
  );
}

/** `yes` and `on` were booleans in YAML 1.1 and are plain words since 1.2. */
function flag() {
  return z.boolean(
    saying((input) => {
      const word = typeof input === 'string' ? input.toLowerCase() : '';
      if (['yes', 'y', 'on', '1', 'true'].includes(word)) return `is ${describe(input)}; use true`;
      if (['no', 'n', 'off', '0', 'false'].includes(word)) {
        return `is ${describe(input)}; use false`;
      }
      return `must be true or false, not ${describe(input)}`;
    }),
  );
}

function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(
    words,
    saying((input) => {
      const hint = typeof input === 'string' ? nearestHint(input, words) : '';
      return `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, not ${describe(input)}${hint}`;
    }),
  );
}

/** YAML reads `grace: 10` as a number; the message of parseDuration says that the unit is missing. */
function duration(maxMs: number, max: string) {
  return z.preprocess(
    numberAsText,
    text('a duration such as 10s')
      .transform(checked(parseDuration))
      .refine((ms) => ms <= maxMs, { message: `is longer than ${max}, the longest allowed` }),
  );
}

function size([min, max]: readonly [number, number], range: string) {
  return z.preprocess(
    numberAsText,
    text('a size such as 16MiB')
      .transform(checked(parseSize))
      .refine((bytes) => bytes >= min && bytes <= max, { message: `is out of range: ${range}` }),
  );
}

/** The keys of the settings that are maps of known keys. */
export const MAP_KEYS = {
  tls: ['ca_file', 'cert_file', 'key_file', 'server_name'],
  timeouts: ['connect', 'handshake', 'write', 'ack'],
  rotation: ['maxsize', 'maxbackup'],
  redact: ['paths', 'hash_key_file', 'config_maps', 'env'],
} as const;

/** Files of TLS. What is left out is the system's: its certificate authorities, the name in the URL, no certificate. */
function tls() {
  const shape = {
    ca_file: path('a file').optional(),
    cert_file: path('a file').optional(),
    key_file: path('a file').optional(),
    server_name: text('a host name').min(1, { message: 'is empty; give a host name' }).optional(),
  } satisfies Record<(typeof MAP_KEYS.tls)[number], z.ZodTypeAny>;
  return map(shape, '{ca_file: ca.pem}').transform((files): TlsFiles => files);
}

function timeouts() {
  const timeout = duration(TIMEOUT_MAX_MS, '1h')
    .refine((ms) => ms > 0, { message: 'must be longer than 0' })
    .optional();
  const shape = {
    connect: timeout,
    handshake: timeout,
    write: timeout,
    ack: timeout,
  } satisfies Record<(typeof MAP_KEYS.timeouts)[number], z.ZodTypeAny>;
  return map(shape, '{ack: 30s}').transform(({ connect, handshake, write, ack }): Deadlines => {
    const { timeouts: standard } = DEFAULTS;
    return {
      connect: connect ?? standard.connect,
      handshake: handshake ?? standard.handshake,
      write: write ?? standard.write,
      ack: ack ?? standard.ack,
    };
  });
}

/** `true` and `false`, or what is taken out beyond the usual. */
function redact() {
  const shape = {
    paths: listOf(text('a path'), REDACT_PATHS_MAX).optional(),
    hash_key_file: path('a file').optional(),
    config_maps: z.preprocess(textAsBoolean, flag()).optional(),
    env: z.preprocess(textAsBoolean, flag()).optional(),
  } satisfies Record<(typeof MAP_KEYS.redact)[number], z.ZodTypeAny>;
  const whole = map(shape, '{config_maps: true}, or true or false');
  return z.unknown().transform((value, context): RedactConfig | false => {
    if (value === false) return false;
    const parsed = whole.safeParse(value === true ? {} : value);
    if (parsed.success) {
      const { paths = [], hash_key_file: hashKeyFile, config_maps, env = false } = parsed.data;
      return { paths, hashKeyFile, configMaps: config_maps ?? false, env };
    }
    for (const issue of parsed.error.issues) context.addIssue(issue);
    return z.NEVER;
  });
}

/** kube-apiserver's own flags, by their names and in their units. */
function rotation() {
  const number = (range: readonly [number, number]) =>
    z.preprocess(textAsNumber, wholeNumber(range)).optional();
  const shape = {
    maxsize: number(MAXSIZE_RANGE),
    maxbackup: number(MAXBACKUP_RANGE),
  } satisfies Record<(typeof MAP_KEYS.rotation)[number], z.ZodTypeAny>;
  return map(shape, '{maxsize: 100, maxbackup: 10}').transform(
    ({ maxsize, maxbackup }): RotationFlags => ({
      maxFileBytes: maxsize === undefined ? undefined : maxsize * MAXSIZE_UNIT_BYTES,
      maxBackups: maxbackup,
    }),
  );
}

/** As it comes from the environment. */
function textAsBoolean(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}

/** As it comes from the environment. */
function textAsNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
}

/** A map of known keys (MAP_KEYS). */
function map<const T extends z.ZodRawShape>(shape: T, sample: string) {
  const error = saying((input) => `must be a map such as ${sample}, not ${describe(input)}`);
  return z.object(shape, error).strict();
}

function numberAsText(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value;
}

function wholeNumber([min, max]: readonly [number, number]) {
  const isOne = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max;
  const message = (input: unknown): string =>
    `must be a whole number from ${min} to ${max}, not ${describe(input)}`;
  return z.number(saying(message)).refine(isOne, (value) => ({ message: message(value) }));
}

function parseListen(value: string): Parsed<Address> {
  const address = parseAddress(value);
  if (address !== undefined) return { ok: true, value: address };
  return {
    ok: false,
    message: `${quote(value)} is not host:port; write for example 127.0.0.1:9464, or 0.0.0.0:9464 for every address`,
  };
}

/** A parser as a step of a zod schema. */
function checked<T>(parse: (value: string) => Parsed<T>) {
  return (value: string, context: z.RefinementCtx): T => {
    const parsed = parse(value);
    if (parsed.ok) return parsed.value;
    // Nothing is left that a further check could look at.
    context.addIssue({ code: 'custom', message: parsed.message, fatal: true });
    return z.NEVER;
  };
}

function parseFrom(value: string, nowMs: number): Parsed<From> {
  if (value === 'beginning' || value === 'end') return { ok: true, value: { kind: value } };
  if (/^\d+[a-z]*$/i.test(value)) {
    const ago = parseDuration(value);
    if (!ago.ok) return ago;
    if (ago.value > FROM_MAX_MS) {
      return { ok: false, message: 'is longer ago than 3650d; use beginning' };
    }
    return { ok: true, value: { kind: 'time', epochMs: nowMs - ago.value } };
  }
  if (/^\d{4}-/.test(value)) {
    const time = parseTime(value);
    return time.ok ? { ok: true, value: { kind: 'time', epochMs: time.value } } : time;
  }
  const hint = nearestHint(value, ['beginning', 'end']);
  return {
    ok: false,
    message: `must be beginning, end, a time such as 2026-03-04T05:06:07Z or a duration such as 15m, not ${quote(value)}${hint}`,
  };
}

/** Checked by hand: zod's records pass over a key named `__proto__`. */
function checkFields(input: unknown, context: z.RefinementCtx): Readonly<Record<string, string>> {
  const complain = (message: string, ...names: string[]): void =>
    context.addIssue({ code: 'custom', message, path: names });
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    complain(`must be a map of names and texts such as {node: m1}, not ${describe(input)}`);
    return z.NEVER;
  }
  const entries = Object.entries(input);
  if (entries.length > FIELDS_MAX) complain(`has more than ${FIELDS_MAX} names; remove some`);
  for (const [name, value] of entries) {
    const message = nameProblem(name) ?? valueProblem(value);
    if (message !== undefined) complain(message, name);
  }
  return Object.fromEntries(entries);
}

function nameProblem(name: string): string | undefined {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
    return 'is not a field name; use 1 to 64 letters, digits, dots, dashes and underscores';
  }
  if (RESERVED_FIELD_NAMES.includes(name)) {
    return 'is a name that audit-shipper uses itself below "shipper"; choose another one';
  }
  return undefined;
}

function valueProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') {
    const quotable = typeof value === 'number' || typeof value === 'boolean';
    return `must be text, not ${describe(value)}${quotable ? '; put it in quotes' : ''}`;
  }
  return value.length > FIELD_VALUE_CHARS_MAX
    ? `is longer than ${FIELD_VALUE_CHARS_MAX} characters; every event would carry it`
    : undefined;
}
