/**
 * Makes a line of any length short by leaving out the bodies of its event, piece by piece: no more of it is held than
 * is kept. It finds where members begin and end and no more; what is kept is judged by the core in the end, what is
 * left out by nobody. It reads nothing and knows no files.
 */
import { createHash } from 'node:crypto';
import { annotated, BODIES } from './bodies.ts';
import {
  BRACE_BIT,
  CLOSE_BRACE,
  closingQuote,
  COLON,
  COMMA,
  isEscaped,
  isSpace,
  OPEN_BRACE,
  QUOTE,
} from './json-bytes.ts';

/** Why nothing shorter can be made of a line. */
export const REFUSALS = {
  tooLong: 'it is longer than max_event_bytes, also without its bodies',
  noObject: 'it is longer than max_event_bytes, and not one JSON object',
  noBodies: 'it is longer than max_event_bytes, and has no bodies to leave out',
} as const;

/** A line with its newline, or why there is none. */
export type Reduction = { readonly line: Buffer } | { readonly refusal: string };

const COMMA_BYTES = Buffer.of(COMMA);
/** A key is known by so many bytes: each of its characters may be an escape of six. */
const KEY_BYTES = 2 + 6 * Math.max(...BODIES.map((name) => name.length));
/** What is kept, at first; twice as much when it is full. */
const FIRST_BYTES = 64 * 1024;

/** Where in the line it stands. A key, a text and what is nested may have a text that goes on in the next piece. */
type State =
  | 'before'
  | 'first member'
  | 'member'
  | 'key'
  | 'colon'
  | 'value'
  | 'text'
  | 'nested'
  | 'scalar'
  | 'behind value'
  | 'behind'
  | 'no object';

export class Reducer {
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #state: State = 'before';
  /** Inside of a text; the next byte is an escaped one. */
  #isInText = false;
  #isEscaped = false;
  /** Brackets that are open inside the value. */
  #depth = 0;
  /** The key as far as it is read: a byte a character. */
  #key = '';
  #bodies = 0;
  #kept = Buffer.allocUnsafe(FIRST_BYTES);
  #keptBytes = 0;
  /** Where in what is kept the member begins, with the comma before it. */
  #member = 0;
  /** From here on the piece is kept; undefined where it is not. */
  #keptFrom: number | undefined;
  #isTooLong = false;

