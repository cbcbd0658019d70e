/**
 * The variables `AUDIT_SHIPPER_<KEY>` as a layer. Pure. Environment values are texts; this turns them into what
 * the same setting would be in the file. It does not check them: schema.ts does, for all sources alike.
 */
import { escapeControl } from '../observe/terminal.ts';
import type { Problem } from './config.ts';
import type { ReadLayer, SettingPath } from './layer.ts';
import { nearest } from './nearest.ts';
import { readPairs } from './pairs.ts';
import { CONFIG_KEYS, type ConfigKey } from './schema.ts';

const PREFIX = 'AUDIT_SHIPPER_';
/** Names the configuration file, as --config does. */
export const CONFIG_VARIABLE = `${PREFIX}CONFIG`;

/**
 * The kubelet gives every container such variables for each Service of its namespace: a Service called
 * `audit-shipper` or `audit-shipper-metrics` must not stop the agent. No key ends like this.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
const SERVICE_VARIABLE =
  /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/**
 * Secrets may stand in the environment themselves: a manifest takes them from a Secret. They are no keys of the
 * file, where they would be seen by whoever may read a ConfigMap.
 */
const SECRET_VARIABLES = {
  shared_key_file: `${PREFIX}SHARED_KEY`,
  password_file: `${PREFIX}PASSWORD`,
} as const;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a list or a map in YAML. @throws Error */
type ReadYaml = (text: string) => unknown;

/** Whether a variable holds a list or a map in YAML. */
export function hasYaml(env: Environment): boolean {
  return Object.entries(env).some(
    ([name, value]) => name.startsWith(PREFIX) && value !== undefined && /^[[{]/.test(value),
  );
}

/**
 * An empty variable counts as one that is not set: manifests can seldom leave one out.
 * @param readYaml needed where `hasYaml`.
 */
export function readEnvironment(env: Environment, readYaml: ReadYaml | undefined): ReadLayer {
  const raw: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || value === '') continue;
    if (name === CONFIG_VARIABLE || SERVICE_VARIABLE.test(name)) continue;
    if (Object.values<string>(SECRET_VARIABLES).includes(name)) continue;
    const key = CONFIG_KEYS.find((known) => variableOf(known) === name);
    if (key === undefined) {
      problems.push({ where: escapeControl(name), message: unknownMessage(name) });
      continue;
    }
    const decoded = DECODERS[key](value, readYaml);
    if ('message' in decoded) problems.push({ where: name, message: decoded.message });
    else raw[key] = decoded.value;
  }
  return { layer: { raw, where: whereInEnvironment }, problems };
}

/** The secret in the environment that stands for the file of this key; undefined when it is not set. */
export function secretVariable(
  env: Environment,
  key: keyof typeof SECRET_VARIABLES,
): { readonly name: string; readonly value: string } | undefined {
  const name = SECRET_VARIABLES[key];
  const value = env[name] ?? '';
  return value === '' ? undefined : { name, value };
}

function variableOf(key: string): string {
  return PREFIX + key.toUpperCase();
}

function whereInEnvironment([key = '', ...rest]: SettingPath): string {
  const inside = rest.map((step) =>
    typeof step === 'number' ? `entry ${step + 1}` : String(step),
  );
  return [variableOf(String(key)), ...inside.map(escapeControl)].join(' ');
}

function unknownMessage(name: string): string {
  const known = [...CONFIG_KEYS, 'config', 'shared_key', 'password'];
  const found = nearest(name.slice(PREFIX.length), known);
  return found === undefined
    ? `is not a setting; known are ${CONFIG_VARIABLE} and ${PREFIX}<KEY> for each key of the configuration file`
    : `is not a setting; did you mean ${variableOf(found)}?`;
}

type Decoded = { readonly value: unknown } | { readonly message: string };
type Decoder = (value: string, readYaml: ReadYaml | undefined) => Decoded;

const asText: Decoder = (value) => ({ value });
const asList: Decoder = (value, readYaml) =>
  value.startsWith('[') ? decodeYaml(value, readYaml) : { value: value.split(',') };
const asPairs: Decoder = (value, readYaml) =>
  value.startsWith('{') ? decodeYaml(value, readYaml) : readPairs(value.split(','));
const asBoolean: Decoder = (value) => ({
  value: value === 'true' ? true : value === 'false' ? false : value,
});
const asBooleanOrPairs: Decoder = (value, readYaml) =>
  /^\{|=/.test(value) ? asPairs(value, readYaml) : asBoolean(value, readYaml);
const asNumber: Decoder = (value) => ({ value: /^\d+$/.test(value) ? Number(value) : value });

const DECODERS: Readonly<Record<ConfigKey, Decoder>> = {
  paths: asList,
  follow: asBoolean,
  from: asText,
  output: asList,
  format: asText,
  tag: asText,
  time_key: asText,
  shared_key_file: asText,
  username: asText,
  password_file: asText,
  tls: asPairs,
  compress: asText,
  load_balance: asBoolean,
  linger: asText,
  timeouts: asPairs,
  state_dir: asText,
  listen: asText,
  log_level: asText,
  grace: asText,
  fields: asPairs,
  coordinates: asBoolean,
  policy_file: asText,
  redact: asBooleanOrPairs,
  bodies: asText,
  dedot: asBoolean,
  max_event_bytes: asText,
  max_held_deleted_bytes: asText,
  rotation: asPairs,
  chunk_bytes: asText,
  in_flight_chunks: asNumber,
};

function decodeYaml(value: string, readYaml: ReadYaml | undefined): Decoded {
  if (readYaml === undefined) throw new Error('YAML in the environment, and nobody to read it');
  try {
    return { value: readYaml(value) };
  } catch {
    // the parser's reason would speak of lines and columns, and the variable has only one
    const sample = value.startsWith('[') ? '[a, b]' : '{a: b, c: d}';
    return {
      message: `is not a complete YAML list or map such as ${sample}; check quotes and brackets`,
    };
  }
}
