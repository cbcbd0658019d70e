/**
 * The subject of an event: what rules ask of it, gathered from what the encoder wrote, one value of MessagePack behind
 * the other. Events with the same subject are treated alike, so that whoever decides can remember what was decided.
 * Whoever asks says of which parts it consists.
 */
import { fieldOf, MAX_FIELDS, NO_FIELD, repeated, writtenOf } from './fields';
import { CASE_BIT, copyLoosely, isDigit, isSameLoosely, MIX, VECTOR_BYTES, ZERO } from './bytes';
import { FALSE, NIL, TRUE } from './msgpack';
import { memberCount } from './event';
import { foundOf } from './recurring';
import { behind, contentEnd, contentStart, membersStart, readMap, readText } from './unpack';

/** Kinds of parts: a field's value; whether there is one that is not null; whether its URI may have a secret. */
const VALUE: i32 = 0;
const PRESENCE: i32 = 1;
const SECRET: i32 = 2;
/** The namespace that a resource's path names, as kube-apiserver reads it; false where it names none. */
const NAMESPACE: i32 = 3;
/** A member of the field's value. */
const MEMBER: i32 = 4;

const MAX_PARTS: i32 = 16;
const PART_BYTES: usize = 12;
const parts: usize = memory.data(MAX_PARTS * <i32>PART_BYTES, 16);
let known: i32 = 0;
/** So many of them, the first ones, are gathered; and so many of these, the first ones again, may be enough. */
let asked: i32 = 0;
export let early: i32 = 0;

/** A subject that is longer has no room: a user in hundreds of groups. */
const MAX_BYTES: usize = 4096;
const subject: usize = memory.data(<i32>(MAX_BYTES + VECTOR_BYTES), 16);
/** Behind what was gathered; 0 where there was no room for it. */
let end: usize = 0;

/** Where the members of a map stand behind its beginning, by their field: start and end, 32 bits each; 0 where there is none. */
const MEMBER_BYTES: usize = 8;
const MEMBERS_BYTES: usize = MAX_FIELDS * <i32>MEMBER_BYTES;
/** Maps that came before have places for them, by a hash of what tells such a map, which stands behind its members. */
const MAP_BYTES: usize = MEMBERS_BYTES + VECTOR_BYTES;
const MAPS: usize = 256;
/** The topmost bits of a hash choose among them. */
const MAP_SHIFT: u64 = 56;
/** Behind them is a place for all others. */
const maps: usize = memory.data(<i32>((MAPS + 1) * MAP_BYTES), 16);
/** The map whose members were noted, 0 where there is none; and the place of its members. */
let noted: usize = 0;
let members: usize = maps;
/** What the encoder moves once it has so many members at the top is not looked for. */
const MAX_MEMBERS: u32 = 0xffff;

const PERCENT: u8 = 0x25;
const EQUALS: u8 = 0x3d;
const QUESTION_MARK: u8 = 0x3f;
const A: u8 = 0x61;
const LETTER_D: u8 = 0x64;
const LETTER_E: u8 = 0x65;
const LETTER_M: u8 = 0x6d;
const LETTER_N: u8 = 0x6e;
const LETTER_T: u8 = 0x74;
const SLASH: u8 = 0x2f;
/** `namespaces/` and the beginnings of paths, as words, whose lowest byte comes first. */
const NAMESPAC: u64 = ((<u64>0x63617073) << 32) | 0x656d616e;
const NAMESPACES_BYTES: usize = 11;
const CES_SLASH: u32 = 0x2f736563;
const SLASH_API_SLASH: u64 = 0x2f6970612f;
const SLASH_APIS_SLASH: u64 = 0x2f736970612f;
const LENGTH_BYTES: usize = 4;
/** How many slashes stand before the resource, with its own: `/api/v1/…`, `/apis/apps/v1/…`. */
const API_SLASHES: i32 = 3;
const APIS_SLASHES: i32 = 4;
/** So many letters a word has; and what makes all of them lower-case ones. */
const LETTERS: usize = 8;
const CASE_BITS: u64 = ((<u64>0x20202020) << 32) | 0x20202020;
/** Names of parameters with secrets end with `token`, `secret`, `command` or `cmd`; as numbers. */
const TOKEN_LETTERS: u64 = 0x746f6b656e;
const SECRET_LETTERS: u64 = 0x736563726574;
const COMMAND_LETTERS: u64 = ((<u64>0x636f6d) << 32) | 0x6d616e64;
const CMD_LETTERS: u64 = 0x636d64;

