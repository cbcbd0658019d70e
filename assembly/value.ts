/**
 * One value of JSON with all that is in it to MessagePack, in one pass that also validates (RFC 8259).
 *
 * This is the hot path: what is used at every token is in local variables, and nothing is called for a short text.
 */
import {
  CLOSE_BRACE,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  SPACE,
  VECTOR_BYTES,
} from './bytes';
import { behindKey, context, guess, isThere, learn, putKnown, rawLength, setContext } from './keys';
import {
  ARRAY_16,
  FIXARRAY,
  FIXMAP,
  FIXSTR,
  HEAD_16_BYTES,
  LONGER_HEAD_BYTES,
  MAP_16,
  MAX_16,
  put16,
  put32,
  TO_32,
} from './msgpack';
import { putScalar, scalarEnd } from './scalar';
import { putText, stops, textEnd } from './text';

/** As deep as Go's encoding/json goes, with which kube-apiserver reads what it logs (scanner.go, maxNestingDepth). */
const MAX_DEPTH: i32 = 10_000;
/** From the byte that opens a container to the one that closes it, for both kinds. */
const TO_CLOSER: u8 = 2;
/** A mark behind those of a vector. */
const NO_STOP: u32 = 1 << (<u32>VECTOR_BYTES);

/** The containers around the innermost one: where the head stands, how many members, which byte closes it. */
const OUTER_BYTES: usize = 12;
const outers: usize = memory.data(<i32>OUTER_BYTES * (MAX_DEPTH + 1), 16);

/** Behind what was written. */
export let valueEnd: usize = 0;

/**
 * Encodes the value that begins at `start` (white space is no beginning), to `to` and behind.
 *
 * There must be a newline behind the bytes: it is what ends a value that does not end by itself. A value of n bytes
 * takes 3n + 3 at any time, and steps of a vector reach a little further: each byte brings three, and the last value
 * may be three ahead of them until a comma or the end of its container follows. A scalar of n bytes takes 3(n + 1) at
 * most: the worst is `-0`, whose two bytes become nine. A container's beginning brings the three of its head. Its end
 * brings three more, of which a head of five bytes takes two.
 *
 * @param around so many containers it stands in.
 * @returns the place behind the value, or 0 when it is none; then what stands behind `to` means nothing.
 */
export function putValue(start: usize, to: usize, around: i32): usize {
  let at = start;
  let out = to;
  let depth = 0;
  let isKey = false;
  // Of the innermost container.
  let head: usize = 0;
  let count: u32 = 0;
  let closer: u8 = 0;
  let keys = context;
  while (true) {
    if (isKey) {
      const known = guess(keys);
      if (isThere(known, at)) {
        at += rawLength(known);
        out = putKnown(known, out);
        keys = behindKey(keys, known);
        isKey = false;
        if (load<u8>(at) <= SPACE) at = skipSpace(at);
      }
    }
    const byte = load<u8>(at);
    if (byte === QUOTE) {
      const quote = at;
      const bytes = v128.load(at, 1);
      const length = <usize>ctz(stops(bytes) | NO_STOP);
      let end = out + 1 + length;
      if (load<u8>(at + length, 1) === QUOTE && length < VECTOR_BYTES) {
        // A short text, as nearly all are, is copied as it was read.
        store<u8>(out, FIXSTR | (<u8>length));
        v128.store(out, bytes, 1);
        at += length + 2;
      } else {
        at = putText(at + 1, out);
        if (at === 0) return 0;
        end = textEnd;
      }
      if (isKey) {
        keys = learn(keys, quote, at, out, end);
        out = end;
        at = behindColon(at);
        if (at === 0) return 0;
        isKey = false;
        continue;
      }
      out = end;
    } else if (isKey) {
      return 0;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth + around === MAX_DEPTH) return 0;
      at = skipSpace(at + 1);
      if (load<u8>(at) !== byte + TO_CLOSER) {
        keepOuter(depth, head, count, closer);
        depth += 1;
        head = out;
        count = 1;
        closer = byte + TO_CLOSER;
        out += HEAD_16_BYTES;
        isKey = byte === OPEN_BRACE;
        continue;
      }
      at += 1;
      store<u8>(out, byte === OPEN_BRACE ? FIXMAP : FIXARRAY);
      out += 1;
    } else {
      at = putScalar(at, out);
      if (at === 0) return 0;
      out = scalarEnd;
    }
    // A value has ended: so may the containers around it, until one goes on behind a comma.
    while (true) {
      if (depth === 0) {
        valueEnd = out;
        setContext(keys);
        return at;
      }
      if (load<u8>(at) <= SPACE) at = skipSpace(at);
      const separator = load<u8>(at);
      at += 1;
      if (separator === COMMA) break;
      if (separator !== closer) return 0;
      depth -= 1;
      out = putHead(head, closer === CLOSE_BRACE ? MAP_16 : ARRAY_16, count, out);
      const outer = outers + <usize>depth * OUTER_BYTES;
      head = load<u32>(outer);
      count = load<u32>(outer, 4);
      closer = load<u8>(outer, 8);
    }
    count += 1;
    if (load<u8>(at) <= SPACE) at = skipSpace(at);
    isKey = closer === CLOSE_BRACE;
  }
}

function keepOuter(depth: i32, head: usize, count: u32, closer: u8): void {
  const outer = outers + <usize>depth * OUTER_BYTES;
  store<u32>(outer, <u32>head);
  store<u32>(outer, count, 4);
  store<u8>(outer, closer, 8);
}

/**
 * Writes a container's head, now that its members are counted.
 * @param kind with 16 bits. @returns the place behind the container.
 */
export function putHead(head: usize, kind: u8, count: u32, out: usize): usize {
  if (count <= MAX_16) {
    put16(head, kind, <u16>count);
    return out;
  }
  const first = head + HEAD_16_BYTES;
  memory.copy(first + LONGER_HEAD_BYTES, first, out - first);
  put32(head, kind + TO_32, count);
  return out + LONGER_HEAD_BYTES;
}

/** The place of the value behind `:`, with white space around it; 0 when there is no colon. */
export function behindColon(start: usize): usize {
  let at = start;
  if (load<u8>(at) <= SPACE) at = skipSpace(at);
  if (load<u8>(at) !== COLON) return 0;
  at += 1;
  return load<u8>(at) <= SPACE ? skipSpace(at) : at;
}
