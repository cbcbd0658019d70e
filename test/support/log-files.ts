/** Reads a rotated log back from disk, whole: for tests that compare what was written with what is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** The decompressed content of one file. */
export function contentOf(directory: string, name: string): Buffer {
  const bytes = readFileSync(join(directory, name));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** The lines of all files, in the order of the names given. */
export function linesOf(directory: string, names: readonly string[]): readonly string[] {
  const content = Buffer.concat(names.map((name) => contentOf(directory, name))).toString('utf8');
  return content.split('\n').slice(0, -1);
}
