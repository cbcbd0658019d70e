/**
 * Keys that came before. Events have the same keys in the same order, so that the next key is guessed from the last
 * few: one comparison takes the place of reading it, and what is written for it is there already. A guess is never more
 * than that: what is written does not depend on it.
 */
import { COLON, MIX, VECTOR_BYTES } from './bytes';
import { fieldOf, firstWord } from './fields';
import { FIXSTR, MIN_STR_8, STR_8 } from './msgpack';

/** Of a key: `"key":` and what is written for it, up to 48 bytes each, as the longest annotations of Kubernetes need. */
const RAW_BYTES: usize = 3 * VECTOR_BYTES;
const WRITTEN: usize = RAW_BYTES;
/** Then a bit for each byte that is not of it (all are of none, so that a free place is like no key); its lengths. */
const UNUSED: usize = 2 * RAW_BYTES;
const RAW_LENGTH: usize = UNUSED + 8;
const WRITTEN_LENGTH: usize = UNUSED + 12;
const FIELD: usize = UNUSED + 16;
/** What of it goes into the context. */
const NAME: usize = UNUSED + 20;
const KEY_BYTES: usize = 128;
/** A colon and two quotes. */
const AROUND: usize = 3;
const ALL_BYTES: u64 = ((<u64>1) << RAW_BYTES) - 1;

/** By a hash of the key; a newer one takes the place of an older one. */
const KEYS: usize = 1024;
const keys: usize = memory.data(<i32>(KEYS * KEY_BYTES), 16);
/** The topmost bits of a hash are the best ones. */
const HASH_SHIFT: u64 = 54;

/** The key that came last in each context, which is what is left of the last three keys. */
const CONTEXTS: u32 = 4096;
const SHIFT: u32 = 4;
const guesses: usize = memory.data(<i32>(4 * CONTEXTS), 16);

/** Before an event there is none; it goes on through all that is nested. */
export let context: u32 = 0;

export function setContext(value: u32): void {
  context = value;
}

/** The key that is likely to come next. Where none is known it is one that only NULs match, which no value follows. */
export function guess(after: u32): usize {
  const known = <usize>load<u32>(guesses + 4 * <usize>after);
  return known === 0 ? keys : known;
}

/** Whether the key stands there. */
export function isThere(known: usize, at: usize): bool {
  const first = sameBytes(known, at);
  const second = sameBytes(known + VECTOR_BYTES, at + VECTOR_BYTES);
  const third = sameBytes(known + 2 * VECTOR_BYTES, at + 2 * VECTOR_BYTES);
  return (first | (second << 16) | (third << 32) | load<u64>(known, UNUSED)) === ALL_BYTES;
}

/** A bit for each. */
function sameBytes(one: usize, other: usize): u64 {
  return <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(one), v128.load(other))));
}

export function rawLength(known: usize): usize {
  return load<u32>(known, RAW_LENGTH);
}

/** Writes the key; what stands behind it is written over. @returns the place behind it. */
export function putKnown(known: usize, out: usize): usize {
  v128.store(out, v128.load(known, WRITTEN));
  v128.store(out, v128.load(known, WRITTEN + VECTOR_BYTES), VECTOR_BYTES);
  v128.store(out, v128.load(known, WRITTEN + 2 * VECTOR_BYTES), 2 * VECTOR_BYTES);
  return out + load<u32>(known, WRITTEN_LENGTH);
}

export function knownField(known: usize): i32 {
  return load<i32>(known, FIELD);
}

/** The context behind a key. */
export function behindKey(before: u32, known: usize): u32 {
  return ((before << SHIFT) ^ load<u32>(known, NAME)) & (CONTEXTS - 1);
}

/**
 * Learns the key that came in this context. One with an escape, of many bytes, or with white space before the colon is
 * read each time.
 * @param quote where it begins. @param after where it ends. @param out where it was written.
 * @returns the context behind it.
 */
export function learn(before: u32, quote: usize, after: usize, out: usize, end: usize): u32 {
  const raw = after + 1 - quote;
  const length = raw - AROUND;
  const head: u8 = length < MIN_STR_8 ? FIXSTR | (<u8>length) : STR_8;
  if (raw > RAW_BYTES || load<u8>(out) !== head || load<u8>(after) !== COLON) return before;
  const word = firstWord(quote + 1, length) ^ (length < 8 ? 0 : load<u64>(after - 8));
  const name = <u32>(((word ^ length) * MIX) >> HASH_SHIFT);
  const known = keys + KEY_BYTES * <usize>name;
  if (!isThere(known, quote)) keep(known, name, quote, raw, out, end);
  store<u32>(guesses + 4 * <usize>before, <u32>known);
  return behindKey(before, known);
}

function keep(known: usize, name: u32, quote: usize, raw: usize, out: usize, end: usize): void {
  for (let at: usize = 0; at < RAW_BYTES; at += VECTOR_BYTES) {
    v128.store(known + at, v128.load(quote + at));
    v128.store(known + at, v128.load(out + at), WRITTEN);
  }
  store<u64>(known, ALL_BYTES ^ (((<u64>1) << raw) - 1), UNUSED);
  store<u32>(known, <u32>raw, RAW_LENGTH);
  store<u32>(known, <u32>(end - out), WRITTEN_LENGTH);
  store<i32>(known, fieldOf(quote + 1, raw - AROUND), FIELD);
  store<u32>(known, name, NAME);
}
