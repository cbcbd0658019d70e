/**
 * From all sources to one ShipConfig, or to everything that is wrong with them at once. Flags win over the
 * environment, the environment over the file, and the file over the defaults; `fields` are joined name by name.
 * The only place where the configuration touches the disk. Knows nothing of what the settings do.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { escapeControl } from '../observe/terminal.ts';
import type { Problem, Setting, ShipConfig } from './config.ts';
import { CONFIG_VARIABLE, hasYaml, readEnvironment, type Environment } from './environment.ts';
import { readFlags, type Flags } from './flags.ts';
import type { Layer, ReadLayer } from './layer.ts';
import { nearestHint } from './nearest.ts';
import {
  CONFIG_KEYS,
  DEFAULTS,
  MAP_KEYS,
  settingsSchema,
  type CompleteSettings,
  type ConfigKey,
  type Settings,
  type SettingsSchema,
} from './schema.ts';
import { showSetting } from './show.ts';
import { checkTogether, forwardConfig } from './together.ts';
import type * as yamlFile from './yaml-file.ts';

/** Configurations, keys and certificates take some KiB; more is another file named by mistake, such as an audit log. */
const FILE_MAX_BYTES = 1024 * 1024;

export interface ConfigSources {
  readonly flags: Flags;
  readonly env: Environment;
  /** Milliseconds since 1970: what `--from 15m` counts back from. */
  readonly nowMs: number;
  /** Bytes of the configuration file; throws as node:fs does. */
  readonly readFile?: (path: string) => Uint8Array;
}

/** What reads YAML. */
export type YamlReader = typeof yamlFile;

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: ShipConfig;
      /** Every key with its effective value, for people. */
      readonly settings: readonly Setting[];
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** How the configuration is read, now and again. What reads YAML is loaded where there is some: that takes its time. */
export async function configLoader(sources: ConfigSources): Promise<() => LoadedConfig> {
  const { flags, env } = sources;
  const isNeeded = configFileOf(flags, env) !== undefined || hasYaml(env);
  const yaml = isNeeded ? await import('./yaml-file.ts') : undefined;
  return () => loadConfig(sources, yaml);
}

/**
 * Reads and checks every source, also those whose values another source overrides. Never throws for what they hold.
 * @param yaml needed where there is a file, or YAML in the environment.
 */
export function loadConfig(sources: ConfigSources, yaml: YamlReader | undefined): LoadedConfig {
  const schema = settingsSchema(sources.nowMs);
  const checked = [
    readConfigFile(sources, yaml),
    readEnvironment(sources.env, yaml?.readYamlValue),
    readFlags(sources.flags),
  ].map((read) => checkLayer(schema, read));

  const problems = checked.flatMap((layer) => layer.problems);
  if (problems.length > 0) return { ok: false, problems };

  const merged = mergeLayers(checked);
  const settings = CONFIG_KEYS.map((key) => ({
    key,
    value: showSetting(key, merged),
    from: placeOf(key, checked),
  }));
  const together = checkTogether(merged, sources.env, (key) => placeOf(key, checked));
  if (together.length > 0) return { ok: false, problems: together };
  const warnings = warningsAbout(merged, settings, sources.nowMs);
  return { ok: true, config: toShipConfig(merged, sources.env), settings, warnings };
}

/** @returns the path of the configuration file; undefined where there is none. */
export function configFileOf(flags: Flags, env: Environment): string | undefined {
  return (flags.config ?? env[CONFIG_VARIABLE]) || undefined;
}

/** No file is a file in which every setting is left out. */
function readConfigFile(
  { flags, env, readFile = readYaml }: ConfigSources,
  yaml: YamlReader | undefined,
): ReadLayer {
  const path = configFileOf(flags, env);
  const namedBy = flags.config === undefined ? CONFIG_VARIABLE : '--config';
  const nothing: Layer = { raw: {}, where: () => namedBy };
  if (path === undefined) {
    const empty = flags.config === undefined ? [] : ['is empty; name a file'];
    return { layer: nothing, problems: empty.map((message) => ({ where: namedBy, message })) };
  }
  if (yaml === undefined) throw new Error('a configuration file, and nobody to read it');
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (error) {
    const message = `cannot read ${escapeControl(path)}: ${diskReason(error)}`;
    return { layer: nothing, problems: [{ where: namedBy, message }] };
  }
  return yaml.readYamlFile(path, bytes);
}

function readYaml(path: string): Uint8Array {
  return readBounded(path, 'name a YAML configuration file');
}

/**
 * A file that was named by hand. It need not be a regular one: `<(pass show key)` of a shell is a good place for a
 * secret.
 * @param advice what to do when the file is too large. @throws Error, and those of node:fs.
 */
