/**
 * `name=value` as flags and environment variables write the map `fields`. Pure; does not check names or values.
 */
import { quote } from './units.ts';

/** The map, or what is wrong with the first bad pair. A value may hold further `=`. */
export function readPairs(
  pairs: readonly string[],
): { readonly value: Readonly<Record<string, string>> } | { readonly message: string } {
  const entries = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1)
      return { message: `${quote(pair)} is not name=value; write for example node=m1` };
    const name = pair.slice(0, equals);
    if (entries.has(name)) return { message: `gives ${quote(name)} twice; remove one` };
    entries.set(name, pair.slice(equals + 1));
  }
  return { value: Object.fromEntries(entries) };
}
