/**
 * The WebAssembly core (assembly/), one memory at a time: a slab that bytes are read into, and behind it the room
 * where their events are written. It knows places in that memory, and nothing of blocks, formats and files.
 *
 * The memory never changes its size while anybody holds a view of it: room is for the worst case, and what was never
 * written to takes no memory of the machine.
 */
import { readFileSync } from 'node:fs';

/** The top-level fields that the core finds, in the order in which it numbers them. */
export const FIELDS = [
  'kind',
  'apiVersion',
  'level',
  'auditID',
  'stage',
  'requestURI',
  'verb',
  'user',
  'impersonatedUser',
  'sourceIPs',
  'userAgent',
  'objectRef',
  'responseStatus',
  'requestObject',
  'responseObject',
  'requestReceivedTimestamp',
  'stageTimestamp',
  'annotations',
] as const;
export type Field = (typeof FIELDS)[number];
/** Those whose values are often the same as before; see assembly/recurring.ts. */
const RECURRING: readonly Recurring[] = [
  // `{"username":"` comes first.
  { field: 'user', from: 13, bytes: 80 },
  // Why somebody may: behind what all of these begin with are 20 bytes, and who it is.
  { field: 'annotations', from: 13, bytes: 80, after: 'user' },
  // `{"metadata":{},"code":200}`
  { field: 'responseStatus', from: 13, bytes: 16 },
];
interface Recurring {
  readonly field: Field;
  /** Which of a value's bytes tell it from others. */
  readonly from: number;
  readonly bytes: number;
  /** The field with whose value it changes. */
  readonly after?: Field;
}
/** Names below `user`, `objectRef` and `responseStatus`; they are numbered behind the fields. */
const MEMBERS = [
  'username',
  'groups',
  'resource',
  'apiGroup',
  'namespace',
  'subresource',
  'code',
] as const;
const NAMES: readonly string[] = [...FIELDS, ...MEMBERS];

/** As assembly/subject.ts numbers them. */
const PART_KINDS = ['value', 'presence', 'secret', 'namespace', 'member'] as const;
type Part = readonly [(typeof PART_KINDS)[number], Field, (typeof MEMBERS)[number]?];
/** Whether there may be something in an event that must not leave, whatever it is about. */
const EARLY: readonly Part[] = [
  ['secret', 'requestURI'],
  ['value', 'level'],
  ['presence', 'requestObject'],
  ['presence', 'responseObject'],
  ['presence', 'responseStatus'],
  ['member', 'responseStatus', 'code'],
];
/** The same, and what it is about. */
const WHAT: readonly Part[] = [
  ...EARLY,
  ['value', 'verb'],
  ['presence', 'objectRef'],
  ['member', 'objectRef', 'resource'],
  ['member', 'objectRef', 'apiGroup'],
  ['member', 'objectRef', 'subresource'],
];
/** Who did it, where and when. */
const WHO: readonly Part[] = [
  ['member', 'objectRef', 'namespace'],
  ['value', 'stage'],
  ['namespace', 'requestURI'],
  ['member', 'user', 'username'],
  ['member', 'user', 'groups'],
];
/** What rules ask of an event, but for names and paths: of those there are too many to remember. */
const SUBJECT = [...WHAT, ...WHO];

