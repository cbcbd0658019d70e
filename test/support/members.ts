/**
 * Where the members of an object stand, found by tokens: slow, and short enough to be read. Pure.
 */
import assert from 'node:assert/strict';

export interface FoundMember {
  readonly key: string;
  /** Bytes [start, end) are `"key": value`, and the value begins at `value`. */
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** @param line holds one object and nothing else but white space. */
export function membersOf(line: Buffer): readonly FoundMember[] {
  const found: FoundMember[] = [];
  let depth = 0;
  let key: { readonly text: string; readonly start: number } | undefined;
  let value: number | undefined;
  let end = 0;
  for (const { 0: token, index } of line.toString('latin1').matchAll(TOKEN)) {
    const isEnd = depth === 1 && (token === ',' || token === '}');
    if (isEnd && key !== undefined) {
      assert.ok(value !== undefined, 'a key has a value');
      found.push({ key: parsedKey(key.text), start: key.start, value, end });
      key = undefined;
      value = undefined;
    } else if (depth === 1 && key === undefined) {
      if (token.startsWith('"')) key = { text: token, start: index };
    } else if (depth === 1 && token !== ':') {
      value ??= index;
    }
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    end = index + token.length;
  }
  return found;
}

function parsedKey(text: string): string {
  return JSON.parse(Buffer.from(text, 'latin1').toString()) as string;
}
