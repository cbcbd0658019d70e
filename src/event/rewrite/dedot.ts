/**
 * Keys without dots, for search engines that take a dot for a step into an object: `a.b` becomes `a_b`, wherever it
 * stands. No member is lost: where `a_b` is there already it becomes `a_b_2`. Pure.
 */
import {
  BACKSLASH,
  BRACE_BIT,
  CLOSE_BRACE,
  closingQuote,
  COMMA,
  decodedText,
  OPEN_BRACE,
  QUOTE,
} from '../json-bytes.ts';
import { edited, type Edit } from './edits.ts';

const DOT = 0x2e;
const UNDERSCORE = 0x5f;
/** The first key of a name needs no number. */
const FIRST_NUMBER = 2;

/** A key with its quotes. */
interface Key {
  readonly start: number;
  readonly end: number;
}

/** An object or a list that is open. */
interface Frame {
  readonly isObject: boolean;
  /** Keys that are to be changed, and keys that may be in the way of what they become. */
  dotted: Key[] | undefined;
  taken: Key[] | undefined;
}

/** @param line one JSON object. @returns the same buffer when no key has a dot. */
export function dedotted(line: Buffer): Buffer {
  const edits = new Dedotter(line).edits();
  if (edits.length === 0) return line;
  return edited(
    line,
    0,
    line.length,
    edits.sort((one, other) => one.start - other.start),
  );
}

/** Goes through a line once, however deep it is. */
class Dedotter {
  readonly #line: Buffer;
  readonly #edits: Edit[] = [];
  readonly #open: Frame[] = [];

  constructor(line: Buffer) {
    this.#line = line;
  }

  edits(): Edit[] {
    let isKeyNext = false;
    for (let at = 0; at < this.#line.length; at += 1) {
      const byte = this.#line[at] ?? 0;
      if (byte === QUOTE) {
        const end = this.#textEnd(at);
        if (isKeyNext) this.#note({ start: at, end });
        isKeyNext = false;
        at = end - 1;
      } else if ((byte | BRACE_BIT) === OPEN_BRACE) {
        isKeyNext = byte === OPEN_BRACE;
        this.#open.push({ isObject: isKeyNext, dotted: undefined, taken: undefined });
      } else if ((byte | BRACE_BIT) === CLOSE_BRACE) {
        this.#close(this.#open.pop());
      } else if (byte === COMMA) {
        isKeyNext = this.#open.at(-1)?.isObject === true;
      }
    }
    return this.#edits;
  }

  #textEnd(start: number): number {
    const quote = closingQuote(this.#line, start + 1);
    if (quote === -1) throw new Error('a text has no end');
    return quote + 1;
  }

  #note(key: Key): void {
    const frame = this.#open.at(-1);
    if (frame === undefined) return;
    const raw = this.#line.subarray(key.start, key.end);
    const isEscaped = raw.includes(BACKSLASH);
    const text = isEscaped ? decodedText(raw, 0, raw.length) : undefined;
    const has = (byte: number): boolean =>
      text === undefined ? raw.includes(byte) : text.includes(String.fromCharCode(byte));
    if (has(DOT)) (frame.dotted ??= []).push(key);
    else if (has(UNDERSCORE)) (frame.taken ??= []).push(key);
  }

  #close(frame: Frame | undefined): void {
    if (frame?.dotted === undefined) return;
    const taken = new Set(frame.taken?.map((key) => this.#textOf(key)));
    const numbers = new Map<string, number>();
    for (const key of frame.dotted) {
      const name = this.#textOf(key).replaceAll('.', '_');
      const free = freeName(name, taken, numbers);
      taken.add(free);
      this.#edits.push({ ...key, text: JSON.stringify(free) });
    }
  }

  #textOf({ start, end }: Key): string {
    return decodedText(this.#line, start, end);
  }
}

/** @param numbers the next one for each name: however often a key stands there, none is tried twice. */
function freeName(name: string, taken: ReadonlySet<string>, numbers: Map<string, number>): string {
  if (!taken.has(name)) return name;
  let number = numbers.get(name) ?? FIRST_NUMBER;
  while (taken.has(`${name}_${number}`)) number += 1;
  numbers.set(name, number + 1);
  return `${name}_${number}`;
}
