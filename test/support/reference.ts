/**
 * What bytes are and what they say, by others than the core: TextDecoder and JSON.parse read lines, the decoder of
 * @msgpack/msgpack reads entries. All tests of the core compare with this, or with bytes that are written down. Pure.
 */
import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { decodeMulti, ExtensionCodec } from '@msgpack/msgpack';
import type { Verdict } from '../../src/event/core.ts';

/** JSON.parse has no limit; the core has that of kube-apiserver. */
export const MAX_DEPTH = 10_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a line says; the value means something for an object and for another value. */
export interface Reading {
  readonly verdict: Verdict;
  readonly value: unknown;
}

/** @param line without its newline. */
export function readingOf(line: Uint8Array): Reading {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(line));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return INVALID;
    throw error;
  }
  if (isTooDeep(line, value)) return INVALID;
  return { verdict: isObject(value) ? 'object' : 'other', value };
}

/**
 * The value of a line that is JSON, by a JSON.parse that has read nothing before. That of Node 24 takes a key of one
 * character that is written as an escape for a lone backslash, where an object that it read before had that one in its place:
 * `{"\\":1}`, then `{"\u00aa":1}` (V8 13.6).
 */
export function readAnew(line: Uint8Array): unknown {
  return structuredClone(runInNewContext('JSON.parse(text)', { text: utf8.decode(line) }));
}

const INVALID: Reading = { verdict: 'invalid', value: undefined };

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTooDeep(line: Uint8Array, value: unknown): boolean {
  if (line.length <= MAX_DEPTH) return false;
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const containers = level.filter((one) => typeof one === 'object' && one !== null);
    if (containers.length === 0) return false;
    level = containers.flatMap((one) => Object.values(one));
  }
  return true;
}

// --- entries of the Forward protocol ---

/** `seconds.nanoseconds`, with all nine digits; numbers of 64 bits are bigint. */
export type Entry = readonly [time: string, record: Readonly<Record<string, unknown>>];

const codec = new ExtensionCodec();
codec.register({
  type: 0,
  encode: () => null,
  decode: (data) => {
    assert.equal(data.length, 8);
    const view = Buffer.from(data);
    return `${view.readUInt32BE(0)}.${String(view.readUInt32BE(4)).padStart(9, '0')}`;
  },
});

const options = {
  useBigInt64: true,
  extensionCodec: codec,
  // Texts are decoded here: the decoder does not say when they are no UTF-8.
  rawStrings: true,
  mapKeyConverter: (key: unknown) => {
    assert.ok(typeof key === 'string', 'a key is a text');
    return key;
  },
};

/** The decoder takes every key but this one: where it stands, another text of its length is compared. */
const REFUSED = '__proto__';
const STAND_IN = '<proto>!!';

function withStandIns(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  let at = copy.indexOf(REFUSED);
  while (at !== -1) {
    copy.write(STAND_IN, at);
    at = copy.indexOf(REFUSED, at + REFUSED.length);
  }
  return copy;
}

/** All entries in these bytes; bytes that are something else are an error. */
export function entriesIn(bytes: Uint8Array): readonly Entry[] {
  return Array.from(decodeMulti(withStandIns(bytes), options), (decoded: unknown) => {
    assert.ok(Array.isArray(decoded) && decoded.length === 2, 'an entry is a pair');
    const [time, record] = decoded as readonly unknown[];
    assert.ok(typeof time === 'string', 'it begins with its time');
    const unpacked = unpack(record);
    assert.ok(isObject(unpacked), 'the record is a map');
    return [time, unpacked];
  });
}

function unpack(value: unknown): unknown {
  if (value instanceof Uint8Array) return utf8.decode(value);
  if (Array.isArray(value)) return value.map(unpack);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, unpack(member)]));
}

const BYTE_ORDER_MARK = '\ufeff';

/** A value as both ways can say it: 64 bits become a double, and half a character becomes U+FFFD. */
export function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') {
    const text = Buffer.from(value.replaceAll(REFUSED, STAND_IN)).toString();
    // The decoder of the other package drops it before a long text.
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }
  if (Array.isArray(value)) return value.map(comparable);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [comparable(key), comparable(member)]),
  );
}
