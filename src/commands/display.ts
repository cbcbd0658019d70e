/**
 * How events are shown on standard output: the format that `auto` stands for, colour and width. Knows no events.
 */
import type { Format } from '../config/config.ts';
import type { PrettyOptions } from '../event/pretty.ts';
import { wantsColor } from '../observe/terminal.ts';

/** Standard output, as far as it is asked about. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @returns the options of lines for people, asked for each line: a terminal may change its width. */
export function displayOf(
  format: Format,
  stdout: Screen,
  env: Environment,
): 'json' | (() => PrettyOptions) {
  const shown = format === 'auto' ? (stdout.isTTY === true ? 'pretty' : 'json') : format;
  if (shown === 'json') return 'json';
  const color = wantsColor(stdout, env);
  return () => ({ color, width: widthOf(stdout, env), wide: shown === 'wide' });
}

/** A pipe has no width, unless whoever reads it says so (COLUMNS). */
function widthOf({ columns }: Screen, env: Environment): number | undefined {
  if (columns !== undefined) return columns;
  const said = Number(env['COLUMNS']);
  return Number.isInteger(said) && said > 0 ? said : undefined;
}
