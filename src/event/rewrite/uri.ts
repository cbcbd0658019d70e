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
/** Escapes of JSON: of those with a number each has four digits. */
const ESCAPES = /\\u[0-9a-fA-F]{4}|\\./g;
const UNIT_ESCAPE_CHARS = 6;
const ESCAPE_CHARS = 2;
const LETTER_U = 0x75;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const CASE_BIT = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** A query begins there, or behind it. */
const BEFORE_QUERY = /[?\\]/;
const QUESTION_MARK = 0x3f;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const HASH = 0x23;
/** In the place of a name that a client has chosen. */
const SOME = '*';

/** A value that is a secret: bytes [start, end) of the URI as it stands in JSON. */
interface Secret {
  /** The parameter's name, for people; no text of a client's. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Whether there is a query that may hold a secret, quickly. */
export function concernsUri(uri: Buffer): boolean {
  return secretsIn(uri.toString('latin1'), true).length > 0;
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
  const uri = bytes.toString('latin1', start, end);
  const edits: Edit[] = [];
  for (const secret of secretsIn(uri, hasCommands)) {
    const value = uri.slice(secret.start, secret.end);
    const mark = marks.forUri(value, () => meant(value));
    if (mark === undefined) continue;
    findings.add(`?${secret.name}`);
    edits.push({ start: start + secret.start, end: start + secret.end, text: mark });
  }
  return edits;
}

/** In order; none is in another. Empty ones hide nothing. @param uri a character a byte. */
function secretsIn(uri: string, hasCommands: boolean): readonly Secret[] {
  const found: Secret[] = [];
  const path = uri.search(BEFORE_QUERY);
  if (path === -1) return found;
  const query = new Query(uri, path);
  while (query.nextParameter()) {
    const name = query.secretName(hasCommands);
    if (name === undefined) continue;
    const start = query.valueStart;
    query.skipToAmpersand();
    if (query.end > start) found.push({ name, start, end: query.end });
  }
  return found;
}

/** The query of a URI as it stands in JSON, whose escapes are read as what they mean: parameter by parameter. */
class Query {
  readonly #uri: string;
  /** Where the parameter begins, and where its first equals sign is; -1 where it has none. */
  #start = 0;
  #equals = -1;
  /** Behind that sign. */
  valueStart = 0;
  /** Where the parameter ends; what stands there, and where the next character does. */
  end: number;
  #unit = 0;
  #next = 0;
  /** Whether there are escapes of a URI in it, and whether its value may hold a URL. */
  #isEscaped = false;
  #mayHoldUrl = false;

  /** @param start of it, or of something before it. */
  constructor(uri: string, start: number) {
    this.#uri = uri;
    this.end = start;
    this.#skipTo(QUESTION_MARK);
  }

  /** @returns whether there is one. */
  nextParameter(): boolean {
    const uri = this.#uri;
    if (this.end >= uri.length) return false;
    this.#start = this.#next;
    this.#equals = -1;
    this.#isEscaped = false;
    this.#mayHoldUrl = false;
    let at = this.#next;
    let next = at;
    let unit = 0;
    for (; at < uri.length; at = next) {
      unit = uri.charCodeAt(at);
      next = at + 1;
      if (unit === BACKSLASH) {
        unit = escapedUnit(uri, at);
        next = behindEscape(at, unit);
      }
      if (unit === AMPERSAND || unit === SEMICOLON || unit === QUESTION_MARK) break;
      if (unit === EQUALS && this.#equals === -1) {
        this.#equals = at;
        this.valueStart = next;
      }
      if (unit === PERCENT || unit === PLUS) this.#isEscaped = true;
      if (unit === PERCENT || unit === HASH) this.#mayHoldUrl = true;
    }
    this.end = at;
    this.#unit = unit;
    this.#next = next;
    return true;
  }

  secretName(hasCommands: boolean): string | undefined {
    if (this.#equals === -1) return undefined;
    const written = withoutEscapes(this.#uri.slice(this.#start, this.#equals));
    const name = (this.#isEscaped ? unescaped(written) : written).toLowerCase();
    if (TOKENS.has(name) || (hasCommands && COMMANDS.has(name))) return name;
    if (!this.#mayHoldUrl) return undefined;
    const value = withoutEscapes(this.#uri.slice(this.valueStart, this.end));
    return TOKEN_INSIDE.test(unescaped(value)) ? SOME : undefined;
  }

  /** What follows up to there might be of the value. */
  skipToAmpersand(): void {
    if (this.#unit !== AMPERSAND) this.#skipTo(AMPERSAND);
  }

  /** The next such character from the end on. */
  #skipTo(wanted: number): void {
    const uri = this.#uri;
    for (; this.end < uri.length; this.end = this.#next) {
      const unit = uri.charCodeAt(this.end);
      this.#unit = unit === BACKSLASH ? escapedUnit(uri, this.end) : unit;
      this.#next = unit === BACKSLASH ? behindEscape(this.end, this.#unit) : this.end + 1;
      if (this.#unit === wanted) return;
    }
  }
}

/** The number of an escape of JSON; -1 for the others, of which none means a separator. */
function escapedUnit(uri: string, at: number): number {
  if (uri.charCodeAt(at + 1) !== LETTER_U) return -1;
  let unit = 0;
  for (let place = at + ESCAPE_CHARS; place < at + UNIT_ESCAPE_CHARS; place++) {
    const digit = hexDigit(uri.charCodeAt(place));
    if (digit === -1) return -1;
    unit = 16 * unit + digit;
  }
  return unit;
}

/** -1 for what is none. */
function hexDigit(unit: number): number {
  if (unit >= DIGIT_0 && unit <= DIGIT_9) return unit - DIGIT_0;
  const letter = unit | CASE_BIT;
  return letter >= LETTER_A && letter <= LETTER_F ? letter - LETTER_A + 10 : -1;
}

function behindEscape(at: number, unit: number): number {
  return at + (unit === -1 ? ESCAPE_CHARS : UNIT_ESCAPE_CHARS);
}

/** Without the escapes of JSON. */
function withoutEscapes(part: string): string {
  if (!part.includes('\\')) return part;
  return part.replace(ESCAPES, (escape) =>
    escape.length === ESCAPE_CHARS ? escape.slice(1) : String(JSON.parse(`"${escape}"`)),
  );
}

/** What a part of a query means. Both are a byte a character. */
function unescaped(part: string): string {
  return part
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** @param value of a parameter as it stands in JSON, a character a byte. */
function meant(value: string): Buffer {
  const text = Buffer.from(value, 'latin1').toString();
  const bytes = Buffer.from(String(JSON.parse(`"${text}"`)));
  return Buffer.from(unescaped(bytes.toString('latin1')), 'latin1');
}