export function subjectStart(): usize {
  return subject;
}

/**
 * Adds a part. Members of the same field stand behind each other.
 * @param member of the field's value; unused by the other kinds. @returns whether there is room for it.
 */
export function addPart(kind: i32, field: i32, member: i32): bool {
  if (known === MAX_PARTS) return false;
  const part = parts + <usize>known * PART_BYTES;
  store<i32>(part, kind);
  store<i32>(part, field, 4);
  store<i32>(part, member, 8);
  known += 1;
  return true;
}

export function setAsked(partCount: i32, earlyCount: i32): void {
  asked = partCount;
  early = earlyCount;
}

/** Gathers what is asked first of the event that was written last. @returns as `gather`. */
export function gatherEarly(): usize {
  end = subject;
  return gatherParts(0, early);
}

/** Gathers the rest of its subject. @returns how many bytes it has, with what was asked first; 0 without room for it. */
export function gather(): usize {
  if (early === 0) end = subject;
  return end === 0 ? 0 : gatherParts(early, asked);
}

function gatherParts(first: i32, behindLast: i32): usize {
  if (memberCount >= MAX_MEMBERS) return 0;
  let mapField = NO_FIELD;
  const last = parts + <usize>behindLast * PART_BYTES;
  for (let part = parts + <usize>first * PART_BYTES; part < last; part += PART_BYTES) {
    const kind = load<i32>(part);
    const field = load<i32>(part, 4);
    const value = writtenOf(field);
    if (kind === MEMBER && mapField !== field) {
      noteMembers(field, value);
      mapField = field;
    }
    if (!addTo(kind, value, load<i32>(part, 8))) {
      end = 0;
      return 0;
    }
  }
  v128.store(end, i64x2.splat(0));
  return end - subject;
}

function addTo(kind: i32, value: usize, member: i32): bool {
  if (kind === MEMBER) {
    const place = members + <usize>member * MEMBER_BYTES;
    if (noted === 0 || load<u32>(place) === 0) return copyByte(NIL);
    return copy(noted + load<u32>(place), noted + load<u32>(place, 4));
  }
  if (value === 0) return copyByte(kind === VALUE ? NIL : FALSE);
  if (kind === VALUE) return copy(value, behind(value));
  if (kind === SECRET) return copyWord(mayHaveSecret(value));
  if (kind === NAMESPACE) return copyNamespaced(value);
  return copyWord(kind === PRESENCE && load<u8>(value) !== NIL);
}

/** @param map the field's value; 0 where there is none. */
function noteMembers(field: i32, map: usize): void {
  noted = map;
  if (map === 0) return;
  // Of a key that came twice the last value counts, and the one that was found may be another.
  const found = repeated === 0 ? foundOf(field) : 0;
  members = maps + MAP_BYTES * (found === 0 ? MAPS : <usize>((found * MIX) >> MAP_SHIFT));
  if (found !== 0 && load<u64>(members, MEMBERS_BYTES) === found) return;
  noteAnew(map);
  store<u64>(members, found, MEMBERS_BYTES);
}

function noteAnew(map: usize): void {
  for (let at: usize = 0; at < MEMBERS_BYTES; at += VECTOR_BYTES) {
    v128.store(members + at, i64x2.splat(0));
  }
  const count = readMap(map);
  let at = membersStart;
  for (let index: u32 = 0; index < count; index++) {
    readText(at);
    const field = fieldOf(contentStart, contentEnd - contentStart);
    const value = contentEnd;
    at = behind(value);
    if (field === NO_FIELD) continue;
    const member = members + <usize>field * MEMBER_BYTES;
    store<u32>(member, <u32>(value - map));
    store<u32>(member, <u32>(at - map), 4);
  }
}

