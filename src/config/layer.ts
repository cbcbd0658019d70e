/**
 * One source of settings before its values are checked: the file, the environment or the command line.
 * Knows no keys and no values; the sources themselves are yaml-file.ts, environment.ts and flags.ts.
 */
import type { Problem } from './config.ts';

/** Where a value stands below the top of the configuration: `['fields', 'node']`, `['paths', 0]`. */
export type SettingPath = readonly PropertyKey[];

export interface Layer {
  /** Keys and values as written; texts where the source knows only texts. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** The place of a value or of an unknown key, as in Problem. */
  where(path: SettingPath): string;
}

/** A source as far as it could be read. Its problems do not keep the rest of it from being checked. */
export interface ReadLayer {
  readonly layer: Layer;
  readonly problems: readonly Problem[];
}
