/**
 * Goes through a value, finds the places that are wanted, and says what is to be changed. It goes only as deep as the
 * places are; what lies beside them is passed over. Pure.
 */
import {
  BRACE_BIT,
  decodedText,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  valueEnd,
  walkElements,
  walkMembers,
  type FoundMember,
} from '../json-bytes.ts';
import { edited, withoutMember, type Edit } from './edits.ts';
import type { Findings } from './findings.ts';
import { pointersOf, wantedOf } from './json-patch.ts';
import type { Marks } from './marks.ts';
import { element, member, type Places } from './place.ts';

/** `null`: there is nothing to redact, and nothing to go through. */
const LETTER_N = 0x6e;
/** JSON in a text in JSON, and so on: kube-apiserver and kubectl write one level, or two. */
const MAX_TEXT_DEPTH = 4;

export class Seeker {
  readonly #bytes: Buffer;
  readonly #marks: Marks;
  readonly #findings: Findings;
  readonly #textDepth: number;
  /** Inside of an operation of a JSON patch, whose value is no JSON patch itself. */
  #isInPatch = false;
  readonly edits: Edit[] = [];

  constructor(bytes: Buffer, marks: Marks, findings: Findings, textDepth = 0) {
    this.#bytes = bytes;
    this.#marks = marks;
    this.#findings = findings;
    this.#textDepth = textDepth;
  }

  /** @param at where the value begins. @returns the place behind it. */
  value(at: number, places: Places): number {
    const byte = this.#bytes[at] ?? 0;
    if (places.length === 0 || byte === LETTER_N) return valueEnd(this.#bytes, at);
    if (places.some(({ action }) => action === 'redact')) return this.#redact(at);
    if (byte === QUOTE) return this.#text(at, places);
    const isContainer = (byte | BRACE_BIT) === OPEN_BRACE;
    if (!isContainer && places.some(({ shape }) => shape !== undefined)) return this.#redact(at);
    if (byte === OPEN_BRACE) return this.#object(at, places);
    return byte === OPEN_BRACKET ? this.#array(at, places) : valueEnd(this.#bytes, at);
  }

  #redact(at: number): number {
    const end = valueEnd(this.#bytes, at);
    const text = this.#marks.forValue(this.#bytes, at, end);
    if (text === undefined) return end;
    this.edits.push({ start: at, end, text });
    this.#findings.add();
    return end;
  }

  #object(at: number, places: Places): number {
    let kept: number | undefined;
    return walkMembers(this.#bytes, at, (found) => {
      const key = this.#keyOf(found);
      const inner = member(places, key);
      if (inner.some(({ action }) => action === 'remove')) {
        const end = valueEnd(this.#bytes, found.value);
        this.edits.push(withoutMember(this.#bytes, found.key, end, kept));
        if (kept !== undefined) kept = end;
        return end;
      }
      kept = this.#below(key, found.value, inner);
      return kept;
    });
  }

  #array(at: number, places: Places): number {
    const bodies = places.filter(({ isBody }) => isBody);
    if (bodies.length > 0 && !this.#isInPatch) return this.#patch(at, bodies);
    if (places.some(({ shape }) => shape === 'object')) return this.#redact(at);
    const inner = element(places);
    if (inner.length === 0) return valueEnd(this.#bytes, at);
    return walkElements(this.#bytes, at, (start) => this.#below(undefined, start, inner));
  }

  /** The value behind a key, or, without one, an element. */
  #below(key: string | undefined, at: number, places: Places): number {
    this.#findings.enter(key);
    const end = this.value(at, places);
    this.#findings.leave();
    return end;
  }

  /** A JSON patch (RFC 6902): an array of operations. */
  #patch(at: number, bodies: Places): number {
    this.#isInPatch = true;
    const end = walkElements(this.#bytes, at, (start) => this.#operation(start, bodies));
    this.#isInPatch = false;
    return end;
  }

  #operation(at: number, bodies: Places): number {
    if (this.#bytes[at] !== OPEN_BRACE) return this.#below(undefined, at, bodies);
    const isStrict = bodies.some(({ shape }) => shape !== undefined);
    const pointers = pointersOf(this.#bytes, at);
    this.#findings.enter(undefined);
    const end = walkMembers(this.#bytes, at, (found) => {
      const key = this.#keyOf(found);
      return this.#below(key, found.value, wantedOf(key, bodies, pointers, isStrict));
    });
    this.#findings.leave();
    return end;
  }

  /** A string, which may be JSON, or where something else should stand. */
  #text(at: number, places: Places): number {
    const inner = places.flatMap(({ text }) => text ?? []);
    if (inner.length > 0) return this.#jsonInText(at, inner);
    const isOdd = places.some(({ shape }) => shape !== undefined);
    return isOdd ? this.#redact(at) : valueEnd(this.#bytes, at);
  }

  /** What is no JSON, where JSON should be, is redacted whole. */
  #jsonInText(at: number, places: Places): number {
    const end = valueEnd(this.#bytes, at);
    const json = decodedText(this.#bytes, at, end);
    if (this.#textDepth >= MAX_TEXT_DEPTH || !isJson(json)) return this.#redact(at);
    const inner = Buffer.from(json);
    const seeker = new Seeker(inner, this.#marks, this.#findings, this.#textDepth + 1);
    seeker.value(skipSpace(inner, 0), places);
    if (seeker.edits.length === 0) return end;
    const text = edited(inner, 0, inner.length, seeker.edits).toString();
    this.edits.push({ start: at, end, text: JSON.stringify(text) });
    return end;
  }

  #keyOf({ key, keyEnd }: FoundMember): string {
    return decodedText(this.#bytes, key, keyEnd);
  }
}

/** The core judges lines only; this may be of several, as kubectl writes it. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
