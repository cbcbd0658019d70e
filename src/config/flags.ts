/**
 * The command line as a layer. Pure; knows the names of flags, and not how they were parsed (cli.ts).
 */
import { escapeControl } from '../observe/terminal.ts';
import type { ReadLayer, SettingPath } from './layer.ts';
import { readPairs } from './pairs.ts';

/** What the user gave on the command line, as texts; what was not given is not there. */
export interface Flags {
  /** Positional arguments; none given is not the same as an empty list of paths. */
  readonly paths?: readonly string[];
  readonly follow?: boolean;
  readonly output?: readonly string[];
  readonly stateDir?: string;
  readonly from?: string;
  readonly format?: string;
  readonly tag?: string;
  readonly config?: string;
  readonly field?: readonly string[];
  readonly listen?: string;
  readonly logLevel?: string;
  readonly grace?: string;
}

/** Every flag but --config, which is not a setting, has its key. */
const FLAG_OF_KEY: Readonly<Record<string, string>> = {
  follow: '--follow',
  output: '--output',
  state_dir: '--state-dir',
  from: '--from',
  format: '--format',
  tag: '--tag',
  fields: '--field',
  listen: '--listen',
  log_level: '--log-level',
  grace: '--grace',
};

export function readFlags(flags: Flags): ReadLayer {
  const fields = readPairs(flags.field ?? []);
  const given: Readonly<Record<string, unknown>> = {
    paths: flags.paths,
    follow: flags.follow,
    output: flags.output,
    state_dir: flags.stateDir,
    from: flags.from,
    format: flags.format,
    tag: flags.tag,
    fields: flags.field === undefined || !('value' in fields) ? undefined : fields.value,
    listen: flags.listen,
    log_level: flags.logLevel,
    grace: flags.grace,
  };
  const raw = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    layer: { raw, where: whereOnCommandLine },
    problems: 'message' in fields ? [{ where: '--field', message: fields.message }] : [],
  };
}

function whereOnCommandLine([key = '', inside]: SettingPath): string {
  if (key === 'paths') return typeof inside === 'number' ? `argument ${inside + 1}` : 'arguments';
  const flag = FLAG_OF_KEY[String(key)] ?? String(key);
  return typeof inside === 'string' ? `${flag} ${escapeControl(inside)}` : flag;
}
