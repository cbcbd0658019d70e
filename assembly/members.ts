/**
 * The members at the top of an event, told by the encoder as it comes by: it notes where the fields stand, reads the
 * event's time, and leaves out the fields that are not wanted.
 */
import { COMMA } from './bytes';
import { fieldOf, forgetFields, NO_FIELD, noteEnd, noteKey, noteStart } from './fields';
import { readTime } from './time';

/** The field whose text is the event's time; NO_FIELD where none is. */
let timeField: i32 = NO_FIELD;
/** A set of fields: a bit for each. */
let omitted: u32 = 0;
/** Where the members that are kept are copied to as JSON, with a comma before each but the first; 0 where nowhere. */
let copyTo: usize = 0;
let copyStart: usize = 0;

/** The member that the encoder is in: its field, where its key stands, and where it was written. */
let field: i32 = NO_FIELD;
let key: usize = 0;
let written: usize = 0;
/** Whether the last text under the key of the time is one. */
export let hasTime: bool = false;

export function setTimeField(value: i32): void {
  timeField = value;
}

export function setOmitted(fields: u32): void {
  omitted = fields;
}

export function omitsAny(): bool {
  return omitted !== 0;
}

/** Before each event. @param to where the kept members go as JSON; 0 where they are not wanted. */
export function beginMembers(to: usize): void {
  forgetFields();
  field = NO_FIELD;
  hasTime = false;
  copyStart = to;
  copyTo = to;
}

/** Behind the copy of the kept members. */
export function copyEnd(): usize {
  return copyTo;
}

/** A text at the top, a key or a value: its quote, where it was written, and its content there. */
export function noteText(isKey: bool, quote: usize, to: usize, text: usize, end: usize): void {
  if (isKey) {
    field = fieldOf(text, end - text);
    key = quote;
    written = to;
    if (field !== NO_FIELD) noteKey(field, quote);
  } else if (field === timeField && field !== NO_FIELD) {
    hasTime = readTime(text, end);
  }
}

/** @param to where it will be written. */
export function noteValue(value: usize, to: usize): void {
  if (field !== NO_FIELD) noteStart(field, value, to);
}

/** @param end behind the value. @returns where the next member is written: where this one was, when it is left out. */
export function endMember(end: usize, out: usize): usize {
  const isOmitted = field !== NO_FIELD && ((omitted >> field) & 1) !== 0;
  if (field !== NO_FIELD) noteEnd(field, end);
  if (isOmitted) return written;
  if (copyTo !== 0) copyMember(end);
  return out;
}

function copyMember(end: usize): void {
  if (copyTo !== copyStart) {
    store<u8>(copyTo, COMMA);
    copyTo += 1;
  }
  memory.copy(copyTo, key, end - key);
  copyTo += end - key;
}