/** A member at the top of an event: bytes [start, end) are `"key": value`, and the value begins at `value`. */
export interface Member {
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/** What bytes are: one JSON object, another JSON value, or none. */
export type Verdict = 'object' | 'other' | 'invalid';
const VERDICTS: readonly Verdict[] = ['invalid', 'object', 'other'];

/** MessagePack's `true`. */
const TRUE = 0xc3;

/** Whether a parameter of an event's URI may be a secret. @param subject of the event; empty when nobody knows. */
export function mayHaveSecret(subject: string): boolean {
  return subject === '' || subject.charCodeAt(0) === TRUE;
}

/**
 * Why the core has stopped: it is done; the next line is not one event; there may be no room for all that follows; the
 * next line is an event that does not go out as it is.
 */
export type Reason = 'done' | 'no-event' | 'full' | 'ruled';
const REASONS: readonly Reason[] = ['done', 'no-event', 'full', 'ruled'];

export interface Run {
  /** Behind the last line that was written. */
  readonly end: number;
  readonly events: number;
  readonly reason: Reason;
}

/**
 * As assembly/rules.ts numbers them: the event does not go out as it is; it does; all with its subject do; of what is asked
 * first, that it is not enough.
 */
const ANSWERS = ['stop', 'go', 'all-go', 'look-on'] as const;
export type Answer = Exclude<(typeof ANSWERS)[number], 'look-on'>;

/**
 * Says whether the event that the core has just written goes out as it is; `member` tells of it.
 * @param subject the same for events that differ only in what the rules do not ask for (names and paths are asked for
 *   of the event itself); empty where it is too long.
 */
export interface Ruling {
  /** Whether it asks who did it, where and when, and not only what. */
  readonly asksWho: boolean;
  /** Whether all events like this one go out as they are, whatever they are about; it is remembered. */
  readonly goEarly?: ((subject: string, core: Core) => boolean) | undefined;
  readonly rule: (subject: string, core: Core) => Answer;
}

/** Three texts that are added to each event; the offset stands behind the first two (see assembly/line.ts). */
export type Added = readonly [Buffer, Buffer, Buffer];

/** One JSON object without a newline, which comes to stand where it is wanted. */
export interface Elsewhere {
  readonly length: number;
  /** @returns the place behind it. */
  writeTo(to: Buffer, start: number): number;
}

/** How an event is written; what of it is left out. */
export interface Style {
  readonly format: 'forward' | 'json';
  /** Undefined where nothing is added. */
  readonly added?: Added | undefined;
  /** The field whose text is the event's time. */
  readonly timeField?: Field | undefined;
  readonly omit?: readonly Field[];
}

/** As much of WebAssembly as is used: the types of Node 20 do not know it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: unknown };
};

interface Memory {
  readonly buffer: ArrayBuffer;
  /** @throws RangeError */
  grow(pages: number): number;
}

interface Exports {
  readonly memory: Memory;
  firstFree(): number;
  addField(name: number, length: number): number;
  addPart(kind: number, field: number, member: number): number;
  subjectStart(): number;
  setRuled(partCount: number, earlyCount: number): void;
  endOfRuled(): number;
  forget(): void;
  placesOfFields(): number;
  fieldsPresent(): number;
  fieldsRepeated(): number;
  setOmitted(fields: number): void;
  addRecurring(field: number, from: number, bytes: number, after: number): void;
  setTimeField(field: number): void;
  setAdded(place: number, first: number, second: number, third: number): void;
  setClock(seconds: number, nanoseconds: number): void;
  run(
    isForward: number,
    start: number,
    end: number,
    offset: number,
    to: number,
    limit: number,
    added: number,
  ): number;
  reason(): number;
  written(): number;
  eventCount(): number;
  judge(start: number, end: number, to: number): number;
}

const PAGE_BYTES = 64 * 1024;
/** Between the parts of memory: steps of 16 bytes reach a little further than what they read and write. */
const GAP_BYTES = 64;
/** What is read is compared with values that came before, of so many bytes at most (assembly/recurring.ts). */
const REACH_BYTES = 2048 + GAP_BYTES;
/** As assembly/index.ts wants it: lines of n bytes take 4 n, and what is added. */
const ROOM_FACTOR = 4;
/** Two numbers, heads, commas and braces. */
const ROOM_BYTES = 1024;
/** Events that are larger are written elsewhere: what the end of the room takes of the machine stays little. */
const REPLACED_BYTES = 64 * 1024;
const NO_FIELD = -1;
/** Of a field: key, value and end, and where it was written; 32 bits each. */
const PLACE_BYTES = 16;
const NO_PARTS = [0, 0] as const;
const NOTHING_ADDED: Added = [Buffer.alloc(0), Buffer.alloc(0), Buffer.alloc(0)];

let compiled: object | undefined;

function moduleOf(): object {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('core.wasm', import.meta.url)));
  return compiled;
}

/** Cores by their memory: whoever has a piece of it finds the core. */
const owners = new WeakMap<ArrayBufferLike, Core>();

export class Core {
  readonly #exports: Exports;
  readonly #addedBytes: number;
  /** All of the memory. */
  #all = Buffer.alloc(0);
  #slab = Buffer.alloc(0);
  /** Where what is added stands, and from where on events are written. */
  #addedAt = 0;
  #roomAt = 0;
  /** Behind what was written, and behind what `take` gave. */
  #written = 0;
  #taken = 0;
  #style: Style | undefined;
  #added = NOTHING_ADDED;
  #ruling: Ruling | undefined;
  /** Of a subject: so many are asked about, and so many first. */
  #parts: readonly [all: number, early: number] = NO_PARTS;
  /** Somebody reads what was written. */
  isLent = false;

