/**
 * `audit-shipper check`: says whether the configuration is good, what is in force and where it came from, and what
 * on this machine would get in its way. It opens no audit file and changes nothing.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ForwardConfig, Problem, Setting, ShipConfig } from '../config/config.ts';
import type { Environment } from '../config/environment.ts';
import type { Flags } from '../config/flags.ts';
import { codeOf, configLoader, diskReason, pathExists } from '../config/load.ts';
import { escapeControl } from '../observe/terminal.ts';
import { loadRules } from '../rules/load.ts';

/** The permission of those who are neither the owner nor in the group. */
const OTHERS_READ = 0o004;

export interface CheckContext {
  readonly env: Environment;
  readonly nowMs: number;
  /** The report goes out; problems and warnings go to err. Both take whole lines. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Exit code: 0 when the configuration is good, also with warnings; 2 when it is not. */
export async function check(flags: Flags, { env, nowMs, out, err }: CheckContext): Promise<number> {
  const load = await configLoader({ flags, env, nowMs });
  const loaded = load();
  const rules = loaded.ok ? await loadRules(loaded.config.rules) : loaded;
  if (!loaded.ok || !rules.ok) {
    err(problemReport(rules.ok ? [] : rules.problems));
    return 2;
  }
  out(`configuration ok\n${settingsTable(loaded.settings)}`);
  const warnings = [...loaded.warnings, ...rules.warnings, ...inspectMachine(loaded.config)];
  for (const { where, message } of warnings) {
    err(`warning: ${where}: ${message}\n`);
  }
  return 0;
}

/** Every problem on a line of its own; ship shows the same when it cannot start. */
export function problemReport(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = problems.map(({ where, message }) => `  ${where}: ${message}\n`);
  return `audit-shipper: ${count} in the configuration\n${lines.join('')}`;
}

function settingsTable(settings: readonly Setting[]): string {
  const keyWidth = Math.max(...settings.map(({ key }) => key.length));
  const valueWidth = Math.max(...settings.map(({ value }) => value.length));
  return settings
    .map(({ key, value, from }) => {
      return `  ${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${from}\n`;
    })
    .join('');
}

/**
 * What on this machine would keep a good configuration from working now. Warnings only: a mount may appear late,
 * and the configuration may be meant for another machine.
 */
function inspectMachine(config: ShipConfig): readonly Problem[] {
  const warnings = [
    ...config.paths.flatMap((path) => inspectPath(path, config.follow)),
    ...(config.forward === undefined ? [] : inspectCredentials(config.forward)),
  ];
  if (config.stateDir !== undefined) return [...warnings, ...inspectStateDir(config.stateDir)];
  if (!config.follow) return warnings;
  const message = 'is not set: nothing is remembered, and a restart ships everything again';
  return [...warnings, { where: 'state_dir', message }];
}

/** Of a glob, the directory that it searches. */
function inspectPath(path: string, follow: boolean): Problem[] {
  const glob = path.search(/[*?[\]{}()!]/);
  const place = glob === -1 || pathExists(path) ? path : dirname(`${path.slice(0, glob)}x`);
  const warn = (message: string): Problem[] => [{ where: escapeControl(place), message }];
  try {
    const isDirectory = statSync(place).isDirectory();
    accessSync(place, isDirectory ? constants.R_OK | constants.X_OK : constants.R_OK);
    return [];
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return warn(`cannot be read: ${diskReason(error)}`);
    return warn(
      follow
        ? 'does not exist yet; it is read as soon as it appears'
        : 'does not exist; nothing would be read from it (with --follow it is waited for)',
    );
  }
}

/** Files that are read for each connection to a receiver; secrets are nobody else's business. */
function inspectCredentials({ sharedKey, password, tls }: ForwardConfig): Problem[] {
  const secrets = [
    ...[sharedKey, password].map((source) => (source?.kind === 'file' ? source.path : undefined)),
    tls.key_file,
  ];
  return [
    ...secrets.flatMap((path) => inspectCredential(path, true)),
    ...[tls.ca_file, tls.cert_file].flatMap((path) => inspectCredential(path, false)),
  ];
}

function inspectCredential(path: string | undefined, isSecret: boolean): Problem[] {
  if (path === undefined) return [];
  const warn = (message: string): Problem[] => [{ where: escapeControl(path), message }];
  try {
    accessSync(path, constants.R_OK);
    const { mode } = statSync(path);
    if (!isSecret || (mode & OTHERS_READ) === 0) return [];
    return warn('can be read by every user of this machine; take that away: chmod o-r');
  } catch (error) {
    return warn(`cannot be read: ${diskReason(error)}; nothing can be delivered without it`);
  }
}

/** The agent makes a missing directory itself, if it may write to the one above. */
function inspectStateDir(stateDir: string): Problem[] {
  const warn = (message: string): Problem[] => [{ where: escapeControl(stateDir), message }];
  const missing = !pathExists(stateDir);
  let place = resolve(stateDir);
  while (!pathExists(place) && place !== dirname(place)) place = dirname(place);
  try {
    if (!statSync(place).isDirectory()) return warn('the state directory is not a directory');
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    return warn(`the state directory cannot be written: ${diskReason(error)}`);
  }
  return missing ? warn('the state directory does not exist yet; the first start makes it') : [];
}