function copy(value: usize, after: usize): bool {
  const length = after - value;
  if (end + length > subject + MAX_BYTES) return false;
  copyLoosely(end, value, length);
  end += length;
  return true;
}

function copyWord(isTrue: bool): bool {
  return copyByte(isTrue ? TRUE : FALSE);
}

function copyByte(byte: u8): bool {
  if (end === subject + MAX_BYTES) return false;
  store<u8>(end, byte);
  end += 1;
  return true;
}

/**
 * Whether in the URI's query, its escapes decoded, something that may be the name of a secret stands before an equals
 * sign, in any case of letters. What is no text has none.
 */
function mayHaveSecret(uri: usize): bool {
  if (!readText(uri) || !isSuspicious()) return false;
  const query = next(contentStart, QUESTION_MARK);
  if (next(query, PERCENT) < contentEnd) return mayHaveEscapedSecret(query);
  for (let at = next(query, EQUALS); at < contentEnd; at = next(at + 1, EQUALS)) {
    // What stands before the query ends with a question mark: no name of a secret goes beyond it.
    if (isSecretName(bswap<u64>(load<u64>(at - LETTERS)) | CASE_BITS)) return true;
  }
  return false;
}

/**
 * Whether anywhere in the content is an escape, or an equals sign behind two letters with which names of secrets may end:
 * most URIs are told to be harmless by it, at once.
 */
function isSuspicious(): bool {
  let found = i64x2.splat(0);
  for (let at = contentStart; at < contentEnd; at += VECTOR_BYTES) {
    const last = lowerCase(at - 1);
    const other = lowerCase(at - 2);
    const ends = v128.or(v128.or(is(last, LETTER_N), is(last, LETTER_T)), is(last, LETTER_D));
    const goesBefore = v128.or(
      v128.or(is(other, LETTER_E), is(other, LETTER_N)),
      is(other, LETTER_M),
    );
    const bytes = v128.load(at);
    const isNamed = v128.and(is(bytes, EQUALS), v128.and(ends, goesBefore));
    found = v128.or(found, v128.or(isNamed, is(bytes, PERCENT)));
  }
  return v128.any_true(found);
}

function lowerCase(at: usize): v128 {
  return v128.or(v128.load(at), i8x16.splat(CASE_BIT));
}

function is(bytes: v128, byte: u8): v128 {
  return i8x16.eq(bytes, i8x16.splat(byte));
}

/** The next such byte of the content; its end where there is none. */
function next(start: usize, byte: u8): usize {
  for (let at = start; at < contentEnd; at += VECTOR_BYTES) {
    const marks = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(byte)));
    if (marks !== 0) return min(at + <usize>ctz(marks), contentEnd);
  }
  return contentEnd;
}

function mayHaveEscapedSecret(query: usize): bool {
  // The last letters, the newest in the lowest byte.
  let letters: u64 = 0;
  for (let at = query; at < contentEnd; at++) {
    let byte = load<u8>(at);
    if (byte === PERCENT && at + 2 < contentEnd) {
      byte = (hexDigit(load<u8>(at, 1)) << 4) | hexDigit(load<u8>(at, 2));
      at += 2;
    }
    if (byte === EQUALS && isSecretName(letters)) return true;
    letters = (letters << 8) | (byte | CASE_BIT);
  }
  return false;
}

/** Of what is no digit it gives some number: then it is no escape that anybody decodes. */
function hexDigit(byte: u8): u8 {
  return isDigit(byte) ? byte - ZERO : (byte | CASE_BIT) - A + 10;
}

function isSecretName(letters: u64): bool {
  return (
    (letters & 0xff_ffff_ffff) === TOKEN_LETTERS ||
    (letters & 0xffff_ffff_ffff) === SECRET_LETTERS ||
    letters << 8 === COMMAND_LETTERS << 8 ||
    (letters & 0xff_ffff) === CMD_LETTERS
  );
}

