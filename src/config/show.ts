/**
 * Settings for people: each value as its user would write it in the file, fit for a terminal. Pure.
 */
import { escapeControl } from '../observe/terminal.ts';
import { formatAddress } from '../address.ts';
import type { RedactConfig } from './config.ts';
import { formatOutput } from './output-url.ts';
import { MAXSIZE_UNIT_BYTES, type CompleteSettings, type ConfigKey } from './schema.ts';
import { formatDuration, formatSize } from './units.ts';

export function showSetting(key: ConfigKey, settings: CompleteSettings): string {
  return SHOW[key](settings);
}

const SHOW: Readonly<Record<ConfigKey, (settings: CompleteSettings) => string>> = {
  paths: ({ paths }) => showList(paths),
  follow: ({ follow }) => String(follow),
  from: ({ from }) => (from.kind === 'time' ? new Date(from.epochMs).toISOString() : from.kind),
  output: ({ output }) => showList(output.map(formatOutput)),
  format: ({ format }) => format,
  tag: ({ tag }) => tag,
  time_key: ({ time_key: key }) => key,
  shared_key_file: (settings) => showText(settings.shared_key_file),
  username: ({ username }) => showText(username),
  password_file: (settings) => showText(settings.password_file),
  tls: ({ tls }) => showMap({ ...tls }),
  compress: ({ compress }) => compress,
  load_balance: (settings) => String(settings.load_balance),
  linger: ({ linger }) => formatDuration(linger),
  timeouts: ({ timeouts }) => showMap({ ...timeouts }, formatDuration),
  state_dir: (settings) => showText(settings.state_dir),
  listen: ({ listen }) => (listen === undefined ? 'none' : formatAddress(listen)),
  log_level: ({ log_level: level }) => level,
  grace: ({ grace }) => formatDuration(grace),
  fields: ({ fields }) => showMap(fields),
  coordinates: ({ coordinates }) => String(coordinates),
  policy_file: (settings) => showText(settings.policy_file),
  redact: ({ redact }) => (redact === false ? 'false' : showRedact(redact)),
  bodies: ({ bodies }) => bodies,
  dedot: ({ dedot }) => String(dedot),
  max_event_bytes: ({ max_event_bytes: bytes }) => formatSize(bytes),
  max_held_deleted_bytes: ({ max_held_deleted_bytes: bytes }) => formatSize(bytes),
  rotation: ({ rotation: { maxFileBytes, maxBackups } }) =>
    showMap({
      ...(maxFileBytes === undefined ? {} : { maxsize: maxFileBytes / MAXSIZE_UNIT_BYTES }),
      ...(maxBackups === undefined ? {} : { maxbackup: maxBackups }),
    }),
  chunk_bytes: ({ chunk_bytes: bytes }) => formatSize(bytes),
  in_flight_chunks: ({ in_flight_chunks: count }) => String(count),
};

function showRedact({ paths, hashKeyFile, configMaps, env }: RedactConfig): string {
  const entries = {
    ...(paths.length > 0 ? { paths: showList(paths) } : {}),
    ...(hashKeyFile === undefined ? {} : { hash_key_file: hashKeyFile }),
    ...(configMaps ? { config_maps: true } : {}),
    ...(env ? { env: true } : {}),
  };
  return Object.keys(entries).length === 0 ? 'true' : showMap(entries);
}

function showText(text: string | undefined): string {
  return text === undefined ? 'none' : escapeControl(text);
}

function showList(texts: readonly string[]): string {
  return `[${texts.map(escapeControl).join(', ')}]`;
}

function showMap<T>(map: Readonly<Record<string, T>>, show: (value: T) => string = String): string {
  const pairs = Object.entries(map).map(
    ([name, value]) => `${name}: ${escapeControl(show(value))}`,
  );
  return `{${pairs.join(', ')}}`;
}
