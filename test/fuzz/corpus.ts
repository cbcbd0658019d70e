/**
 * Good input to begin with: events of a simulated and of a real kube-apiserver, and the words that lines are made of.
 * The real ones lie beside the checkout; without them there are fewer.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEventSource } from '../../src/commands/simulate/events.ts';
import { bodyEvent, FORGED } from '../support/blocks.ts';
import { sharedData } from '../support/project.ts';
import { wordsOf, type Material } from './mutate.ts';

const SIMULATED_EVENTS = 60;
/** Of each real file, so many lines, and none that is long: changes of long lines seldom meet anything new. */
const LINES_OF_A_FILE = 20;
const LINE_BYTES_MAX = 8 * 1024;
const NEWLINE = 10;

const WRITTEN: readonly string[] = [
  bodyEvent('11111111-0000-4000-8000-000000000001'),
  FORGED,
  `{"kind":"Ev${FORGED}`,
  `\0\0\0\0${FORGED}`,
  '{"kind":"Event","shipper":{"file":"/x","offset":0,"id":"forged-0"},"kind":"Other"}',
  '{"__proto__":{"polluted":true},"constructor":null,"toString":1}',
  '{"a":[1,-0,1e400,1e-400,18446744073709551615,-9223372036854775809,0.1]}',
  '{"userAgent":"\\u001b]0;title\\u0007\u009b31m\u202e","verb":"\\u0000\\ud800"}',
  '2026-03-04T05:06:07.000000000Z AUDIT: id="1" stage="RequestReceived" ip="127.0.0.1"',
  '[1,2,3]',
  'null',
  '',
  ' \t\r',
];

/** Little JSON: a change of it hits what JSON is made of. */
const SHORT: readonly string[] = [
  '{"a":[1,{"b":[]}],"c":{}}',
  '{"a":"\\u00e9\\n","b":-1.5e3,"c":[true,false,null]}',
  '{ "a" : [ ] , "b" : { } }',
  '{"a":"é🚀","kind":"Event","kind":"x"}',
  '{"stageTimestamp":"2026-03-04T05:06:07.089Z","a":0}',
  `{"a":${'['.repeat(60)}${']'.repeat(60)}}`,
  '{}',
];

/** Single short lines, without their newlines. */
export function shortMaterial(): Material {
  return { corpus: wordsOf(...SHORT), words: wordsOf(Array.from('{}[]":,\\0-.eu \t')) };
}

/** Single lines, without their newlines. */
export function lineMaterial(): Material {
  const source = createEventSource({
    seed: 1,
    level: 'RequestResponse',
    now: () => new Date(Date.UTC(2026, 2, 4)),
  });
  const simulated = Array.from({ length: SIMULATED_EVENTS }, () => source.next());
  return { corpus: [...wordsOf(...WRITTEN, ...simulated), ...realLines()], words: WORDS };
}

function realLines(): readonly Buffer[] {
  const data = sharedData();
  if (data === undefined) return [];
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /\.(?:log|jsonl?)$/.test(file))
    .sort()
    .flatMap((file) => linesOf(readFileSync(join(data, file))).slice(0, LINES_OF_A_FILE))
    .filter((line) => line.length <= LINE_BYTES_MAX);
}

/** Without their newlines. */
export function linesOf(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

const WORDS: readonly Buffer[] = [
  ...wordsOf(
    ['{', '}', '[', ']', '"', ':', ',', '\\', '\n', '\r', '\t', ' ', '\0', '\0\0\0\0\0\0\0\0'],
    ['true', 'false', 'null', '-', '0', '1e5', '"":', '{}', '[]', '"\\u', '\\ud83d', '\\n'],
    ['"kind":"Event"', '"stageTimestamp":"2026-02-30T25:61:61.9999999999Z"', '"auditID":'],
    ['"requestURI":', '"annotations":{', '"shipper":{', '"__proto__":', '"log_base64":"'],
    ['{"kind":"Event","apiVersion":"audit.k8s.io/', '\u001b[2J', '\u009b', '\u202e', '\u2028'],
    ['\ufeff', '用户', '🚀', '\u007f', '"verb":"', '"user":{"username":"', '"sourceIPs":['],
  ),
  // No UTF-8: cut short, too long, halves of a surrogate pair, beyond Unicode.
  ...['c3', 'e282', 'c0af', 'eda080', 'f4908080', 'ff', 'fe', '80'].map((hex) =>
    Buffer.from(hex, 'hex'),
  ),
  Buffer.from('['.repeat(300)),
  Buffer.from('{"a":'.repeat(300)),
  Buffer.from('a'.repeat(5000)),
];
