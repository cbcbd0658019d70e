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
/** One character of a string of JSON that begins with a backslash. */
const ESCAPE = /\\u[0-9a-fA-F]{4}|\\.|[^]/y;
const QUESTION_MARK = 0x3f;
/** The next one begins behind each of these. A value that is redacted ends with `&` only: the rest might be of it. */
const PARAMETER = /[^?&;]*/y;
/** In the place of a name that a client has chosen. */
const SOME = '*';

/** A parameter's value: characters [start, end) of the decoded URI. */
interface Parameter {
  /** For people; no text of a client's. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A URI without the escapes of JSON, each byte a character. */
interface Decoded {
  readonly text: string;
  /** The byte where a character begins; that of the last one's end as well. */
  readonly byteOf: (character: number) => number;
}

/** Whether there is a query that may hold a secret, quickly. */
export function concernsUri(uri: Buffer): boolean {
  if (!uri.includes(QUESTION_MARK) && !uri.includes(BACKSLASH)) return false;
  return secretsIn(decode(uri).text, true).length > 0;
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
  const { text, byteOf } = decode(uri);
  return secretsIn(text, hasCommands).flatMap((parameter) => {
    const from = byteOf(parameter.start);
    const to = byteOf(parameter.end);
    const raw = uri.toString('utf8', from, to);
    const mark = marks.forUri(raw, () => meant(raw));
    if (mark === undefined) return [];
    findings.add(`?${parameter.name}`);
    return [{ start: start + from, end: start + to, text: mark }];
  });
}

/** In order; none is in another. Empty ones hide nothing. */
function secretsIn(text: string, hasCommands: boolean): readonly Parameter[] {
  const found: Parameter[] = [];
  const query = text.indexOf('?');
  for (let at = query === -1 ? text.length : query + 1; at < text.length; at += 1) {
    PARAMETER.lastIndex = at;
    const parameter = PARAMETER.exec(text)?.[0] ?? '';
    const name = secretName(parameter, hasCommands);
    const start = at + parameter.indexOf('=') + 1;
    at += parameter.length;
    if (name === undefined) continue;
    const ampersand = text.indexOf('&', at);
    at = ampersand === -1 ? text.length : ampersand;
    if (at > start) found.push({ name, start, end: at });
  }
  return found;
}

function secretName(parameter: string, hasCommands: boolean): string | undefined {
  const equals = parameter.indexOf('=');
  if (equals === -1) return undefined;
  const name = unescaped(parameter.slice(0, equals)).toLowerCase();
  if (TOKENS.has(name) || (hasCommands && COMMANDS.has(name))) return name;
  return TOKEN_INSIDE.test(unescaped(parameter.slice(equals + 1))) ? SOME : undefined;
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

function decode(uri: Buffer): Decoded {
  const raw = uri.toString('latin1');
  let escape = raw.indexOf('\\');
  if (escape === -1) return { text: raw, byteOf: (character) => character };
  // Where each character begins, and where the last one ends.
  const places = new Uint32Array(raw.length + 1);
  let text = '';
  let from = 0;
  const add = (part: string, start: number): void => {
    for (let at = 0; at < part.length; at++) places[text.length + at] = start + at;
    text += part;
  };
  for (; escape !== -1; escape = raw.indexOf('\\', from)) {
    add(raw.slice(from, escape), from);
    ESCAPE.lastIndex = escape;
    const [character = ''] = ESCAPE.exec(raw) ?? [];
    add(decodedCharacter(character), escape);
    from = escape + character.length;
  }
  add(raw.slice(from), from);
  places[text.length] = raw.length;
  return { text, byteOf: (character) => places[character] ?? raw.length };
}

/** One for one: of the escapes only those of single units are decoded, and no other one is a separator. */
function decodedCharacter(character: string): string {
  if (character.length === 1) return character;
  return character.length === 2 ? character.slice(1) : String(JSON.parse(`"${character}"`));
}
