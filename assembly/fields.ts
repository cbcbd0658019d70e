/**
 * The index of an event's top-level fields: where each stands that was asked for. Whoever asks gives the names, and
 * calls fields by the order in which they were given. A key that comes twice is the last one, as for JSON.parse.
 */

/** So many bits has a set of fields. */
export const MAX_FIELDS: i32 = 32;
/** Names of 4 to 24 bytes, four of each length: what the audit event needs. */
const MIN_NAME_BYTES: usize = 4;
const MAX_NAME_BYTES: usize = 24;
const NAMES_PER_LENGTH: usize = 4;
export const NO_FIELD: i32 = -1;

/** Three words that tell a name of a known length, and its field. */
const NAME_BYTES: usize = 32;
const NAMES_BYTES: usize = NAME_BYTES * NAMES_PER_LENGTH;
const names: usize = memory.data(<i32>(NAMES_BYTES * (MAX_NAME_BYTES + 1)), 16);
/** Key, value, and end of the value: offsets of the field's member; then where the value was written. */
const PLACE_BYTES: usize = 16;
const places: usize = memory.data(MAX_FIELDS * <i32>PLACE_BYTES, 16);

let known: i32 = 0;
/** The fields that the event has, and those of them whose key came more than once. */
export let present: u32 = 0;
export let repeated: u32 = 0;

/** Where the places of the first field stand; the next ones follow, 16 bytes each. */
export function placesOfFields(): usize {
  return places;
}

/** Makes a name known. @returns its field, or NO_FIELD where there is no room for it. */
export function addField(name: usize, length: usize): i32 {
  if (length < MIN_NAME_BYTES || length > MAX_NAME_BYTES || known === MAX_FIELDS) return NO_FIELD;
  const first = names + NAMES_BYTES * length;
  for (let at = first; at < first + NAMES_BYTES; at += NAME_BYTES) {
    // The field is kept with one added: 0 is a free place.
    if (load<i32>(at, 24) !== 0) continue;
    store<u64>(at, firstWord(name, length));
    store<u64>(at, middleWord(name, length), 8);
    store<u64>(at, lastWord(name, length), 16);
    store<i32>(at, known + 1, 24);
    return known++;
  }
  return NO_FIELD;
}

export function fieldOf(name: usize, length: usize): i32 {
  if (length < MIN_NAME_BYTES || length > MAX_NAME_BYTES) return NO_FIELD;
  let at = names + NAMES_BYTES * length;
  const end = at + NAMES_BYTES;
  const word = firstWord(name, length);
  for (; at < end; at += NAME_BYTES) {
    if (
      load<u64>(at) === word &&
      load<u64>(at, 8) === middleWord(name, length) &&
      load<u64>(at, 16) === lastWord(name, length)
    ) {
      return load<i32>(at, 24) - 1;
    }
  }
  return NO_FIELD;
}

export function firstWord(name: usize, length: usize): u64 {
  const word = load<u64>(name);
  return length < 8 ? word & (((<u64>1) << (8 * length)) - 1) : word;
}

function middleWord(name: usize, length: usize): u64 {
  return length > 16 ? load<u64>(name, 8) : 0;
}

function lastWord(name: usize, length: usize): u64 {
  return length > 8 ? load<u64>(name + length - 8) : 0;
}

export function forgetFields(): void {
  present = 0;
  repeated = 0;
}

/** @param key where the member begins, and @param end where it ends. @param written where its value was written. */
export function noteField(field: i32, key: usize, value: usize, end: usize, written: usize): void {
  const place = places + <usize>field * PLACE_BYTES;
  repeated |= present & (1 << field);
  present |= 1 << field;
  store<u32>(place, <u32>key);
  store<u32>(place, <u32>value, 4);
  store<u32>(place, <u32>end, 8);
  store<u32>(place, <u32>written, 12);
}

/** A field's place, of an event that has it. */
export function placeOf(field: i32): v128 {
  return v128.load(places + <usize>field * PLACE_BYTES);
}

/** Notes a field that the event did not have. */
export function putPlace(field: i32, place: v128): void {
  present |= 1 << field;
  v128.store(places + <usize>field * PLACE_BYTES, place);
}

/** Where the field's value was written, in MessagePack; 0 when the event has none. */
export function writtenOf(field: i32): usize {
  if (((present >>> field) & 1) === 0) return 0;
  return load<u32>(places + <usize>field * PLACE_BYTES, 12);
}
