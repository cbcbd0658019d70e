/**
 * The core: lines of JSON to entries of the Forward protocol, or to JSON lines, a whole block at a time. What it is
 * given and what it gives are places in its memory; who has it is src/event/core.ts, and nobody else.
 *
 * Memory: first what the core keeps for itself, then (from `firstFree` on) what the caller puts there: bytes to read,
 * texts to add, room to write. From one call to the next stays what was set; and what is remembered to be quicker, which
 * changes nothing of what comes out.
 */
import { NEWLINE, OPEN_BRACE, skipSpace } from './bytes';
import { addField, placesOfFields, present, repeated } from './fields';
import { forwardLine, jsonLine, out, setOut } from './line';
import { putEvent, setOmitted, setTimeField } from './event';
import { addRecurring } from './recurring';
import { goesAsItIs } from './rules';
import { addPart, forget, setAsked, subjectStart } from './subject';
import { putValue } from './value';

export {
  addField,
  addPart,
  addRecurring,
  forget,
  placesOfFields,
  setOmitted,
  setTimeField,
  subjectStart,
};
export { setAdded, setClock } from './line';

/** Why `run` has stopped. */
const DONE: i32 = 0;
/** The line where it stopped is not one event. */
const NO_EVENT: i32 = 1;
/** There may not be room for all that follows. */
const FULL: i32 = 2;
/** Rules want another fate for the line where it stopped than to be written as it is. */
const RULED: i32 = 3;
let status: i32 = DONE;
let events: i32 = 0;
/** Whether each event that was written is asked about. */
let hasRules: bool = false;
/** Behind the line where rules stopped it. */
let ruledEnd: usize = 0;

/** Verdicts of `judge`. */
const INVALID: i32 = 0;
const OBJECT: i32 = 1;
const OTHER: i32 = 2;

/** A line of n bytes takes at most so many times n, and what is added to it. */
const ROOM_FACTOR: usize = 4;
const LINE_ROOM: usize = 128;

export function firstFree(): usize {
  return __heap_base;
}

export function reason(): i32 {
  return status;
}

export function written(): usize {
  return out;
}

export function eventCount(): i32 {
  return events;
}

/**
 * @param partCount of a subject, so many of its first ones; 0 where nothing is asked about events.
 * @param earlyCount so many of these that may be enough; 0 where the whole subject decides.
 */
export function setRuled(partCount: i32, earlyCount: i32): void {
  hasRules = partCount > 0;
  setAsked(partCount, earlyCount);
}

export function endOfRuled(): usize {
  return ruledEnd;
}

export function fieldsPresent(): u32 {
  return present;
}

export function fieldsRepeated(): u32 {
  return repeated;
}

/**
 * Writes the lines in bytes [start, end) to `to` and behind, up to the first that is not one event. The byte at `end`
 * becomes a newline when the last line has none. `written`, `eventCount` and `reason` tell of the call.
 * With rules it stops at an event that they do not let go as it is, too; `endOfRuled` stands behind it.
 *
 * @param offset of the first byte in its file. @param added how many bytes are added to each line at most.
 * @returns where it stopped: behind the last line that was written.
 */
export function run(
  isForward: bool,
  start: usize,
  end: usize,
  offset: f64,
  to: usize,
  limit: usize,
  added: usize,
): usize {
  events = 0;
  status = DONE;
  setOut(to);
  if (end > start && load<u8>(end - 1) !== NEWLINE) store<u8>(end, NEWLINE);
  let at = start;
  while (at < end) {
    if (limit - out < ROOM_FACTOR * (end - at) + added + LINE_ROOM) {
      status = FULL;
      return at;
    }
    const position = <u64>offset + (at - start);
    const line = out;
    const after = isForward ? forwardLine(at, position) : jsonLine(at, end, position);
    if (after === 0) {
      status = NO_EVENT;
      return at;
    }
    if (hasRules && !goesAsItIs()) {
      setOut(line);
      ruledEnd = after;
      status = RULED;
      return at;
    }
    at = after;
    events += 1;
  }
  return end;
}

/** What the bytes [start, end) are, which hold no newline; `to` is room that is written over. The byte at `end` too. */
export function judge(start: usize, end: usize, to: usize): i32 {
  store<u8>(end, NEWLINE);
  const first = skipSpace(start);
  const isObject = load<u8>(first) === OPEN_BRACE;
  let after = putEvent(first, to, 0, 0);
  if (!isObject) after = putValue(first, to, 0);
  if (after === 0 || skipSpace(after) !== end) return INVALID;
  return isObject ? OBJECT : OTHER;
}