  /** @param addedBytes of what is added to an event, at most. */
  constructor(slabBytes: number, addedBytes: number) {
    this.#exports = instantiate({
      scalar: { toDouble: (start, end) => Number(this.#all.toString('latin1', start, end)) },
      rules: {
        askAbout: (bytes) => ANSWERS.indexOf(this.#askAbout(bytes)),
        askEarly: (bytes) => ANSWERS.indexOf(this.#askEarly(bytes)),
      },
    });
    this.#addedBytes = addedBytes;
    this.grow(slabBytes);
    for (const [index, name] of NAMES.entries()) {
      const length = this.#all.write(name, this.#addedAt);
      if (this.#exports.addField(this.#addedAt, length) !== index) {
        throw new Error(`the core has no room for the field ${name}`);
      }
    }
    for (const { field, from, bytes, after } of RECURRING) {
      const follows = after === undefined ? NO_FIELD : FIELDS.indexOf(after);
      this.#exports.addRecurring(FIELDS.indexOf(field), from, bytes, follows);
    }
    for (const [kind, field, member = ''] of SUBJECT) {
      const numbers = [PART_KINDS.indexOf(kind), NAMES.indexOf(field)] as const;
      if (this.#exports.addPart(...numbers, NAMES.indexOf(member)) === 0) {
        throw new Error(`the core has no room for a part of the subject, ${field} ${member}`);
      }
    }
  }

  /** The core whose memory this is. */
  static of(memory: ArrayBufferLike): Core | undefined {
    return owners.get(memory);
  }

  /** Where bytes are read into. */
  get slab(): Buffer {
    return this.#slab;
  }

  /** Where in the slab these bytes of it begin. */
  startOf(bytes: Buffer): number {
    return bytes.byteOffset - this.#slab.byteOffset;
  }

  /**
   * Makes the slab larger; what it holds stays. Views of it end here: nobody may have one.
   * @throws Error when the system gives no memory.
   */
  grow(slabBytes: number): void {
    if (slabBytes <= this.#slab.length) return;
    const { memory } = this.#exports;
    const start = this.#exports.firstFree();
    this.#addedAt = start + slabBytes + GAP_BYTES;
    this.#roomAt = this.#addedAt + this.#addedBytes + GAP_BYTES;
    const room = ROOM_FACTOR * slabBytes + this.#addedBytes + ROOM_BYTES + REACH_BYTES;
    const missing = this.#roomAt + room - memory.buffer.byteLength;
    if (missing > 0) growMemory(memory, Math.ceil(missing / PAGE_BYTES));
    this.#all = Buffer.from(memory.buffer);
    this.#slab = this.#all.subarray(start, start + slabBytes);
    this.#style = undefined;
    owners.set(memory.buffer, this);
    this.rewind();
  }

  /** Nobody reads what was written: it may be written over. */
  rewind(): void {
    this.#written = this.#roomAt;
    this.#taken = this.#roomAt;
  }

  setStyle(style: Style): void {
    if (this.#style === style) return;
    this.#style = style;
    const { timeField, omit = [], added = NOTHING_ADDED } = style;
    const field = timeField === undefined ? NO_FIELD : FIELDS.indexOf(timeField);
    this.#exports.setTimeField(field);
    this.#exports.setOmitted(omit.reduce((set, one) => set | (1 << FIELDS.indexOf(one)), 0));
    this.#setAdded(added);
  }

  /** @param ruling asked about each event that is written; undefined when all go out as they are. */
  setRuling(ruling: Ruling | undefined): void {
    this.#parts = ruling === undefined ? NO_PARTS : partsOf(ruling);
    this.#exports.setRuled(...this.#parts);
    if (ruling === undefined || this.#ruling === ruling) return;
    this.#ruling = ruling;
    this.#exports.forget();
  }

  #askAbout(bytes: number): Answer {
    return this.#ruling?.rule(this.#subject(bytes), this) ?? 'go';
  }

  #askEarly(bytes: number): 'all-go' | 'look-on' {
    const goes = this.#ruling?.goEarly?.(this.#subject(bytes), this);
    return goes === true ? 'all-go' : 'look-on';
  }

  #subject(bytes: number): string {
    const start = this.#exports.subjectStart();
    return this.#all.toString('latin1', start, start + bytes);
  }

  /** For events without a time of their own. Both are whole and fit into 32 bits. */
  setClock(seconds: number, nanoseconds: number): void {
    this.#exports.setClock(seconds, nanoseconds);
  }

  /**
   * Writes the lines in bytes [start, end) of the slab, up to the first that is not one event. Of the byte behind them
   * a newline is made where the last line has none.
   *
   * @param offset of the first byte in its file.
   */
  run(start: number, end: number, offset: number): Run {
    const core = this.#exports;
    const base = this.#slab.byteOffset;
    const stopped = this.#run(base + start, base + end, offset, this.#all.length);
    return { end: stopped - base, events: core.eventCount(), reason: reasonOf(core.reason()) };
  }

  /** @param start of lines anywhere in the memory. @param limit of the room. @returns where it stopped. */
  #run(start: number, end: number, offset: number, limit: number): number {
    const core = this.#exports;
    const isForward = this.#style?.format === 'forward' ? 1 : 0;
    const added = addedBytesOf(this.#added);
    const stopped = core.run(isForward, start, end, offset, this.#written, limit, added);
    this.#written = core.written();
    return stopped;
  }

  /**
   * Writes an event in the place of the one where rules have stopped the last run; they are not asked about it.
   * @param offset of its line. @returns whether it did: not where there is little room, or where it is none.
   */
  replace(event: Elsewhere, offset: number): boolean {
    // It is put at the end of the room, as far from what was written as can be.
    const start = this.#all.length - event.length - REACH_BYTES;
    const needed = ROOM_FACTOR * event.length + this.#addedBytes + ROOM_BYTES;
    if (event.length > REPLACED_BYTES || this.#written + needed > start) return false;
    const end = event.writeTo(this.#all, start);
    this.#exports.setRuled(...NO_PARTS);
    const isWritten = this.#run(start, end, offset, start) === end;
    this.#exports.setRuled(...this.#parts);
    return isWritten;
  }

  /** Behind the line where rules stopped the last run. */
  get endOfRuled(): number {
    return this.#exports.endOfRuled() - this.#slab.byteOffset;
  }

  /** What was written since the last call; empty where lines stay as they are. */
  take(): Buffer {
    const bytes = this.#all.subarray(this.#taken, this.#written);
    this.#taken = this.#written;
    return bytes;
  }

  /** What the first bytes of the slab are; they hold no newline. Then `member` tells of them. */
  judge(length: number): Verdict {
    const start = this.#slab.byteOffset;
    return VERDICTS[this.#exports.judge(start, start + length, this.#roomAt)] ?? 'invalid';
  }

  /** Where the last judged, or last written, event has a field: offsets in the slab. Of several it is the last. */
  member(field: Field): Member | undefined {
    const index = FIELDS.indexOf(field);
    if (((this.#exports.fieldsPresent() >>> index) & 1) === 0) return undefined;
    const at = this.#exports.placesOfFields() + index * PLACE_BYTES;
    return { start: this.#placeAt(at), value: this.#placeAt(at + 4), end: this.#placeAt(at + 8) };
  }

  /** Whether that event has a field more than once. */
  get hasRepeated(): boolean {
    return this.#exports.fieldsRepeated() !== 0;
  }

  #placeAt(at: number): number {
    return this.#all.readUInt32LE(at) - this.#slab.byteOffset;
  }

  #setAdded(added: Added): void {
    const bytes = addedBytesOf(added);
    if (bytes > this.#addedBytes) throw new Error('more is added to an event than was said');
    this.#added = added;
    let at = this.#addedAt;
    for (const text of added) at += text.copy(this.#all, at);
    const [first, second, third] = added;
    this.#exports.setAdded(this.#addedAt, first.length, second.length, third.length);
  }
}

function partsOf({ asksWho, goEarly }: Ruling): readonly [all: number, early: number] {
  return [(asksWho ? SUBJECT : WHAT).length, goEarly === undefined ? 0 : EARLY.length];
}

function addedBytesOf(added: Added): number {
  return added[0].length + added[1].length + added[2].length;
}

function reasonOf(code: number): Reason {
  return REASONS[code] ?? 'no-event';
}

/** What the core asks for: the double nearest to a number's text, and what rules say of an event. */
interface Host extends Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  readonly scalar: { toDouble(start: number, end: number): number };
  readonly rules: {
    askAbout(subjectBytes: number): number;
    askEarly(subjectBytes: number): number;
  };
}

function instantiate(host: Host): Exports {
  try {
    const { exports } = new WebAssembly.Instance(moduleOf(), host);
    return exports as Exports;
  } catch (error) {
    throw error instanceof RangeError ? noMemory(error) : error;
  }
}

function growMemory(memory: Memory, pages: number): void {
  try {
    memory.grow(pages);
  } catch (error) {
    throw noMemory(error);
  }
}

function noMemory(cause: unknown): Error {
  return new Error(
    'there is not enough address space: run without a limit of virtual memory (ulimit -v unlimited). About 10 GB are reserved for each block on its way; hardly any of it is used',
    { cause },
  );
}
