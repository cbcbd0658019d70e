/**
 * Real audit files, from a real kube-apiserver and from public repositories. They lie beside the checkout and are no
 * part of it: without them there are none.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sharedData } from './project.ts';
import { readingOf } from './reference.ts';

const data = sharedData() ?? '';
const files = data === '' ? [] : readdirSync(data, { recursive: true, encoding: 'utf8' });

/** Why tests of them are skipped; false when they are not. */
export const NO_REAL_FILES = data === '' && 'there is no ../shared/data beside the checkout';
export const REAL_FILES: readonly string[] = files.filter((path) =>
  /\/.*\.(?:log|jsonl?|gz|1)$/.test(path),
);

export function realContent(path: string): Buffer {
  const bytes = readFileSync(join(data, path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

export function* realLines(content: Buffer): Generator<Buffer> {
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf(10, start);
    const end = newline === -1 ? content.length : newline;
    yield content.subarray(start, end);
    start = end + 1;
  }
}

/** A hole of NULs before an event is left out. */
function withoutNuls(line: Buffer): Buffer {
  const start = line.findIndex((byte) => byte !== 0);
  return start === -1 ? line : line.subarray(start);
}

/** A line that JSON.parse takes for an object. */
export interface RealEvent {
  readonly line: Buffer;
  readonly value: unknown;
}

export function eventsOf(content: Buffer): readonly RealEvent[] {
  return Array.from(realLines(content), withoutNuls)
    .map((line) => ({ line, ...readingOf(line) }))
    .filter(({ verdict }) => verdict === 'object');
}
