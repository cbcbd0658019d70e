/**
 * What a line is that is not one event: several glued together by a crash, nothing, or no event at all. Pure; it
 * changes no byte.
 */
import { isUtf8 } from 'node:buffer';
import type { Verdict } from './core.ts';

const NUL = 0;
/** NUL, tab, carriage return, blank. */
const BLANKS: ReadonlySet<number | undefined> = new Set([NUL, 0x09, 0x0d, 0x20]);
/** How kube-apiserver begins every event (FIELD.md); where a torn line ends and the next one begins. */
const EVENT_START = Buffer.from('{"kind":"Event","apiVersion":"audit.k8s.io/');
/** How many beginnings are tried in one broken line. A line is glued once per crash; bodies may hold more. */
const MAX_SPLITS = 64;

/** Why a line is no event; bounded, since it becomes a label. */
export type InvalidReason = 'not-json' | 'not-an-object' | 'not-utf8' | 'torn' | 'too-long';

/** A piece of a line: bytes [start, end) of the buffer it was found in. */
export type Piece =
  | { readonly kind: 'event'; readonly start: number; readonly end: number }
  | {
      readonly kind: 'invalid';
      readonly start: number;
      readonly end: number;
      readonly reason: InvalidReason;
    };

/** Says what UTF-8 without a newline is. */
export type Judge = (bytes: Uint8Array) => Verdict;

type Judgement = 'object' | InvalidReason;

/**
 * Takes one line apart: bytes [start, end) of the buffer, without the newline. A line that is one JSON object
 * is one event and nothing else; a blank line, or a hole of NULs, is nothing at all.
 */
export function piecesOf(
  buffer: Buffer,
  start: number,
  end: number,
  judge: Judge,
): readonly Piece[] {
  return new Line(buffer, judge).pieces(start, end);
}

/** A line with its judge. All of its offsets count from the buffer's beginning. */
class Line {
  readonly #buffer: Buffer;
  readonly #judge: Judge;

  constructor(buffer: Buffer, judge: Judge) {
    this.#buffer = buffer;
    this.#judge = judge;
  }

  pieces(start: number, end: number): readonly Piece[] {
    const buffer = this.#buffer;
    if (isBlank(buffer, start, end)) return [];
    const verdict = this.#judged(start, end);
    if (verdict === 'object') return [{ kind: 'event', start, end }];
    const from = skipNuls(buffer, start, end);
    const to = trimNuls(buffer, from, end);
    if (from > start || to < end) return this.pieces(from, to);
    return this.#split(start, end) ?? [{ kind: 'invalid', start, end, reason: verdict }];
  }

  /** Whether bytes are one JSON object (RFC 8259), or why not. */
  #judged(start: number, end: number): Judgement {
    const bytes = this.#buffer.subarray(start, end);
    return isUtf8(bytes) ? REASONS[this.#judge(bytes)] : 'not-utf8';
  }

  /**
   * A torn line with a whole event glued to it (a crash in the middle of a write, then a restart that appends):
   * what stands before the event is torn, or is itself an event that lost only its newline.
   */
  #split(start: number, end: number): readonly Piece[] | undefined {
    const line = this.#buffer.subarray(start, end);
    let at = line.lastIndexOf(EVENT_START);
    for (let tries = 0; at > 0 && tries < MAX_SPLITS; tries++) {
      if (this.#judged(start + at, end) === 'object') {
        const torn = this.#torn(start, trimNuls(this.#buffer, start, start + at));
        return [...torn, { kind: 'event', start: start + at, end }];
      }
      at = line.lastIndexOf(EVENT_START, at - 1);
    }
    return undefined;
  }

  /** It is not taken apart any further: what looks like an event at its end stands in the body of a torn one. */
  #torn(start: number, end: number): readonly Piece[] {
    if (isBlank(this.#buffer, start, end)) return [];
    if (this.#judged(start, end) === 'object') return [{ kind: 'event', start, end }];
    return [{ kind: 'invalid', start, end, reason: 'torn' }];
  }
}

const REASONS = { object: 'object', other: 'not-an-object', invalid: 'not-json' } as const;

function isBlank(buffer: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (!BLANKS.has(buffer[index])) return false;
  return true;
}

function skipNuls(buffer: Buffer, start: number, end: number): number {
  let index = start;
  while (index < end && buffer[index] === NUL) index++;
  return index;
}

function trimNuls(buffer: Buffer, start: number, end: number): number {
  let index = end;
  while (index > start && buffer[index - 1] === NUL) index--;
  return index;
}
