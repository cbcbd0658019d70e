/**
 * One value of JSON with all that is in it to MessagePack, in one pass that also validates (RFC 8259). Of events it
 * knows that the members at the top are fields.
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
import { endMember, noteText, noteValue } from './members';
import {
  ARRAY_16,
  FIXARRAY,
  FIXSTR,
  HEAD_16_BYTES,
  LONGER_HEAD_BYTES,
  MAP_16,
  MAX_16,
  put16,
  put32,
  putMapHeader,
  TO_32,
} from './msgpack';
import { putScalar, scalarEnd } from './scalar';
import { putText, stops, textEnd, textStart } from './text';

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
/** How many members the outermost container has, without those that were left out. */
export let topCount: u32 = 0;

/**
 * Encodes the value that begins at `start` (white space is no beginning), to `to` and behind.
 *
 * There must be a newline behind the bytes: it is what ends a value that does not end by itself. A value of n bytes
 * takes 3n + 3 at any time, and steps of a vector reach a little further: each byte brings three, and the last value
 * may be three ahead of them until a comma or the end of its container follows. A scalar of n bytes takes 3(n + 1) at
 * most: the worst is `-0`, whose two bytes become nine. A container's beginning brings the three of its head. Its end
 * brings three more, of which a head of five bytes takes two.
 *
 * @param added so many members the caller writes behind those of the outermost map: they are counted in its head.
 * @returns the place behind the value, or 0 when it is none; then what stands behind `to` means nothing.
 */
export function putValue(start: usize, to: usize, added: u32): usize {
  let at = start;
  let out = to;
  let depth = 0;
  let isKey = false;
  // Of the innermost container.
  let head: usize = 0;
  let count: u32 = 0;
  let closer: u8 = 0;
  while (true) {
    const byte = load<u8>(at);
    if (byte === QUOTE) {
      const quote = at;
      const bytes = v128.load(at, 1);
      const length = <usize>ctz(stops(bytes) | NO_STOP);
      let text = out + 1;
      let end = text + length;
      if (load<u8>(at + length, 1) === QUOTE && length < VECTOR_BYTES) {
        // A short text, as nearly all are, is copied as it was read.
        store<u8>(out, FIXSTR | (<u8>length));
        v128.store(out, bytes, 1);
        at += length + 2;
      } else {
        at = putText(at + 1, out);
        if (at === 0) return 0;
        text = textStart;
        end = textEnd;
      }
      if (depth === 1) noteText(isKey, quote, out, text, end);
      out = end;
      if (isKey) {
        at = behindColon(at);
        if (at === 0) return 0;
        if (depth === 1) noteValue(at, out);
        isKey = false;
        continue;
      }
    } else if (isKey) {
      return 0;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) return 0;
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
      out = putEmpty(out, byte, depth === 0 ? added : 0);
    } else {
      at = putScalar(at, out);
      if (at === 0) return 0;
      out = scalarEnd;
    }
    // A value has ended: so may the containers around it, until one goes on behind a comma.
    while (true) {
      if (depth === 0) {
        valueEnd = out;
        return at;
      }
      if (depth === 1) {
        const kept = endMember(at, out);
        if (kept !== out) count -= 1;
        out = kept;
      }
      if (load<u8>(at) <= SPACE) at = skipSpace(at);
      const separator = load<u8>(at);
      at += 1;
      if (separator === COMMA) break;
      if (separator !== closer) return 0;
      depth -= 1;
      if (depth === 0) {
        topCount = count;
        count += added;
      }
      out = putHead(head, closer, count, out);
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

/** Writes a container's head, now that its members are counted. @returns the place behind the container. */
function putHead(head: usize, closer: u8, count: u32, out: usize): usize {
  const kind = closer === CLOSE_BRACE ? MAP_16 : ARRAY_16;
  if (count <= MAX_16) {
    put16(head, kind, <u16>count);
    return out;
  }
  const first = head + HEAD_16_BYTES;
  memory.copy(first + LONGER_HEAD_BYTES, first, out - first);
  put32(head, kind + TO_32, count);
  return out + LONGER_HEAD_BYTES;
}

/** @param added what will be written into it later. */
function putEmpty(at: usize, opener: u8, added: u32): usize {
  topCount = 0;
  if (opener === OPEN_BRACE) return putMapHeader(at, added);
  store<u8>(at, FIXARRAY);
  return at + 1;
}

/** The place of the value behind `:`, with white space around it; 0 when there is no colon. */
function behindColon(start: usize): usize {
  let at = start;
  if (load<u8>(at) <= SPACE) at = skipSpace(at);
  if (load<u8>(at) !== COLON) return 0;
  at += 1;
  return load<u8>(at) <= SPACE ? skipSpace(at) : at;
}
