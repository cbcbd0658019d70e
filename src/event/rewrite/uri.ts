/**
 * Query parameters that hold secrets, found in a requestURI as it stands in JSON. Everything else of it stays, byte
 * for byte. Pure.
 */
import { BACKSLASH } from '../json-bytes.ts';
import type { Edit } from './edits.ts';
import type { Findings } from './findings.ts';
import type { Marks } from './marks.ts';

/** Tokens, wherever they are. */
const TOKENS: ReadonlySet<string> = new Set([
  'token',
  'access_token',
  'id_token',
  'refresh_token',
  'client_secret',
]);
/** What is run in a container: by the API, and by the kubelet's own API behind a proxy. */
const COMMANDS: ReadonlySet<string> = new Set(['command', 'cmd']);
/** Such a parameter inside of a value, as in a URL that a login returns to. */
const TOKEN_INSIDE = /[?&;#](?:token|access_token|id_token|refresh_token|client_secret)=/i;
/** `\u` and its digits. */
const ESCAPE_CHARS = 6;
const UNIT_ESCAPE = /^\\u[0-9a-fA-F]{4}$/;
const QUESTION_MARK = 0x3f;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const HASH = 0x23;
/** In the place of a name that a client has chosen. */
const SOME = '*';

/** A parameter's value: characters [start, end) of the decoded URI. */
interface Parameter {
  /** For people; no text of a client's. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A parameter as it stands in the decoded URI: characters [start, end). */
interface Part {
  readonly start: number;
  /** The first equals sign; -1 where there is none. */
  readonly equals: number;
  readonly end: number;
  /** Whether something of it is written as an escape, and whether its value may hold a URL. */
  readonly isEscaped: boolean;
  readonly mayHoldUrl: boolean;
}

/** A URI without the escapes of JSON, each byte a character. */
interface Decoded {
  readonly text: string;
  /** The byte where a character begins; that of the last one's end as well. Of each call it is a later one. */
  readonly byteOf: (character: number) => number;
}

/** Whether there is a query that may hold a secret, quickly. */
export function concernsUri(uri: Buffer): boolean {
  return mayHaveQuery(uri) && secretsIn(decode(uri.toString('latin1')).text, true).length > 0;
}

/**
 * @param start of the URI in the bytes, behind its quote. @param end before its quote.
 * @param hasCommands whether its parameters may be commands.
 */
export function uriEdits(
  bytes: Buffer,
  [start, end]: readonly [start: number, end: number],
  hasCommands: boolean,
  { marks, findings }: { readonly marks: Marks; readonly findings: Findings },
): readonly Edit[] {
  const uri = bytes.subarray(start, end);
  if (!mayHaveQuery(uri)) return [];
  const { text, byteOf } = decode(uri.toString('latin1'));
  const edits: Edit[] = [];
  for (const parameter of secretsIn(text, hasCommands)) {
    const from = byteOf(parameter.start);
    const to = byteOf(parameter.end);
    const raw = uri.toString('utf8', from, to);
    const mark = marks.forUri(raw, () => meant(raw));
    if (mark === undefined) continue;
    findings.add(`?${parameter.name}`);
    edits.push({ start: start + from, end: start + to, text: mark });
  }
  return edits;
}

function mayHaveQuery(uri: Buffer): boolean {
  return uri.includes(QUESTION_MARK) || uri.includes(BACKSLASH);
}

/** In order; none is in another. Empty ones hide nothing. */
function secretsIn(text: string, hasCommands: boolean): readonly Parameter[] {
  const found: Parameter[] = [];
  const query = text.indexOf('?');
  for (let at = query === -1 ? text.length : query + 1; at < text.length; at += 1) {
    const part = partAt(text, at);
    const name = secretName(text, part, hasCommands);
    at = part.end;
    if (name === undefined) continue;
    // The rest up to there might be of the value.
    const ampersand = text.indexOf('&', at);
    at = ampersand === -1 ? text.length : ampersand;
    const start = part.equals + 1;
    if (at > start) found.push({ name, start, end: at });
  }
  return found;
}

/** The parameter that begins there: up to one of `?&;`. */
function partAt(text: string, start: number): Part {
  let equals = -1;
  let isEscaped = false;
  let mayHoldUrl = false;
  let end = start;
  for (; end < text.length; end++) {
    const unit = text.charCodeAt(end);
    if (unit === AMPERSAND || unit === SEMICOLON || unit === QUESTION_MARK) break;
    if (unit === EQUALS && equals === -1) equals = end;
    if (unit === PERCENT || unit === PLUS) isEscaped = true;
    if (unit === PERCENT || unit === HASH) mayHoldUrl = true;
  }
  return { start, equals, end, isEscaped, mayHoldUrl };
}

function secretName(text: string, part: Part, hasCommands: boolean): string | undefined {
  const { start, equals, end, isEscaped, mayHoldUrl } = part;
  if (equals === -1) return undefined;
  const written = text.slice(start, equals);
  const name = (isEscaped ? unescaped(written) : written).toLowerCase();
  if (TOKENS.has(name) || (hasCommands && COMMANDS.has(name))) return name;
  if (!mayHoldUrl) return undefined;
  return TOKEN_INSIDE.test(unescaped(text.slice(equals + 1, end))) ? SOME : undefined;
}

/** What a part of a query means. Both are a byte a character. */
function unescaped(part: string): string {
  return part
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** @param raw a part of a query as it stands in JSON. */
function meant(raw: string): Buffer {
  const bytes = Buffer.from(String(JSON.parse(`"${raw}"`)));
  return Buffer.from(unescaped(bytes.toString('latin1')), 'latin1');
}

/** One for one: of the escapes only those of single units are decoded, and no other one is a separator. */
function decode(raw: string): Decoded {
  let escape = raw.indexOf('\\');
  if (escape === -1) return { text: raw, byteOf: (character) => character };
  // Behind which characters bytes are left out, and how many up to there.
  const places: number[] = [];
  const leftOut: number[] = [];
  let text = '';
  let from = 0;
  for (; escape !== -1; escape = raw.indexOf('\\', from)) {
    const unit = escapedUnit(raw, escape);
    text += raw.slice(from, escape);
    text += unit === -1 ? raw.charAt(escape + 1) : String.fromCharCode(unit);
    from = escape + (unit === -1 ? 2 : ESCAPE_CHARS);
    places.push(text.length);
    leftOut.push(from - text.length);
  }
  text += raw.slice(from);
  let passed = 0;
  const byteOf = (character: number): number => {
    while (passed < places.length && (places[passed] ?? 0) <= character) passed += 1;
    return character + (passed === 0 ? 0 : (leftOut[passed - 1] ?? 0));
  };
  return { text, byteOf };
}

/** The number in `\u0026`; -1 where another escape stands. */
function escapedUnit(raw: string, at: number): number {
  const escape = raw.slice(at, at + ESCAPE_CHARS);
  return UNIT_ESCAPE.test(escape) ? parseInt(escape.slice(2), 16) : -1;
}
