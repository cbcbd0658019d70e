/**
 * How events begin: the first members, `kind`, `apiVersion` and `level`, are the same in event after event. One comparison
 * takes the place of reading them, and what is written for them is there already.
 */
import { copyLoosely, isSame, MIX, VECTOR_BYTES } from './bytes';
import { placeOf, present, putPlace } from './fields';
import { context, setContext } from './keys';

/** So many members an opening has. */
export const OPENING_MEMBERS: u32 = 3;

/** Longer ones, as they are read or as they are written, are not kept. */
const MAX_BYTES: usize = 96;
/** What tells openings from each other stands here: the level. */
const HASHED: usize = 48;

/** Of an opening: as it is read, as it is written; the place of each of its fields, counted from where it begins. */
const WRITTEN: usize = MAX_BYTES;
const PLACES: usize = 2 * MAX_BYTES;
const FIELDS: usize = PLACES + <usize>OPENING_MEMBERS * VECTOR_BYTES;
const LENGTH: usize = FIELDS + 4 * <usize>OPENING_MEMBERS;
const WRITTEN_LENGTH: usize = LENGTH + 4;
const CONTEXT: usize = LENGTH + 8;
const OPENING_BYTES: usize = 272;

/** By a hash; a newer one takes the place of an older one. */
const OPENINGS: usize = 8;
const HASH_SHIFT: u64 = 61;
const openings: usize = memory.data(<i32>(OPENINGS * OPENING_BYTES), 16);

/** Behind the opening that was recalled, as it is read and as it is written. */
export let openingEnd: usize = 0;
export let openingOut: usize = 0;

export function forgetOpenings(): void {
  memory.fill(openings, 0, OPENINGS * OPENING_BYTES);
}

/** Writes the members from `start` on, if they came before. @returns whether they did; then their fields are noted. */
export function recallOpening(start: usize, to: usize): bool {
  const opening = openingOf(start);
  const length = <usize>load<u32>(opening, LENGTH);
  if (length === 0 || !isSame(opening, start, length)) return false;
  const writtenLength = <usize>load<u32>(opening, WRITTEN_LENGTH);
  copyLoosely(to, opening + WRITTEN, writtenLength);
  const base = baseOf(start, to);
  for (let index: usize = 0; index < <usize>OPENING_MEMBERS; index++) {
    const place = v128.load(opening + index * VECTOR_BYTES, PLACES);
    putPlace(load<i32>(opening + 4 * index, FIELDS), i32x4.add(place, base));
  }
  setContext(load<u32>(opening, CONTEXT));
  openingEnd = start + length;
  openingOut = to + writtenLength;
  return true;
}

/** Keeps the members in bytes [start, end), which are all that the event has so far: each is a field of its own. */
export function keepOpening(start: usize, end: usize, written: usize, writtenEnd: usize): void {
  const length = end - start;
  const writtenLength = writtenEnd - written;
  if (length < VECTOR_BYTES || length > MAX_BYTES || writtenLength > MAX_BYTES) return;
  if (<u32>popcnt(present) !== OPENING_MEMBERS) return;
  const opening = openingOf(start);
  copyLoosely(opening, start, length);
  copyLoosely(opening + WRITTEN, written, writtenLength);
  const base = baseOf(start, written);
  let index: usize = 0;
  for (let rest = present; rest !== 0; rest &= rest - 1) {
    const field = ctz(rest);
    v128.store(opening + index * VECTOR_BYTES, i32x4.sub(placeOf(field), base), PLACES);
    store<i32>(opening + 4 * index, field, FIELDS);
    index += 1;
  }
  store<u32>(opening, <u32>length, LENGTH);
  store<u32>(opening, <u32>writtenLength, WRITTEN_LENGTH);
  store<u32>(opening, context, CONTEXT);
}

/** What is added to the places of fields where an opening begins: key, value and end, and where the value was written. */
function baseOf(start: usize, written: usize): v128 {
  return i32x4.replace_lane(i32x4.splat(<i32>start), 3, <i32>written);
}

function openingOf(start: usize): usize {
  const hash = (load<u64>(start, HASHED) ^ load<u64>(start, HASHED + 8)) * MIX;
  return openings + OPENING_BYTES * <usize>(hash >> HASH_SHIFT);
}
