/**
 * What one line is: an event, several glued together by a crash, or no event at all. Pure; it changes no byte.
 */
import { isUtf8 } from 'node:buffer';
import { judgeJson } from './json.ts';

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

/**
 * Takes one line apart: bytes [start, end) of the buffer, without the newline. A line that is one JSON object
 * is one event and nothing else; a blank line, or a hole of NULs, is nothing at all.
 */
export function piecesOf(buffer: Buffer, start: number, end: number): readonly Piece[] {
  const verdict = judge(buffer, start, end);
  if (verdict === 'object') return [{ kind: 'event', start, end }];
  if (isBlank(buffer, start, end)) return [];
  const from = skipNuls(buffer, start, end);
  const to = trimNuls(buffer, from, end);
  if (from > start || to < end) return piecesOf(buffer, from, to);
  return split(buffer, start, end) ?? [{ kind: 'invalid', start, end, reason: verdict }];
}

/** Whether bytes [start, end) are one event and nothing else: the question that most lines answer with yes. */
export function isEvent(buffer: Buffer, start: number, end: number): boolean {
  return judge(buffer, start, end) === 'object';
}

/** Whether bytes are one JSON object (RFC 8259), or why not. */
function judge(buffer: Buffer, start: number, end: number): 'object' | InvalidReason {
  if (!isUtf8(buffer.subarray(start, end))) return 'not-utf8';
  return REASONS[judgeJson(buffer, start, end)];
}

const REASONS = { object: 'object', other: 'not-an-object', invalid: 'not-json' } as const;

/**
 * A torn line with a whole event glued to it (a crash in the middle of a write, then a restart that appends):
 * what stands before the event is torn, or is itself an event that lost only its newline.
 */
function split(buffer: Buffer, start: number, end: number): readonly Piece[] | undefined {
  const line = buffer.subarray(start, end);
  let at = line.lastIndexOf(EVENT_START);
  for (let tries = 0; at > 0 && tries < MAX_SPLITS; tries++) {
    if (judge(buffer, start + at, end) === 'object') {
      const torn = tornPieces(buffer, start, trimNuls(buffer, start, start + at));
      return [...torn, { kind: 'event', start: start + at, end }];
    }
    at = line.lastIndexOf(EVENT_START, at - 1);
  }
  return undefined;
}

/** It is not taken apart any further: what looks like an event at its end stands in the body of a torn one. */
function tornPieces(buffer: Buffer, start: number, end: number): readonly Piece[] {
  if (isBlank(buffer, start, end)) return [];
  if (judge(buffer, start, end) === 'object') return [{ kind: 'event', start, end }];
  return [{ kind: 'invalid', start, end, reason: 'torn' }];
}

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
