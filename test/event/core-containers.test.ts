/** Maps and lists: their heads count what is in them, and what the caller adds; keys stay as they come. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { encode } from '@msgpack/msgpack';
import type { Style } from '../../src/event/core.ts';
import { entryOf, recordBytes, valueBytes, written } from '../support/one-core.ts';
import { comparable } from '../support/reference.ts';

function assertSame(json: string): void {
  const { record } = entryOf(json);
  assert.ok(isDeepStrictEqual(comparable(record), comparable(JSON.parse(json))), json.slice(0, 99));
}

describe('a container', () => {
  it('keeps every key, its order, and __proto__ as one of them', () => {
    const bytes = recordBytes('{"__proto__":1,"b":2,"a":3,"b":{"a":[],"c":{}}}');
    const expected = [
      [0xde, 0, 4, 0xa9, ...Buffer.from('__proto__'), 1, 0xa1, 0x62, 2, 0xa1, 0x61, 3],
      [0xa1, 0x62, 0xde, 0, 2, 0xa1, 0x61, 0x90, 0xa1, 0x63, 0x80],
    ].flat();
    assert.deepEqual([...bytes], expected);
  });

  it('is one byte when it is empty', () => {
    assert.deepEqual([...recordBytes(' { } ')], [0x80]);
    assert.deepEqual([...valueBytes('[ ]')], [0x90]);
    assert.deepEqual([...valueBytes('{\t}')], [0x80]);
    assert.deepEqual([...valueBytes('[[],{}]')], [0xdc, 0, 2, 0x90, 0x80]);
  });

  it('has its members in their places, also where it stands among others', () => {
    const bytes = recordBytes('{"a":[1,{"b":[2,3]},[[4]],5],"c":{"d":{"e":6},"f":7},"g":8}');
    const list = 'dc0004 01 de0001a162dc00020203 dc0001dc000104 05';
    const map = 'de0002 a164de0001a16506 a16607';
    const whole = `de0003 a161${list} a163${map} a16708`;
    assert.equal(bytes.toString('hex'), whole.replaceAll(' ', ''));
  });

  for (const count of [1, 2, 15, 16, 65_535, 65_536, 70_000]) {
    it(`has all of ${count} members`, () => {
      const array = `[${Array.from({ length: count }, (_, index) => index).join()}]`;
      const members = Array.from({ length: count }, (_, index) => `"${index}":"${index}"`);
      assertSame(`{"before":"x","array":${array},"behind":["y",{"in":{${members.join()}}}],"z":1}`);
      assertSame(`{${members.join()}}`);
    });
  }

  it('counts its members in 16 bits as long as they fit', () => {
    const list = (count: number): Buffer => valueBytes(`[${'1,'.repeat(count - 1)}1]`);
    const map = (count: number): Buffer => valueBytes(`{${'"":1,'.repeat(count - 1)}"":1}`);
    assert.equal(list(65_535).toString('hex', 0, 6), 'dcffff010101');
    assert.equal(list(65_536).toString('hex', 0, 6), 'dd0001000001');
    assert.equal(map(65_535).toString('hex', 0, 6), 'deffffa001a0');
    assert.equal(map(65_536).toString('hex', 0, 6), 'df00010000a0');
    assert.deepEqual([list(65_536).length, map(65_536).length], [5 + 65_536, 5 + 2 * 65_536]);
  });
});

describe('what is added', () => {
  const add = (first: Uint8Array, second: Uint8Array = Buffer.alloc(0), third = ''): Style => ({
    format: 'forward',
    added: [Buffer.from(first), Buffer.from(second), Buffer.from(third)],
  });
  const one = add(Buffer.concat([encode('added'), encode(2)]));

  for (const own of [0, 1, 14, 15, 16, 65_534, 65_535, 65_536]) {
    it(`is counted beside ${own} members of the event’s own`, () => {
      const members = Array.from({ length: own }, (_, index) => `"${index}":1`);
      const { record } = entryOf(`{${members.join()}}`, one);
      const expected: unknown = JSON.parse(`{${[...members, '"added":2'].join()}}`);
      assert.ok(isDeepStrictEqual(record, expected));
      assert.ok(Object.keys(record).includes('added'));
    });
  }

  it('is not counted in an object of the event', () => {
    const pair = [...encode('added'), 2];
    const known: readonly (readonly [string, readonly number[]])[] = [
      ['{}', [0x81, ...pair]],
      ['{"a":{}}', [0xde, 0, 2, 0xa1, 0x61, 0x80, ...pair]],
      ['{"a":[]}', [0xde, 0, 2, 0xa1, 0x61, 0x90, ...pair]],
      ['{"a":{"":[1]}}', [0xde, 0, 2, 0xa1, 0x61, 0xde, 0, 1, 0xa0, 0xdc, 0, 1, 1, ...pair]],
    ];
    for (const [json, bytes] of known) {
      assert.deepEqual([...recordBytes(json, one)], bytes, json);
    }
  });

  for (const [offset, packed] of [
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [65_536, 'ce00010000'],
    [2 ** 32, 'cf0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
  ] as const) {
    it(`has the offset and the id of the line at ${offset}`, () => {
      const begin = Buffer.concat([encode('at'), Buffer.of(0x82), encode('offset')]);
      const { bytes } = written('{}', add(begin, encode('id'), 'f00d-'), offset);
      const id = Buffer.from(encode(`f00d-${offset}`));
      const expected = Buffer.concat([begin, Buffer.from(packed, 'hex'), encode('id'), id]);
      assert.equal(bytes.subarray(12).toString('hex'), expected.toString('hex'));
      assert.equal(bytes[11], 0x81);
    });
  }

  it('has an id with a head that fits it', () => {
    for (const length of [0, 20, 28, 29, 30, 31, 32, 240, 252, 253, 254, 255, 65_530, 65_535]) {
      const prefix = 'p'.repeat(length);
      const begin = Buffer.concat([encode('at'), Buffer.of(0x82), encode('offset')]);
      const style = add(begin, encode('id'), prefix);
      for (const offset of [0, 99, 1234]) {
        const { bytes } = written('{}', style, offset);
        const id = Buffer.from(encode(`${prefix}${offset}`));
        assert.ok(bytes.subarray(-id.length).equals(id), `${length} and ${offset}`);
      }
    }
  });
});
