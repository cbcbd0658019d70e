/**
 * Chunks as messages of the Forward protocol: read by @msgpack/msgpack and by the parser of @fluent-org/logger, and
 * the same bytes each time.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import * as protocol from '@fluent-org/logger/build/src/protocol.js';
import { decode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { Compressor } from '../../../src/output/forward/compress.ts';
import {
  emptyMessage,
  messageId,
  packedForward,
  type Message,
} from '../../../src/output/forward/message.ts';
import { chunkOf, eventOf, eventsIn } from '../../support/forward-chunks.ts';

const TAG = 'kube.audit';

function bytesOf({ pieces, bytes }: Message): Buffer {
  const whole = Buffer.concat(pieces);
  assert.equal(whole.length, bytes);
  return whole;
}

/** As the independent parser sees it. */
function parsed(message: Message): ReturnType<typeof protocol.parseTransport> {
  const value = protocol.decode(bytesOf(message));
  assert.ok(protocol.isClientTransportMessage(value));
  return protocol.parseTransport(value);
}

const ids = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 });
const names = fc.string({ unit: 'grapheme', maxLength: 60 });
const events = fc.array(fc.dictionary(fc.string({ maxLength: 5 }), fc.string()), {
  minLength: 1,
  maxLength: 30,
});

describe('a message with a chunk', () => {
  it('is PackedForward with size and chunk, for every reader', () => {
    fc.assert(
      fc.property(names, ids, events, (tag, id, records) => {
        const chunk = chunkOf(
          id,
          records.map((record, index) => eventOf(`e-${index}`, { record: Object.entries(record) })),
        );
        const message = packedForward(tag, chunk, chunk.payload);
        const [gotTag, entries, options] = decode(bytesOf(message)) as [string, Uint8Array, object];
        assert.equal(gotTag, tag);
        assert.deepEqual(Buffer.from(entries), Buffer.concat(chunk.payload));
        assert.deepEqual(options, { size: records.length, chunk: message.id });
        const seen = parsed(message);
        assert.deepEqual([seen.tag, seen.chunk], [tag, message.id]);
        assert.deepEqual(
          seen.entries.map(([, record]) => record),
          eventsIn(entries),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('is CompressedPackedForward when it is compressed', async () => {
    const chunk = chunkOf('a', [eventOf('1', { text: 'x'.repeat(5000) }), eventOf('2')]);
    const entries = Buffer.concat(chunk.payload);
    const compressed = await new Compressor('gzip').compress(chunk);
    const message = packedForward(TAG, chunk, [compressed], 'gzip');
    const [, body, options] = decode(bytesOf(message)) as [string, Uint8Array, object];
    assert.deepEqual(options, { size: 2, chunk: message.id, compressed: 'gzip' });
    assert.deepEqual(gunzipSync(body), entries);
    assert.deepEqual(
      parsed(message).entries.map(([, record]) => record),
      eventsIn(entries),
    );
  });

  it('keeps the time of an event to the nanosecond', () => {
    const chunk = chunkOf('a', [eventOf('1')]);
    const [entry] = parsed(packedForward(TAG, chunk, chunk.payload)).entries;
    const time = entry?.[0] as { readonly epoch: number; readonly nano: number };
    assert.deepEqual([time.epoch, time.nano], [1_700_000_000, 123_456_000]);
  });

  it('is the same for the same chunk, and does not copy its entries', () => {
    const chunk = chunkOf('a', [eventOf('1'), eventOf('2')]);
    const [first, second] = [1, 2].map(() => packedForward(TAG, chunk, chunk.payload));
    assert.ok(first && second);
    assert.deepEqual(bytesOf(first), bytesOf(second));
    assert.deepEqual(first.pieces.slice(1, -1), chunk.payload);
    assert.equal(first.pieces[1], chunk.payload[0]);
  });

  it('has an id of 128 bits in base64: one for each chunk id', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        assert.equal(Buffer.from(messageId(a), 'base64').length, 16);
        assert.equal(Buffer.from(messageId(a), 'base64').toString('base64'), messageId(a));
        assert.equal(messageId(a) === messageId(b), a === b);
      }),
    );
  });
});

describe('a message without entries', () => {
  it('asks for an ack in Forward mode, and holds no event', () => {
    const message = emptyMessage(TAG, 'probe-1');
    assert.deepEqual(decode(bytesOf(message)), [TAG, [], { chunk: messageId('probe-1') }]);
    const seen = parsed(message);
    assert.deepEqual([seen.entries, seen.chunk], [[], message.id]);
    assert.notEqual(message.id, emptyMessage(TAG, 'probe-2').id);
  });
});
