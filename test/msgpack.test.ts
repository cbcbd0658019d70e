/** The words of MessagePack that are written one by one, as @msgpack/msgpack reads them. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decode } from '@msgpack/msgpack';
import { arrayHeader, binHeader, mapHeader, str, uint32 } from '../src/msgpack.ts';

it('texts of every length', () => {
  for (const length of [0, 1, 31, 32, 255, 256, 65_535, 65_536]) {
    const text = 'a'.repeat(length);
    assert.equal(decode(str(text)), text);
  }
  assert.equal(decode(str('ä€😀')), 'ä€😀');
});

it('numbers and bytes', () => {
  for (const value of [0, 1, 255, 65_536, 2 ** 32 - 1]) assert.equal(decode(uint32(value)), value);
  const bin = Buffer.concat([binHeader(3), Buffer.from('abc')]);
  assert.deepEqual(Buffer.from(decode(bin) as Uint8Array), Buffer.from('abc'));
});

it('arrays and maps', () => {
  const parts = [arrayHeader(1), mapHeader(1), str('a'), str('b')];
  assert.deepEqual(decode(Buffer.concat(parts)), [{ a: 'b' }]);
  for (const pairs of [0, 15, 16, 300]) {
    const members = Array.from({ length: pairs }, (_, index) => [str(`key ${index}`), str('b')]);
    const map = decode(Buffer.concat([mapHeader(pairs), ...members.flat()]));
    assert.equal(Object.keys(map as object).length, pairs);
  }
});
