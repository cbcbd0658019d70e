/**
 * Lines through a core, one at a time, among neighbours that would change everything if they were looked at; and the
 * comparison with the reference.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { Core, FIELDS, type Member, type Reason, type Style } from '../../src/event/core.ts';
import { membersOf } from './members.ts';
import { comparable, entriesIn, readAnew, readingOf } from './reference.ts';

export const FORWARD: Style = { format: 'forward' };
export const JSON_LINES: Style = { format: 'json' };

/** What `run` is given as the present, to be told from the time of an event. */
export const CLOCK = '7.000000008';

const BEFORE = Buffer.from('{"a":1');
const BEHIND = Buffer.from('}]"0,}}]"x":1,"]}\n{"b":"');
const ADDED_BYTES = 100_000;
const FIRST_BYTES = 64 * 1024;

const core = new Core(FIRST_BYTES, ADDED_BYTES);

/** @returns where the line begins. */
function hold(line: Uint8Array, before: Buffer): number {
  core.grow(before.length + line.length + BEHIND.length);
  core.rewind();
  core.slab.set(before);
  core.slab.set(line, before.length);
  core.slab.set(BEHIND, before.length + line.length);
  return before.length;
}

export interface Written {
  readonly bytes: Buffer;
  readonly events: number;
  readonly reason: Reason;
  /** How much of the line was read. */
  readonly read: number;
}

/** @param line without its newline. */
export function written(line: Buffer | string, style: Style, offset = 0): Written {
  const bytes = Buffer.from(line);
  const start = hold(bytes, BEFORE);
  core.setStyle(style);
  core.setClock(7, 8);
  const { end, events, reason } = core.run(start, start + bytes.length, offset);
  return { bytes: Buffer.from(core.take()), events, reason, read: end - start };
}

export function judged(line: Buffer | string): string {
  const bytes = Buffer.from(line);
  hold(bytes, Buffer.alloc(0));
  // A core judges with whatever style it has: it must not matter.
  return core.judge(bytes.length);
}

/** Where the fields of the line that was judged last stand. */
export function foundMembers(): readonly (Member | undefined)[] {
  return FIELDS.map((field) => core.member(field));
}

/** The entry of a line that is an event. */
export function entryBytes(line: Buffer | string, style = FORWARD): Buffer {
  const { bytes, events } = written(line, style);
  assert.equal(events, 1, 'it is an event');
  return bytes;
}

export function entryOf(line: Buffer | string, style = FORWARD) {
  const [entry, ...others] = entriesIn(entryBytes(line, style));
  assert.ok(entry !== undefined && others.length === 0, 'it is one entry');
  const [time, record] = entry;
  return { time, record };
}

/** Before the record: the head of a pair, and the time. */
const ENTRY_HEAD_BYTES = 11;

export function recordBytes(line: Buffer | string, style = FORWARD): Buffer {
  return entryBytes(line, style).subarray(ENTRY_HEAD_BYTES);
}

/** The bytes of a value: what an object's only member takes behind its head and an empty key. */
export function valueBytes(json: string): Buffer {
  return recordBytes(`{"":${json}}`).subarray(4);
}

/** The verdict, what comes out, and where the fields stand are what the reference says, in all that a core does. */
export function assertAsReference(line: Buffer): void {
  const { verdict, value } = readingOf(line);
  const name = line.toString('latin1', 0, 2000);
  assert.equal(judged(line), verdict, name);
  if (verdict === 'object') assertMembers(line, name);
  const forward = written(line, FORWARD);
  const json = written(line, JSON_LINES);
  const none = [0, line.length === 0 ? 'done' : 'no-event', 0];
  const expected = verdict === 'object' ? [1, 'done', line.length] : none;
  for (const { events, reason, read } of [forward, json]) {
    assert.deepEqual([events, reason, read], expected, name);
  }
  assert.equal(json.bytes.length, 0, 'a line that is not changed is not written');
  if (verdict === 'object') assertRecord(line, forward.bytes, value, name);
  else assert.equal(forward.bytes.length, 0, name);
}

function assertRecord(line: Buffer, bytes: Buffer, value: unknown, name: string): void {
  const [entry, ...others] = entriesIn(bytes);
  assert.equal(others.length, 0, name);
  assert.equal(entry?.[0], CLOCK, name);
  // Showing the difference of large values would take minutes.
  const found = comparable(entry[1]);
  const isFound = (read: unknown): boolean => isDeepStrictEqual(found, comparable(read));
  assert.ok(isFound(value) || isFound(readAnew(line)), name);
}

function assertMembers(line: Buffer, name: string): void {
  const members = membersOf(line);
  const expected = FIELDS.map((field) => {
    const last = members.findLast(({ key }) => key === field);
    return last === undefined ? undefined : { start: last.start, value: last.value, end: last.end };
  });
  assert.deepEqual(foundMembers(), expected, name);
}
