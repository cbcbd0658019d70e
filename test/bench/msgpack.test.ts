/**
 * Where MessagePack values end: held against what @msgpack/msgpack writes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, ExtData } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { countValues, endOfValue, headAt, Incomplete, Passage } from '../../bench/msgpack.ts';

/** One of each type that has a length of its own, and the sizes at which the type changes. */
const SAMPLES: readonly unknown[] = [
  null,
  true,
  0,
  127,
  128,
  256,
  65_536,
  2 ** 32,
  -1,
  -33,
  -129,
  -32_769,
  -(2 ** 40),
  1.5,
  ...[0, 31, 32, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length)),
  ...[0, 255, 256, 65_536].map((length) => new Uint8Array(length)),
  ...[1, 2, 4, 8, 16, 3, 300, 70_000].map((length) => new ExtData(5, new Uint8Array(length))),
  ...[0, 15, 16, 65_536].map((length) => Array.from({ length }, () => 1)),
  ...[0, 15, 16, 65_536].map((length) => {
    return Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, index]));
  }),
];

function bytesOf(value: unknown): Buffer {
  return Buffer.from(encode(value));
}

describe('where a value ends', () => {
  it('is its last byte, for every type', () => {
    for (const sample of SAMPLES) {
      const bytes = bytesOf(sample);
      const more = Buffer.concat([Buffer.from([0xc0]), bytes, Buffer.from([0xc0])]);
      assert.equal(endOfValue(more, 1), bytes.length + 1, `type 0x${bytes[0]?.toString(16)}`);
    }
  });

  it('is not known before all of it is there', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (value, cut) => {
        const bytes = bytesOf(value);
        assert.equal(endOfValue(bytes, 0), bytes.length);
        const part = bytes.subarray(0, cut % bytes.length);
        assert.throws(() => endOfValue(part, 0), Incomplete);
      }),
      { numRuns: 300 },
    );
  });

  it('is found when the bytes come in pieces', () => {
    const values = [...SAMPLES, ...SAMPLES.map((sample) => [sample, { sample }])];
    const bytes = Buffer.concat([Buffer.from('skip'), ...values.map(bytesOf), Buffer.from([0xc1])]);
    for (const length of [1, 2, 3, 7, 1000, 65_537, bytes.length]) {
      const passage = new Passage(values.length, 4);
      let passed = 0;
      for (let at = 0; at < bytes.length; at += length) {
        const piece = bytes.subarray(at, at + length);
        passed += passage.pass(piece);
        assert.equal(passage.isOver, at + piece.length >= bytes.length - 1);
      }
      assert.equal(passed, bytes.length - 1, `pieces of ${length} bytes`);
    }
  });

  it('counts what stands one behind the other', () => {
    const bytes = Buffer.concat([[1, [2, 3]], { a: 'b' }, 'text'].map(bytesOf));
    assert.equal(countValues(bytes), 3);
  });
});

describe('the head of a value', () => {
  const cases: readonly (readonly [unknown, string, number])[] = [
    ['a text of more than 31 characters', 'bytes', 33],
    [new Uint8Array(300), 'bytes', 300],
    [[1, 2, 3], 'array', 3],
    [Array.from({ length: 20 }, () => 0), 'array', 20],
    [{ a: 1 }, 'map', 1],
  ];
  for (const [value, kind, length] of cases) {
    it(`is that of ${kind} of ${length}`, () => {
      const { kind: found, length: foundLength } = headAt(bytesOf(value), 0) ?? {};
      assert.deepEqual([found, foundLength], [kind, length]);
    });
  }

  it('is none of a number', () => {
    assert.equal(headAt(bytesOf(5), 0), undefined);
    assert.equal(headAt(bytesOf(1.5), 0), undefined);
  });
});