  /** @param maxBytes of a reduced line with its newline, at most. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#keep(Buffer.of(OPEN_BRACE));
  }

  /** The next bytes of the line. The newline is none of them. */
  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#state === 'no object') return;
    this.#hash.update(piece);
    if (this.#keptFrom !== undefined) this.#keptFrom = 0;
    for (let at = 0; at < piece.length;) at = this.#step(piece, at);
    if (this.#keptFrom !== undefined) this.#keepRun(piece, piece.length);
  }

  /** There is no more of it. */
  end(): Reduction {
    if (this.#state !== 'behind') return { refusal: REFUSALS.noObject };
    if (this.#bodies === 0) return { refusal: REFUSALS.noBodies };
    this.#keep(Buffer.of(CLOSE_BRACE));
    if (this.#isTooLong) return { refusal: REFUSALS.tooLong };
    const rest = this.#kept.subarray(0, this.#keptBytes);
    const line = annotated(rest, this.#bytes, this.#hash.digest('hex'));
    if (line === undefined) return { refusal: REFUSALS.noObject };
    return line.length > this.#maxBytes ? { refusal: REFUSALS.tooLong } : { line };
  }

  /** @returns the place behind what it has looked at. */
  #step(piece: Buffer, at: number): number {
    if (this.#isInText) return this.#skipText(piece, at);
    if (this.#state === 'nested') return this.#skipNested(piece, at);
    const byte = piece[at] ?? 0;
    if (this.#state === 'scalar') {
      if (!endsScalar(byte)) return at + 1;
      this.#endValue(piece, at);
    }
    if (isSpace(byte)) return at + 1;
    return this.#token(piece, at, byte);
  }

  /** What stands between the members of an event, and what begins and ends them. */
  #token(piece: Buffer, at: number, byte: number): number {
    switch (this.#state) {
      case 'before':
        return this.#expect(byte === OPEN_BRACE, 'first member', at);
      case 'first member':
      case 'member':
        if (byte === QUOTE) return this.#beginMember(at);
        return this.#expect(byte === CLOSE_BRACE && this.#state !== 'member', 'behind', at);
      case 'colon':
        return this.#expect(byte === COLON, 'value', at);
      case 'value':
        return this.#beginValue(at, byte);
      case 'behind value':
        if (byte === COMMA) return this.#expect(true, 'member', at);
        return this.#expect(byte === CLOSE_BRACE, 'behind', at);
      case 'behind':
      case 'no object':
      case 'key':
      case 'text':
      case 'nested':
      case 'scalar':
        break;
    }
    return this.#expect(false, 'no object', piece.length);
  }

  #expect(isThere: boolean, next: State, at: number): number {
    if (isThere) this.#state = next;
    else this.#giveUp();
    return at + 1;
  }

  /** Nothing of it is wanted any more; the rest is only counted. */
  #giveUp(): void {
    this.#state = 'no object';
    this.#keptFrom = undefined;
    this.#kept = Buffer.alloc(0);
  }

  #beginMember(at: number): number {
    this.#member = this.#keptBytes;
    if (this.#keptBytes > 1) this.#keep(COMMA_BYTES);
    this.#state = 'key';
    this.#key = '';
    this.#keptFrom = at;
    this.#isInText = true;
    return at + 1;
  }

  #beginValue(at: number, byte: number): number {
    if (endsScalar(byte)) return this.#expect(false, 'no object', at);
    const isNested = (byte | BRACE_BIT) === OPEN_BRACE;
    this.#isInText = byte === QUOTE;
    this.#depth = isNested ? 1 : 0;
    this.#state = isNested ? 'nested' : this.#isInText ? 'text' : 'scalar';
    return at + 1;
  }

  #skipText(piece: Buffer, start: number): number {
    const from = this.#isEscaped ? start + 1 : start;
    this.#isEscaped = false;
    const quote = closingQuote(piece, from);
    if (quote === -1) return this.#goOnInText(piece, from);
    this.#isInText = false;
    if (this.#state === 'key') this.#endKey(piece, quote + 1);
    if (this.#state === 'text') this.#endValue(piece, quote + 1);
    return quote + 1;
  }

  /** The text goes on in the next piece. */
  #goOnInText(piece: Buffer, from: number): number {
    this.#isInText = true;
    this.#isEscaped = isEscaped(piece, from, piece.length);
    return piece.length;
  }

  /** The hot loop: brackets are counted where no text hides them. That each fits its partner nobody asks here. */
  #skipNested(piece: Buffer, start: number): number {
    let depth = this.#depth;
    let at = start;
    while (depth > 0 && at < piece.length) {
      const byte = piece[at] ?? 0;
      at += 1;
      if (byte === QUOTE) {
        const quote = closingQuote(piece, at);
        at = quote === -1 ? this.#goOnInText(piece, at) : quote + 1;
      } else if ((byte | BRACE_BIT) === OPEN_BRACE) depth += 1;
      else if ((byte | BRACE_BIT) === CLOSE_BRACE) depth -= 1;
    }
    this.#depth = depth;
    if (depth === 0) this.#endValue(piece, at);
    return at;
  }

  #endKey(piece: Buffer, end: number): void {
    this.#keepRun(piece, end);
    this.#keptFrom = end;
    this.#state = 'colon';
    if (!isBody(this.#key)) return;
    this.#bodies += 1;
    this.#keptFrom = undefined;
    this.#keptBytes = this.#member;
  }

  #endValue(piece: Buffer, end: number): void {
    if (this.#keptFrom !== undefined) this.#keepRun(piece, end);
    this.#keptFrom = undefined;
    this.#state = 'behind value';
  }

  /** What of the piece is to be kept, up to `end`. */
  #keepRun(piece: Buffer, end: number): void {
    const from = this.#keptFrom ?? end;
    if (this.#state === 'key' && this.#key.length <= KEY_BYTES) {
      this.#key += piece.toString('latin1', from, Math.min(end, from + KEY_BYTES + 1));
    }
    this.#keep(piece.subarray(from, end));
  }

  #keep(bytes: Buffer): void {
    const needed = this.#keptBytes + bytes.length;
    if (needed > this.#maxBytes) this.#isTooLong = true;
    if (this.#isTooLong) {
      this.#kept = Buffer.alloc(0);
      return;
    }
    if (needed > this.#kept.length) this.#enlarge(needed);
    bytes.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = needed;
  }

  #enlarge(needed: number): void {
    const bytes = Math.min(this.#maxBytes, Math.max(needed, 2 * this.#kept.length));
    const larger = Buffer.allocUnsafe(bytes);
    this.#kept.copy(larger, 0, 0, this.#keptBytes);
    this.#kept = larger;
  }
}

/** @param key with its quotes, a byte a character. */
function isBody(key: string): boolean {
  if (key.length > KEY_BYTES) return false;
  const names: readonly unknown[] = BODIES;
  return names.includes(parsed(key));
}

/** A key that is none the core finds in what is kept. */
function parsed(key: string): unknown {
  try {
    return JSON.parse(key);
  } catch {
    return undefined;
  }
}

/** Also what may not stand at its beginning. */
function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || isSpace(byte);
}