/** @returns false where the namespace is not certain: then there is no subject. */
function copyNamespaced(uri: usize): bool {
  if (!readText(uri)) return copyByte(NIL);
  const wanted = startsWithApi() ? API_SLASHES : startsWithApis() ? APIS_SLASHES : 0;
  const pathEnd = next(contentStart, QUESTION_MARK);
  const escape = next(contentStart, PERCENT);
  let slashes = 0;
  for (let at = next(contentStart, SLASH); at < min(pathEnd, escape); at = next(at + 1, SLASH)) {
    slashes += 1;
    if (at + 1 === pathEnd || load<u8>(at, 1) === SLASH) return false;
    if (!isNamespaces(at + 1)) continue;
    const name = at + 1 + NAMESPACES_BYTES;
    const after = min(next(name, SLASH), pathEnd);
    return slashes === wanted && after <= escape && copyName(name, after);
  }
  if (escape < pathEnd) return false;
  // Other paths are of no resource: what objectRef says is all that there is.
  return wanted > 0 && slashes >= wanted ? copyWord(false) : copyByte(NIL);
}

/** A part of a path, behind its length. */
function copyName(start: usize, after: usize): bool {
  const length = after - start;
  if (end + LENGTH_BYTES + length > subject + MAX_BYTES) return false;
  store<u32>(end, <u32>length);
  copyLoosely(end + LENGTH_BYTES, start, length);
  end += LENGTH_BYTES + length;
  return true;
}

/** Whether `namespaces/` and a name stand there. */
function isNamespaces(at: usize): bool {
  return (
    at + NAMESPACES_BYTES < contentEnd &&
    load<u64>(at) === NAMESPAC &&
    load<u32>(at, 7) === CES_SLASH &&
    load<u8>(at + NAMESPACES_BYTES) !== QUESTION_MARK
  );
}

function startsWithApi(): bool {
  return (load<u64>(contentStart) & 0xff_ffff_ffff) === SLASH_API_SLASH;
}

function startsWithApis(): bool {
  return (load<u64>(contentStart) & 0xffff_ffff_ffff) === SLASH_APIS_SLASH;
}

/**
 * What was answered about subjects: two places for each hash, of which the second is the newer one. Each has its length,
 * the answer, and its bytes with zeros behind them.
 */
const PAIRS: usize = 1024;
/** The topmost bits of a hash choose among them. */
const PAIR_SHIFT: u64 = 54;
const REMEMBERED_BYTES: usize = 240;
const HEAD_BYTES: usize = 16;
const PLACE_BYTES: usize = HEAD_BYTES + REMEMBERED_BYTES;
const remembered: usize = memory.data(<i32>(2 * PAIRS * PLACE_BYTES), 16);

export function forget(): void {
  memory.fill(remembered, 0, 2 * PAIRS * PLACE_BYTES);
}

/** @param length of the subject that was gathered last. @param answer not 0. */
export function remember(length: usize, answer: i32): void {
  if (!hasPlace(length)) return;
  const first = firstPlace(length);
  const isFree = load<u32>(first) === 0;
  const place = isFree ? first : first + PLACE_BYTES;
  store<u32>(place, <u32>length);
  store<i32>(place, answer, 4);
  copyLoosely(place + HEAD_BYTES, subject, length);
}

/** @returns what was answered about the subject that was gathered last; 0 where that is not known. */
export function recall(length: usize): i32 {
  if (!hasPlace(length)) return 0;
  const first = firstPlace(length);
  if (isAt(first, length)) return load<i32>(first, 4);
  return isAt(first + PLACE_BYTES, length) ? load<i32>(first + PLACE_BYTES, 4) : 0;
}

function hasPlace(length: usize): bool {
  return length > 0 && length <= REMEMBERED_BYTES;
}

function isAt(place: usize, length: usize): bool {
  return load<u32>(place) === length && isSameLoosely(subject, place + HEAD_BYTES, length);
}

function firstPlace(length: usize): usize {
  let hash: u64 = length;
  for (let at: usize = 0; at < length; at += 8) {
    hash = rotl<u64>((hash ^ load<u64>(subject + at)) * MIX, 29);
  }
  // Whatever differs reaches the topmost bits, also what stands last.
  return remembered + 2 * PLACE_BYTES * <usize>((hash * MIX) >> PAIR_SHIFT);
}
