/**
 * What settings must hold together, which each alone cannot know, and the part of the configuration that they make
 * together: the Forward output. Pure; it reads no files, also not those with secrets.
 */
import zlib from 'node:zlib';
import type { SecretSource } from '../output/forward/credentials.ts';
import type { ForwardConfig, OutputUrl, Problem } from './config.ts';
import { secretVariable, type Environment } from './environment.ts';
import { formatOutput } from './output-url.ts';
import type { CompleteSettings, ConfigKey } from './schema.ts';

type Upstream = Extract<OutputUrl, { kind: 'forward' }>;

/** @param placeOf where a setting was made, or `default`. */
export function checkTogether(
  settings: CompleteSettings,
  env: Environment,
  placeOf: (key: ConfigKey) => string,
): Problem[] {
  const problem = (key: ConfigKey, message: string): Problem => ({ where: placeOf(key), message });
  const upstreams = upstreamsOf(settings);
  if (upstreams.length === 0) {
    if (settings.output.length < 2) return [];
    return [problem('output', 'names stdout more than once; name it once')];
  }
  return [
    ...outputProblems(settings.output).map((message) => problem('output', message)),
    ...loginProblems(settings, env, placeOf),
    ...tlsProblems(settings, upstreams).map((message) => problem('tls', message)),
    ...compressProblems(settings).map((message) => problem('compress', message)),
  ];
}

function upstreamsOf({ output }: CompleteSettings): Upstream[] {
  return output.filter((url) => url.kind === 'forward');
}

function outputProblems(output: readonly OutputUrl[]): string[] {
  // Names of hosts are the same in capitals.
  const names = output.map((url) => formatOutput(url).toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (names.includes('stdout'))
    return ['cannot be stdout and a Forward receiver; remove one of them'];
  return twice === undefined ? [] : [`names ${twice} twice; remove one`];
}

function loginProblems(
  settings: CompleteSettings,
  env: Environment,
  placeOf: (key: ConfigKey) => string,
): Problem[] {
  const problems: Problem[] = [];
  for (const key of ['shared_key_file', 'password_file'] as const) {
    const variable = secretVariable(env, key);
    if (variable === undefined || settings[key] === undefined) continue;
    const message = `is set, and ${variable.name} too; keep one of them`;
    problems.push({ where: placeOf(key), message });
  }
  const password = secretOf(settings, env, 'password_file');
  if (settings.username !== undefined && password === undefined) {
    const message = 'has no password; set password_file or AUDIT_SHIPPER_PASSWORD';
    problems.push({ where: placeOf('username'), message });
  }
  if (settings.username === undefined && password !== undefined) {
    const variable = secretVariable(env, 'password_file')?.name;
    const message = 'has no user; set username';
    problems.push({ where: variable ?? placeOf('password_file'), message });
  }
  return problems;
}

function tlsProblems({ tls }: CompleteSettings, upstreams: readonly Upstream[]): string[] {
  const problems: string[] = [];
  if (Object.keys(tls).length > 0 && !upstreams.some((upstream) => upstream.tls)) {
    problems.push('is set, but no output uses TLS; write forwards:// instead of forward://');
  }
  if ((tls.cert_file === undefined) !== (tls.key_file === undefined)) {
    problems.push('needs cert_file and key_file together, or neither');
  }
  return problems;
}

/** Node has zstd since 22.15 and 23.8. */
function compressProblems({ compress }: CompleteSettings): string[] {
  if (compress !== 'zstd' || 'zstdCompress' in zlib) return [];
  return [`is zstd, which needs Node 22.15 or newer (this is ${process.version}); use gzip`];
}

/** @returns undefined when events go to stdout. */
export function forwardConfig(
  settings: CompleteSettings,
  env: Environment,
): ForwardConfig | undefined {
  const upstreams = upstreamsOf(settings);
  if (upstreams.length === 0) return undefined;
  return {
    upstreams,
    tag: settings.tag,
    timeKey: settings.time_key,
    sharedKey: secretOf(settings, env, 'shared_key_file'),
    username: settings.username,
    password: secretOf(settings, env, 'password_file'),
    tls: settings.tls,
    compress: settings.compress,
    loadBalance: settings.load_balance,
    lingerMs: settings.linger,
    timeouts: settings.timeouts,
  };
}

function secretOf(
  settings: CompleteSettings,
  env: Environment,
  key: 'shared_key_file' | 'password_file',
): SecretSource | undefined {
  const path = settings[key];
  if (path !== undefined) return { kind: 'file', path };
  const variable = secretVariable(env, key);
  if (variable === undefined) return undefined;
  const { value } = variable;
  return { kind: 'environment', reveal: () => value };
}
