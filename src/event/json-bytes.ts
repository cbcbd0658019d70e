/**
 * JSON as it stands in bytes: where its texts and values begin and end. Whether it is JSON at all others have judged;
 * where it is none after all, these functions end or throw, and never read on for ever. Pure.
 */

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
/** Makes one of the two kinds of brackets: `[` and `]` differ from `{` and `}` by it. */
export const BRACE_BIT = 0x20;
/** Texts that end so near are quicker to look through than a search is to begin. */
const NEAR_BYTES = 32;

/** Where the text whose inside begins at `start` ends; -1 when that is not in these bytes. */
export function closingQuote(bytes: Buffer, start: number): number {
  const near = Math.min(start + NEAR_BYTES, bytes.length);
  let at = start;
  while (at < near) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
  for (;;) {
    const quote = at < bytes.length ? bytes.indexOf(QUOTE, at) : -1;
    if (quote === -1 || !isEscaped(bytes, at, quote)) return quote;
    at = quote + 1;
  }
}

/** Whether the byte at `end` follows a backslash that is not escaped itself. The one at `start` is not escaped. */
export function isEscaped(bytes: Buffer, start: number, end: number): boolean {
  let at = end;
  while (at > start && bytes[at - 1] === BACKSLASH) at -= 1;
  return (end - at) % 2 === 1;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === RETURN || byte === NEWLINE;
}

export function skipSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

/** The place behind the value that begins at `start`. */
export function valueEnd(bytes: Buffer, start: number): number {
  const byte = bytes[start] ?? 0;
  if (byte === QUOTE) return textEnd(bytes, start);
  return (byte | BRACE_BIT) === OPEN_BRACE ? nestedEnd(bytes, start) : scalarEnd(bytes, start);
}

function textEnd(bytes: Buffer, start: number): number {
  const quote = closingQuote(bytes, start + 1);
  if (quote === -1) throw new Error('a text has no end');
  return quote + 1;
}

/** Brackets are counted where no text hides them. */
function nestedEnd(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length;) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = textEnd(bytes, at);
      continue;
    }
    at += 1;
    if ((byte | BRACE_BIT) === OPEN_BRACE) depth += 1;
    else if ((byte | BRACE_BIT) === CLOSE_BRACE) depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error('a bracket is not closed');
}

function scalarEnd(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && !endsScalar(bytes[at] ?? 0)) at += 1;
  if (at === start) throw new Error('a value is missing');
  return at;
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || (byte | BRACE_BIT) === CLOSE_BRACE || isSpace(byte);
}

/** A member of an object: `"key": value`. */
export interface FoundMember {
  readonly key: number;
  readonly keyEnd: number;
  readonly value: number;
}

/**
 * Each member of the object that begins at `start`.
 * @param visit returns the place behind the value. @returns the place behind the object.
 */
export function walkMembers(
  bytes: Buffer,
  start: number,
  visit: (member: FoundMember) => number,
): number {
  return walk(bytes, start, CLOSE_BRACE, (key) => {
    if (bytes[key] !== QUOTE) throw new Error('a key is missing');
    const keyEnd = textEnd(bytes, key);
    const colon = skipSpace(bytes, keyEnd);
    if (bytes[colon] !== COLON) throw new Error('a colon is missing');
    return visit({ key, keyEnd, value: skipSpace(bytes, colon + 1) });
  });
}

/** Each element of the array that begins at `start`. The rest as for `walkMembers`. */
export function walkElements(
  bytes: Buffer,
  start: number,
  visit: (element: number) => number,
): number {
  return walk(bytes, start, CLOSE_BRACKET, visit);
}

function walk(
  bytes: Buffer,
  start: number,
  closing: number,
  visit: (at: number) => number,
): number {
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === closing) return at + 1;
  for (;;) {
    at = skipSpace(bytes, visit(at));
    if (bytes[at] === closing) return at + 1;
    if (bytes[at] !== COMMA) throw new Error('a comma is missing');
    at = skipSpace(bytes, at + 1);
  }
}

/** Whether the text in bytes [start, end), as `decodedText` has it, is this one of ASCII. */
export function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  const inside = start + 1;
  for (let index = 0; index < text.length; index++) {
    const byte = bytes[inside + index];
    if (byte === BACKSLASH) return decodedText(bytes, start, end) === text;
    if (byte !== text.charCodeAt(index)) return false;
  }
  return inside + text.length === end - 1;
}

/** The text in bytes [start, end), which are a string of JSON with its quotes. */
export function decodedText(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start + 1, end - 1);
  return raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw;
}
