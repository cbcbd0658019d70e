/**
 * Values that came before. A user, and the annotations of what they do, are the same in event after event: one comparison
 * takes the place of reading such a value, and what is written for it is there already. A value that is the same, byte
 * for byte, is as valid as it was before, and is written as it was before.
 */
import { copyLoosely, isSame, MIX, VECTOR_BYTES } from './bytes';
import { MAX_FIELDS, NO_FIELD } from './fields';
import { context, setContext } from './keys';

/** Longer ones, as they are read or as they are written, are read each time; so are those of less than a vector. */
const MAX_BYTES: usize = 2048;

/** What values are kept in, as they are read and then as they are written; the newest take the place of the oldest. */
const STORE_BYTES: usize = 512 * 1024;
const kept: usize = memory.data(<i32>(STORE_BYTES + 2 * MAX_BYTES + 2 * VECTOR_BYTES), 16);
/** How many bytes were ever put there; more than it holds, so that no value is known at the beginning. */
let total: u64 = STORE_BYTES + 1;

/**
 * Of a value: how many bytes were put there before it, how long it is, how long what is written for it, and the
 * context of keys behind it.
 */
const LENGTH: usize = 8;
const WRITTEN_LENGTH: usize = 10;
const CONTEXT: usize = 12;
const VALUE_BYTES: usize = 16;

/** Two places for each hash; a new value takes the first one, and what was there the second. */
const PAIRS: usize = 2048;
/** The topmost bits of a hash are the best ones. */
const PAIR_SHIFT: u64 = 53;
const values: usize = memory.data(<i32>(2 * PAIRS * VALUE_BYTES), 16);

/**
 * Of a field whose values recur: which bytes of one are hashed; the field with whose value it is likely to change; and,
 * of the value that was recalled or kept last, how many bytes were put there before it.
 */
const HASHED: usize = 0;
const HASHED_END: usize = 4;
const AFTER: usize = 8;
const FOUND: usize = 16;
const FIELD_BYTES: usize = 24;
const fields: usize = memory.data(MAX_FIELDS * <i32>FIELD_BYTES, 16);
let recurring: u32 = 0;
/** What `FOUND` is where nothing is known of the value. */
const UNKNOWN: u64 = 0;

/** Of the value that was looked for: its field, and the places for it. */
let settings: usize = 0;
let pair: usize = 0;

/** Behind what was written. */
export let recalledEnd: usize = 0;

/**
 * Makes a field one whose values recur.
 * @param from which byte of a value on it is hashed, so that what all begin with is left out. @param bytes so many, in
 * steps of a vector; what is behind the value counts as well. @param after field with whose value it is likely to change.
 */
export function addRecurring(field: i32, from: usize, bytes: usize, after: i32): void {
  const place = fields + <usize>field * FIELD_BYTES;
  store<u32>(place, <u32>from, HASHED);
  store<u32>(place, <u32>(from + bytes), HASHED_END);
  store<i32>(place, after, AFTER);
  recurring |= 1 << field;
}

export function isRecurring(field: i32): bool {
  return field !== NO_FIELD && ((recurring >>> field) & 1) !== 0;
}

/** Before an event. */
export function forgetFound(): void {
  for (let rest = recurring; rest !== 0; rest &= rest - 1) {
    store<u64>(fields + <usize>ctz(rest) * FIELD_BYTES, UNKNOWN, FOUND);
  }
}

/** A number that tells the field's value from all others that ever were; 0 where it is too long, or no container. */
export function foundOf(field: i32): u64 {
  return load<u64>(fields + <usize>field * FIELD_BYTES, FOUND);
}

/** Writes the field's value at `start`, if it came before. @returns the place behind it, or 0 where it is not known. */
export function recallValue(field: i32, start: usize, to: usize): usize {
  settings = fields + <usize>field * FIELD_BYTES;
  pair = pairOf(start);
  if (isThere(pair, start)) return putRecalled(pair, start, to);
  const other = pair + VALUE_BYTES;
  return isThere(other, start) ? putRecalled(other, start, to) : 0;
}

/** Keeps the value that `recallValue` has not known. @param written from where to where it was written. */
export function keepValue(start: usize, end: usize, written: usize, writtenEnd: usize): void {
  const length = end - start;
  const writtenLength = writtenEnd - written;
  if (length < VECTOR_BYTES || length > MAX_BYTES || writtenLength > MAX_BYTES) return;
  const place = kept + <usize>(total % STORE_BYTES);
  copyLoosely(place, start, length);
  copyLoosely(place + length, written, writtenLength);
  v128.store(pair, v128.load(pair), VALUE_BYTES);
  store<u64>(pair, total);
  store<u16>(pair, <u16>length, LENGTH);
  store<u16>(pair, <u16>writtenLength, WRITTEN_LENGTH);
  store<u32>(pair, context, CONTEXT);
  store<u64>(settings, total, FOUND);
  total += length + writtenLength;
}

function putRecalled(value: usize, start: usize, to: usize): usize {
  const length = <usize>load<u16>(value, LENGTH);
  const writtenLength = <usize>load<u16>(value, WRITTEN_LENGTH);
  const before = load<u64>(value);
  store<u64>(settings, before, FOUND);
  copyLoosely(to, kept + <usize>(before % STORE_BYTES) + length, writtenLength);
  recalledEnd = to + writtenLength;
  setContext(load<u32>(value, CONTEXT));
  return start + length;
}

/** Whether that value stands there. A free place is like one whose value was written over. */
function isThere(value: usize, start: usize): bool {
  const before = load<u64>(value);
  if (total - before > STORE_BYTES) return false;
  const bytes = kept + <usize>(before % STORE_BYTES);
  return isSame(bytes, start, load<u16>(value, LENGTH));
}

function pairOf(start: usize): usize {
  const after = load<i32>(settings, AFTER);
  let one: u64 = after === NO_FIELD ? UNKNOWN : foundOf(after);
  let other: u64 = 0;
  const end = start + load<u32>(settings, HASHED_END);
  for (let at = start + load<u32>(settings, HASHED); at < end; at += VECTOR_BYTES) {
    one = rotl<u64>((one ^ load<u64>(at)) * MIX, 29);
    other = rotl<u64>((other ^ load<u64>(at, 8)) * MIX, 31);
  }
  return values + 2 * VALUE_BYTES * <usize>(((one ^ other) * MIX) >> PAIR_SHIFT);
}