export function readBounded(path: string, advice: string): Buffer {
  const bytes = readBeginning(path, FILE_MAX_BYTES + 1);
  if (bytes.length > FILE_MAX_BYTES) throw new Error(`it is larger than 1 MiB; ${advice}`);
  return bytes;
}

/** @returns the whole file, or as many bytes of it. @throws those of node:fs. */
export function readBeginning(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(maxBytes);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

interface CheckedLayer {
  readonly layer: Layer;
  readonly values: Settings;
  readonly problems: readonly Problem[];
}

function checkLayer(schema: SettingsSchema, { layer, problems }: ReadLayer): CheckedLayer {
  const result = schema.safeParse(layer.raw);
  if (result.success) return { layer, values: result.data, problems };
  const wrong = result.error.issues.flatMap((issue): Problem[] => {
    if (issue.code !== 'unrecognized_keys') {
      return [{ where: layer.where(issue.path), message: issue.message }];
    }
    return issue.keys.map((key) => ({
      where: layer.where([...issue.path, key]),
      message: unknownKey(key, issue.path[0]),
    }));
  });
  // the numbers in `file:line:column` bring the problems of a file into the order of its lines
  wrong.sort((a, b) => a.where.localeCompare(b.where, 'en', { numeric: true }));
  return { layer, values: {}, problems: [...problems, ...wrong] };
}

/** @param map the setting in which the key stands, when it is not at the top. */
function unknownKey(key: string, map: PropertyKey | undefined): string {
  if (map === undefined || !isMapKey(map)) {
    return `is not a setting of this version${hintOf(key, CONFIG_KEYS) || '; remove it'}`;
  }
  const known = MAP_KEYS[map];
  return `is not a setting of ${map}${hintOf(key, known) || `; it takes ${known.join(', ')}`}`;
}

function isMapKey(key: PropertyKey): key is keyof typeof MAP_KEYS {
  return Object.hasOwn(MAP_KEYS, key);
}

/** Whoever writes `password` or `ca` means the file that holds it. */
function hintOf(key: string, known: readonly string[]): string {
  const file = `${key}_file`;
  return nearestHint(known.includes(file) ? file : key, known);
}

/** Later layers win. */
function mergeLayers(layers: readonly CheckedLayer[]): CompleteSettings {
  const fields = Object.assign(
    {},
    ...layers.map(({ values }) => values.fields),
  ) as CompleteSettings['fields'];
  const values: Settings = Object.assign({}, ...layers.map((layer) => layer.values));
  return { ...DEFAULTS, ...(values as Partial<CompleteSettings>), fields };
}

function placeOf(key: ConfigKey, layers: readonly CheckedLayer[]): string {
  const places = layers
    .filter(({ values }) => values[key] !== undefined)
    .map(({ layer }) => layer.where([key]));
  return (key === 'fields' ? places.join(', ') : places.at(-1)) || 'default';
}

function toShipConfig(settings: CompleteSettings, env: Environment): ShipConfig {
  return {
    paths: settings.paths,
    follow: settings.follow,
    from: settings.from,
    format: settings.format,
    forward: forwardConfig(settings, env),
    stateDir: settings.state_dir,
    listen: settings.listen,
    logLevel: settings.log_level,
    graceMs: settings.grace,
    fields: settings.fields,
    coordinates: settings.coordinates,
    rules: {
      policyFile: settings.policy_file,
      redact: settings.redact || undefined,
      bodies: settings.bodies,
      dedot: settings.dedot,
    },
    maxEventBytes: settings.max_event_bytes,
    rotation: settings.rotation,
    maxHeldDeletedBytes: settings.max_held_deleted_bytes,
    chunkBytes: settings.chunk_bytes,
    inFlightChunks: settings.in_flight_chunks,
  };
}

function warningsAbout(
  { from }: CompleteSettings,
  settings: readonly Setting[],
  nowMs: number,
): Problem[] {
  if (from.kind !== 'time' || from.epochMs <= nowMs) return [];
  const where = settings.find(({ key }) => key === 'from')?.from ?? 'from';
  return [{ where, message: 'lies in the future: no event before that time is shipped' }];
}

/** Whether a path argument names something; one that cannot be looked at may well exist. */
export function pathExists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ENOENT';
  }
}

/** The code of an error of node:fs. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Why the disk refused, and what to do; fit for a terminal. */
export function diskReason(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'it does not exist; check the name';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; run as its owner or change its mode';
    case 'EISDIR':
      return 'it is a directory; name a file';
    case 'EROFS':
      return 'it is mounted read-only; mount it writable';
    default:
      return escapeControl(error instanceof Error ? error.message : String(error));
  }
}
