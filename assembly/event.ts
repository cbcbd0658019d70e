/**
 * An event: the object at the top of a line. It notes where the fields stand, reads the event's time, and leaves out
 * the fields that are not wanted.
 */
import { CLOSE_BRACE, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace, SPACE } from './bytes';
import { fieldOf, forgetFields, NO_FIELD, noteField } from './fields';
import {
  behindKey,
  context,
  guess,
  isThere,
  knownField,
  learn,
  putKnown,
  rawLength,
  setContext,
} from './keys';
import { HEAD_16_BYTES, MAP_16, putMapHeader } from './msgpack';
import {
  forgetOpenings,
  keepOpening,
  OPENING_MEMBERS,
  openingEnd,
  openingOut,
  recallOpening,
} from './opening';
import { forgetFound, isRecurring, keepValue, recalledEnd, recallValue } from './recurring';
import { putScalar, scalarEnd } from './scalar';
import { putText, textEnd, textStart } from './text';
import { readTime } from './time';
import { behindColon, putHead, putValue, valueEnd } from './value';

/** The field whose text is the event's time; NO_FIELD where none is. */
let timeField: i32 = NO_FIELD;
/** A set of fields: a bit for each. */
let omitted: u32 = 0;
/** Where the members that are kept are copied to as JSON, with a comma before each but the first; 0 where nowhere. */
let copyTo: usize = 0;
let copyStart: usize = 0;

/** Whether the last text under the key of the time is one. */
export let hasTime: bool = false;
/** Behind what was written. */
export let eventEnd: usize = 0;
/** How many members the event has, without those that were left out. */
export let memberCount: u32 = 0;

export function setTimeField(value: i32): void {
  forgetOpenings();
  timeField = value;
}

export function setOmitted(fields: u32): void {
  omitted = fields;
}

export function omitsAny(): bool {
  return omitted !== 0;
}

/** Behind the copy of the kept members. */
export function copyEnd(): usize {
  return copyTo;
}

/**
 * Encodes the object that begins at `start`, to `to` and behind; the rest as for `putValue`.
 * @param added so many members the caller writes behind those of the event: they are counted in its head.
 * @param copy to where the kept members go as JSON; 0 where they are not wanted.
 * @returns the place behind the object, or 0 when there is none.
 */
export function putEvent(start: usize, to: usize, added: u32, copy: usize): usize {
  forgetFields();
  hasTime = false;
  copyStart = copy;
  copyTo = copy;
  if (load<u8>(start) !== OPEN_BRACE) return 0;
  let at = skipSpace(start + 1);
  if (load<u8>(at) === CLOSE_BRACE) return putEmpty(at, to, added);
  let out = to + HEAD_16_BYTES;
  let count: u32 = 0;
  setContext(0);
  forgetFound();
  const opening = at;
  const isWhole = copy === 0 && omitted === 0;
  if (isWhole && recallOpening(at, out)) {
    at = skipSpace(openingEnd);
    out = openingOut;
    count = OPENING_MEMBERS;
  }
  while (true) {
    const key = at;
    const keyTo = out;
    const known = guess(context);
    let field = NO_FIELD;
    if (isThere(known, at)) {
      at += rawLength(known);
      out = putKnown(known, out);
      field = knownField(known);
      setContext(behindKey(context, known));
      if (load<u8>(at) <= SPACE) at = skipSpace(at);
    } else {
      if (load<u8>(at) !== QUOTE) return 0;
      at = putText(at + 1, out);
      if (at === 0) return 0;
      field = fieldOf(textStart, textEnd - textStart);
      setContext(learn(context, key, at, out, textEnd));
      out = textEnd;
      at = behindColon(at);
      if (at === 0) return 0;
    }
    const value = at;
    const valueTo = out;
    at = putMember(value, out, field);
    if (at === 0) return 0;
    out = eventEnd;
    if (field !== NO_FIELD) noteField(field, key, value, at, valueTo);
    if (field !== NO_FIELD && ((omitted >> field) & 1) !== 0) {
      out = keyTo;
    } else {
      count += 1;
      if (copyTo !== 0) copyMember(key, at);
    }
    if (load<u8>(at) <= SPACE) at = skipSpace(at);
    const separator = load<u8>(at);
    at += 1;
    if (separator !== COMMA) {
      memberCount = count;
      eventEnd = putHead(to, MAP_16, count + added, out);
      return separator === CLOSE_BRACE ? at : 0;
    }
    if (count === OPENING_MEMBERS && isWhole && !hasTime) {
      keepOpening(opening, at, to + HEAD_16_BYTES, out);
    }
    if (load<u8>(at) <= SPACE) at = skipSpace(at);
  }
}

/** A member's value. @returns the place behind it, or 0; what is behind what was written is in eventEnd. */
function putMember(at: usize, out: usize, field: i32): usize {
  const byte = load<u8>(at);
  if (byte === QUOTE) {
    const after = putText(at + 1, out);
    if (field === timeField && field !== NO_FIELD && after !== 0) {
      hasTime = readTime(textStart, textEnd);
    }
    eventEnd = textEnd;
    return after;
  }
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
    return isRecurring(field) ? putRecurring(field, at, out) : putNested(at, out);
  }
  const after = putScalar(at, out);
  eventEnd = scalarEnd;
  return after;
}

function putNested(at: usize, out: usize): usize {
  const after = putValue(at, out, 1);
  eventEnd = valueEnd;
  return after;
}

function putRecurring(field: i32, at: usize, out: usize): usize {
  const known = recallValue(field, at, out);
  if (known !== 0) {
    eventEnd = recalledEnd;
    return known;
  }
  const after = putNested(at, out);
  if (after !== 0) keepValue(at, after, out, eventEnd);
  return after;
}

function putEmpty(brace: usize, to: usize, added: u32): usize {
  memberCount = 0;
  eventEnd = putMapHeader(to, added);
  return brace + 1;
}

function copyMember(key: usize, end: usize): void {
  if (copyTo !== copyStart) {
    store<u8>(copyTo, COMMA);
    copyTo += 1;
  }
  memory.copy(copyTo, key, end - key);
  copyTo += end - key;
}
