/**
 * The receiver of the benchmarks cuts messages of every kind that a sender sends, however the bytes arrive.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { FrameReader, type Frame } from '../../bench/frames.ts';

const ENTRY = encode([1_700_000_000, { auditID: 'x', verb: 'get' }]);
const ENTRIES = Buffer.concat([ENTRY, ENTRY, ENTRY]);

/** What Fluent Bit and old senders write: the entries as a str. */
function packedAsText(options: object): Buffer {
  const head = Buffer.from([0x93, 0xa1, 0x74, 0xda, 0, 0]);
  head.writeUInt16BE(ENTRIES.length, head.length - 2);
  return Buffer.concat([head, ENTRIES, encode(options)]);
}

interface Kind {
  readonly name: string;
  readonly message: Uint8Array;
  readonly expected: Partial<Frame>;
}

const KINDS: readonly Kind[] = [
  {
    name: 'PackedForward as bin',
    message: encode(['kube.audit', ENTRIES, { size: 3, chunk: 'id' }]),
    expected: { id: 'id', events: 3, bytes: ENTRIES.length, compressed: false },
  },
  {
    name: 'PackedForward as str, with further options',
    message: packedAsText({ chunk: 'id', size: 3, fluent_signal: 0, metadata: { a: [1] } }),
    expected: { id: 'id', events: 3, bytes: ENTRIES.length },
  },
  {
    name: 'PackedForward without options',
    message: encode(['kube.audit', ENTRIES]),
    expected: { id: undefined, events: 3 },
  },
  {
    name: 'compressed entries',
    message: encode(['kube.audit', ENTRIES, { size: 3, chunk: 'id', compressed: 'gzip' }]),
    expected: { events: 3, compressed: true },
  },
  {
    name: 'Forward mode',
    message: encode([
      'kube.audit',
      [
        [1, {}],
        [2, { a: 1 }],
      ],
      { chunk: 'id' },
    ]),
    expected: { id: 'id', events: 2 },
  },
  {
    name: 'no entries at all',
    message: encode(['kube.audit', [], { chunk: 'id' }]),
    expected: { id: 'id', events: 0, bytes: 0 },
  },
];

function framesOf(pieces: readonly Uint8Array[], keeps = true): readonly Frame[] {
  const reader = new FrameReader(keeps);
  return pieces.flatMap((piece) => {
    const bytes = Buffer.from(piece);
    const frames = [...reader.feed(bytes)];
    // The next piece is read into the same place.
    bytes.fill(0xff);
    return frames;
  });
}

function assertIs(frame: Frame | undefined, expected: Partial<Frame>): void {
  assert.ok(frame, 'there is a message');
  assert.deepEqual({ ...frame, ...expected }, frame);
}

describe('a frame reader', () => {
  for (const { name, message, expected } of KINDS) {
    it(`cuts ${name}, whole`, () => {
      const frames = framesOf([Buffer.concat([message, message])]);
      assert.equal(frames.length, 2);
      for (const frame of frames) assertIs(frame, expected);
    });

    it(`cuts ${name}, byte by byte`, () => {
      const bytes = Buffer.concat([message, message]);
      const frames = framesOf(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)));
      assert.equal(frames.length, 2);
      for (const frame of frames) assertIs(frame, expected);
    });

    it(`cuts ${name}, at every split`, () => {
      for (let at = 0; at <= message.length; at += 1) {
        const frames = framesOf([message.subarray(0, at), message.subarray(at)]);
        assert.equal(frames.length, 1);
        assertIs(frames[0], expected);
      }
    });
  }

  it('keeps the entries for those who look into them', () => {
    const message = encode(['kube.audit', ENTRIES, { size: 3, chunk: 'id' }]);
    assert.deepEqual(framesOf([message])[0]?.entries, ENTRIES);
    assert.equal(framesOf([message], false)[0]?.entries.length, 0);
  });

  it('does not guess how many events there are', () => {
    const message = encode(['kube.audit', ENTRIES, { chunk: 'id' }]);
    assert.throws(() => framesOf([message], false), /size/);
  });

  it('refuses what is no such message', () => {
    assert.throws(() => framesOf([encode({ a: 1 })]), /no message/);
    assert.throws(() => framesOf([encode(['tag', 5, {}])]), /no message/);
  });
});
