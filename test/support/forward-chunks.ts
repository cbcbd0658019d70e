/**
 * Chunks of made-up events as the Forward output gets them, and what a receiver finds in them. Written and read with
 * @msgpack/msgpack, which shares no code with ours. Knows no sockets.
 */
import { decodeMulti, encode, ExtData } from '@msgpack/msgpack';
import type { Chunk } from '../../src/deliver/chunk.ts';

export interface TestEvent {
  readonly auditID: string;
  readonly [key: string]: unknown;
}

/** An entry's time: extension 0, seconds and nanoseconds. */
const EVENT_TIME = 0;
const EVENT_TIME_BYTES = 8;
const SECONDS = 1_700_000_000;
const NANOSECONDS = 123_456_000;

export function eventOf(auditID: string, more: Readonly<Record<string, unknown>> = {}): TestEvent {
  return { kind: 'Event', auditID, verb: 'get', ...more };
}

/** One entry, `[EventTime, record]`. */
function entryOf(event: TestEvent): Uint8Array {
  const time = Buffer.alloc(EVENT_TIME_BYTES);
  time.writeUInt32BE(SECONDS, 0);
  time.writeUInt32BE(NANOSECONDS, 4);
  return encode([new ExtData(EVENT_TIME, time), event]);
}

/** A chunk with these events, each a piece of its own; an event counts as one byte of the file. */
export function chunkOf(id: string, events: readonly TestEvent[]): Chunk {
  const payload = events.map(entryOf);
  const none = { events: 0, bytes: 0 };
  return {
    id,
    payload,
    payloadBytes: payload.reduce((sum, { length }) => sum + length, 0),
    accounts: { delivered: { events: events.length, bytes: events.length }, filtered: none },
  };
}

export function numberedChunk(number: number, padding = ''): Chunk {
  const event = eventOf(`event-${number}`, padding === '' ? {} : { padding });
  return chunkOf(`chunk-${number}`, [event]);
}

/** Chunks with one event each: `chunk-1` with `event-1`, and so on. */
export function numberedChunks(count: number, padding = ''): readonly Chunk[] {
  return Array.from({ length: count }, (_, index) => numberedChunk(index + 1, padding));
}

/** The events in the entries of a message. */
export function eventsIn(entries: Uint8Array): readonly TestEvent[] {
  return Array.from(decodeMulti(entries), (entry) => (entry as [unknown, TestEvent])[1]);
}
