/**
 * MessagePack of the Forward protocol's small talk: read in whatever pieces it arrives, as @msgpack/msgpack reads it,
 * and with limits that hold against anything a peer may send.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { MessageReader, ProtocolError, type Value } from '../../../src/output/forward/msgpack.ts';
import { feedsOf } from '../../support/byte-feeds.ts';

const MAX_MESSAGE_BYTES = 16 * 1024;

function readAll(pieces: readonly Buffer[]): Value[] {
  const reader = new MessageReader();
  return pieces.flatMap((piece) => [...reader.feed(piece)]);
}

/** What @msgpack/msgpack gives, in our terms: both kinds of text are bytes. */
function inOurTerms(value: unknown): Value {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(inOurTerms);
  if (typeof value === 'object' && value !== null) {
    return new Map(
      Object.entries(value).map(([key, item]) => [
        Buffer.from(key).toString('latin1'),
        inOurTerms(item),
      ]),
    );
  }
  return value as Value;
}

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
);
const key = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text !== '__proto__');
const flat = fc.oneof(scalar, fc.array(scalar, { maxLength: 20 }), fc.dictionary(key, scalar));
const message = fc.oneof(flat, fc.array(flat, { maxLength: 18 }), fc.dictionary(key, flat));

describe('the reader of messages', () => {
  it('reads what @msgpack/msgpack writes', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 3 }), (messages) => {
        const bytes = Buffer.concat(messages.map((one) => encode(one)));
        fc.pre(bytes.length < MAX_MESSAGE_BYTES);
        assert.deepEqual(readAll([bytes]), messages.map(inOurTerms));
      }),
    );
  });

  it('reads the same in whatever pieces it arrives', () => {
    const messages = [
      ['HELO', { nonce: Buffer.from('ff00fe', 'hex'), auth: 'salt', keepalive: true }],
      ['PONG', false, 'x'.repeat(40), 'receiver', ''],
      { ack: 'AAECAwQFBgcICQoLDA0ODw==' },
      [1, -1, -32, 200, 70_000, -200, -70_000, null, false, 'y'.repeat(300)],
    ];
    const bytes = Buffer.concat(messages.map((one) => encode(one)));
    const expected = messages.map(inOurTerms);
    for (const pieces of feedsOf(bytes)) assert.deepEqual(readAll(pieces), expected);
  });

  it('reads every width of length and number, also where a shorter one would do', () => {
    const cases: readonly (readonly [string, Value])[] = [
      ['c40161', Buffer.from('a')],
      ['c5000161', Buffer.from('a')],
      ['c60000000161', Buffer.from('a')],
      ['d90161', Buffer.from('a')],
      ['da000161', Buffer.from('a')],
      ['db0000000161', Buffer.from('a')],
      ['dc000101', [1]],
      ['dd0000000101', [1]],
      ['de0001a16101', new Map([['a', 1]])],
      ['df00000001a16101', new Map([['a', 1]])],
      ['cc01', 1],
      ['cd0001', 1],
      ['ce00000001', 1],
      ['d0ff', -1],
      ['d1ffff', -1],
      ['d2ffffffff', -1],
    ];
    for (const [hex, value] of cases) {
      const bytes = Buffer.from(hex, 'hex');
      for (const pieces of feedsOf(bytes)) assert.deepEqual(readAll(pieces), [value], hex);
    }
  });

  it('waits for the rest of a message, and keeps no more than that', () => {
    const reader = new MessageReader();
    const bytes = Buffer.from(encode({ ack: 'abc' }));
    assert.deepEqual([...reader.feed(bytes.subarray(0, 4))], []);
    assert.deepEqual([...reader.feed(Buffer.alloc(0))], []);
    assert.equal([...reader.feed(bytes.subarray(4))].length, 1);
    assert.deepEqual([...reader.feed(Buffer.alloc(0))], []);
  });

  it('keeps what it was given when the socket writes over its buffer', () => {
    const reader = new MessageReader();
    const bytes = Buffer.from(encode({ ack: 'abcdef' }));
    const [head, tail] = [Buffer.from(bytes.subarray(0, 7)), Buffer.from(bytes.subarray(7))];
    assert.deepEqual([...reader.feed(head)], []);
    head.fill(0);
    const values = [...reader.feed(tail)];
    tail.fill(0);
    assert.deepEqual(values, [new Map([['ack', Buffer.from('abcdef')]])]);
  });
});

describe('the reader of messages refuses', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['a byte that MessagePack never uses', 'c1'],
    ['a float', 'cb3ff0000000000000'],
    ['a number of eight bytes', 'cf0000000000000001'],
    ['an extension', 'd700000000000000000000'],
    ['a text longer than any message', 'db00010000'],
    ['a bin of 4 GB', 'c6ffffffff'],
    ['an array of 4 billion items', 'ddffffffff'],
    ['a map of 4 billion pairs', 'dfffffffff'],
    ['a key that is no text', '810101'],
    ['arrays within arrays', '91919191919101'],
    ['maps within maps', '81a16181a16181a16181a16181a16181a16101'],
  ];
  for (const [what, hex] of refused) {
    it(`${what}, in whatever pieces it arrives`, () => {
      for (const pieces of feedsOf(Buffer.from(hex, 'hex'))) {
        assert.throws(() => readAll(pieces), ProtocolError);
      }
    });
  }

  it('a message that never ends, before it has taken much memory', () => {
    const reader = new MessageReader();
    const item = Buffer.from(encode('x'.repeat(1000)));
    assert.throws(() => {
      const begin = Buffer.from('dc3fff', 'hex');
      for (const _ of reader.feed(begin)) assert.fail('it is not complete');
      for (let fed = 0; fed < 4 * MAX_MESSAGE_BYTES; fed += item.length) {
        for (const _ of reader.feed(item)) assert.fail('it is not complete');
      }
    }, ProtocolError);
  });

  it('what follows a good message, and not that one', () => {
    const bytes = Buffer.concat([encode({ ack: 'abc' }), Buffer.of(0xc1)]);
    const values = new MessageReader().feed(bytes);
    assert.deepEqual(values.next().value, new Map([['ack', Buffer.from('abc')]]));
    assert.throws(() => values.next(), ProtocolError);
  });

  it('an HTTP answer', () => {
    const answer = Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n');
    // It begins with "H", a number in MessagePack: whoever waits for a message refuses that.
    assert.equal(readAll([answer])[0], 'H'.charCodeAt(0));
  });

  it('garbage, or reads it as values: it never fails otherwise and never hangs', () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, (garbage) => {
        try {
          const values = readAll(garbage.map((piece) => Buffer.from(piece)));
          assert.ok(values.length <= garbage.reduce((sum, { length }) => sum + length, 0));
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
