/**
 * What stands in the place of a value that was redacted. Pure.
 */
import { createHash, createHmac } from 'node:crypto';
import { decodedText, QUOTE } from '../json-bytes.ts';

/** For a value in JSON. */
const REMOVED = '[redacted]';
/** For a value in a URI: no character of it needs an escape. */
const REMOVED_IN_URI = 'REDACTED';
/** 128 bits: no two values meet by chance. */
const HASH_DIGITS = 32;

export class Marks {
  readonly #key: Buffer | undefined;

  /** @param key of the hash that shows which values are equal; undefined where nothing shows it. */
  constructor(key: Buffer | undefined) {
    this.#key = key;
  }

  /** A string of JSON for the value in these bytes; undefined when it is there already. */
  forValue(bytes: Buffer, start: number, end: number): string | undefined {
    const hash = this.#hash(() => contentOf(bytes, start, end));
    const mark = JSON.stringify(hash ?? REMOVED);
    // A mark is ASCII.
    const isMark = end - start === mark.length && bytes.toString('latin1', start, end) === mark;
    return isMark ? undefined : mark;
  }

  /** @param value as it stands in the URI. @param decoded what it means. */
  forUri(value: string, decoded: () => Buffer): string | undefined {
    const mark = this.#hash(decoded) ?? REMOVED_IN_URI;
    return value === mark ? undefined : mark;
  }

  /** Says what bytes were that are left out: how many, and their digest, by which they are found on the node. */
  note(bytes: Buffer): string {
    const key = this.#key;
    const hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
    const name = key === undefined ? 'sha256' : 'hmac-sha256';
    return `[redacted: ${bytes.length} bytes, ${name} ${hash.update(bytes).digest('hex')}]`;
  }

  #hash(content: () => string | Buffer): string | undefined {
    if (this.#key === undefined) return undefined;
    const digest = createHmac('sha256', this.#key).update(content()).digest('hex');
    return `hmac-sha256:${digest.slice(0, HASH_DIGITS)}`;
  }
}

/** A string as it is meant, so that equal values have equal hashes whatever their escapes; another value as it stands. */
function contentOf(bytes: Buffer, start: number, end: number): string {
  const isText = bytes[start] === QUOTE;
  return isText ? decodedText(bytes, start, end) : bytes.toString('utf8', start, end);
}
