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
import { Edited, type Edit } from './edits.ts';

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

/** Bytes [start, end) are one JSON object. */
export function dedotted(bytes: Buffer, start: number, end: number): Edited {
  const edits = new Dedotter(bytes).edits(start, end);
  edits.sort((one, other) => one.start - other.start);
  return new Edited(bytes, start, end, edits);
}

/** Goes through a line once, however deep it is. */
class Dedotter {
  readonly #line: Buffer;
  readonly #edits: Edit[] = [];
  readonly #open: Frame[] = [];

  constructor(line: Buffer) {
    this.#line = line;
  }

  edits(start: number, behind: number): Edit[] {
    let isKeyNext = false;
    for (let at = start; at < behind; at += 1) {
      const byte = this.#line[at] ?? 0;
      if (byte === QUOTE) {
        const end = this.#textEnd(at);
        if (isKeyNext) this.#note(at, end);
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

  #note(start: number, end: number): void {
    const frame = this.#open.at(-1);
    if (frame === undefined) return;
    let hasDot = false;
    let hasUnderscore = false;
    for (let at = start + 1; at < end - 1; at++) {
      const byte = this.#line[at];
      if (byte === DOT) hasDot = true;
      else if (byte === UNDERSCORE) hasUnderscore = true;
      else if (byte === BACKSLASH) {
        const text = this.#textOf({ start, end });
        hasDot = text.includes('.');
        hasUnderscore = text.includes('_');
        break;
      }
    }
    if (hasDot) (frame.dotted ??= []).push({ start, end });
    else if (hasUnderscore) (frame.taken ??= []).push({ start, end });
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
