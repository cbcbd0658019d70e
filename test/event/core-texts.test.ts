/** Texts: every length, every character, every escape at every place; and UTF-8, of which every byte is judged. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import {
  assertAsReference,
  entryOf,
  judged,
  recordBytes,
  valueBytes,
} from '../support/one-core.ts';

/** As the core steps through texts: 16 bytes at a time, and another way of copying from 512 on. */
const STEPS = [15, 16, 17, 31, 32, 33, 47, 48, 49];
const LENGTHS = [0, 1, 2, 3, 4, 5, 13, 14, ...STEPS, 127, 128, 254, 255, 256, 257];
const LONG_LENGTHS = [511, 512, 513, 514, 527, 528, 529, 65_533, 65_535, 65_536, 65_537, 100_000];

function letters(length: number): string {
  return Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
}

describe('a plain text', () => {
  for (const length of [...LENGTHS, ...LONG_LENGTHS]) {
    it(`of ${length} bytes has the shortest head, as a value and as a key`, () => {
      const text = letters(length);
      const expected = Buffer.from(encode(text));
      assert.ok(valueBytes(`"${text}"`).equals(expected));
      const pair = Buffer.concat([Buffer.of(0xde, 0, 1), expected, expected]);
      assert.ok(recordBytes(`{"${text}":"${text}"}`).equals(pair));
      const deep = Buffer.concat([Buffer.of(0xdc, 0, 1, 0xde, 0, 1), expected, expected]);
      assert.ok(valueBytes(`[{"${text}":"${text}"}]`).equals(deep));
    });
  }

  it('does not touch its neighbours, whatever their lengths are', () => {
    for (const first of LENGTHS) {
      for (const second of LENGTHS) {
        const texts = [letters(first), letters(second), letters(first), 'end'];
        const { record } = entryOf(
          JSON.stringify({ list: texts, [texts[0] ?? '']: texts[1], z: 1 }),
        );
        assert.deepEqual(record, { list: texts, [texts[0] ?? '']: texts[1], z: 1 });
      }
    }
  });

  it('of other scripts is copied as it is', () => {
    for (const text of ['größe', '用户', '🚀', '\u2028', '\ufeff', '\u007f', 'ж'.repeat(200)]) {
      assert.deepEqual(entryOf(`{"${text}":"${text}"}`).record, { [text]: text });
    }
  });
});

describe('a character', () => {
  const special = ['\\n', '\\"', '\\\\', '\\u0041', '\\ud83d\\ude80', '\\ud800', 'ö', '用', '🚀'];

  it('may be of any kind at any place', () => {
    for (let length = 0; length < 50; length++) {
      for (let at = 0; at <= length; at++) {
        const text = special[(length + at) % special.length] ?? '';
        const json = `${'a'.repeat(at)}${text}${'b'.repeat(length - at)}`;
        assertAsReference(Buffer.from(`{"k":"${json}","${json}":1}`));
      }
    }
  });

  it('may follow any other', () => {
    for (const before of special) {
      for (const behind of special) {
        for (const between of ['', 'x', letters(14), letters(15), letters(16)]) {
          assertAsReference(Buffer.from(`{"k":"${before}${between}${behind}"}`));
        }
      }
    }
  });

  for (const length of [511, 512, 513, 65_531, 65_532, 65_533, 65_534, 65_535, 65_536, 200_000]) {
    it(`may be an escape or of another script beside ${length} bytes`, () => {
      for (const [json, text] of [
        ['\\t', '\t'],
        ['ö', 'ö'],
      ] as const) {
        const long = text + 'x'.repeat(length);
        const raw = json + 'x'.repeat(length);
        const { record } = entryOf(`{"${raw}":["${raw}","y","${raw}"],"z":1}`);
        assert.ok(Object.keys(record)[0] === long);
        const list = record[long] as readonly string[];
        assert.ok(list[0] === long && list[1] === 'y' && list[2] === long);
        assert.equal(record['z'], 1);
      }
    });
  }

  it('has a head that fits the bytes it is written with, not those it is read from', () => {
    // 65,535 bytes and 65,536 bytes, of escapes that take six bytes each.
    for (const count of [65_535, 65_536]) {
      const bytes = valueBytes(`"${'\\u0001'.repeat(count)}"`);
      const head = count === 65_535 ? 'daffff' : 'db00010000';
      assert.equal(bytes.toString('hex', 0, head.length / 2), head);
      assert.equal(bytes.length, head.length / 2 + count);
    }
  });

  it('is each one that an escape can say', () => {
    for (let code = 0; code < 0x1_0000; code += code < 0x1000 || code > 0xd700 ? 1 : 37) {
      const digits = code.toString(16).padStart(4, '0');
      const expected = Buffer.from(String.fromCharCode(code)).toString();
      assert.deepEqual(entryOf(`{"k":"\\u${digits}"}`).record, { k: expected });
      assert.equal(entryOf(`{"k":"\\u${digits.toUpperCase()}"}`).record['k'], expected);
    }
    for (let code = 0x1_0000; code < 0x11_0000; code += 997) {
      const character = String.fromCodePoint(code);
      const units = Array.from({ length: 2 }, (_, index) => character.charCodeAt(index));
      const text = units.map((unit) => `\\u${unit.toString(16)}`).join('');
      assert.deepEqual(entryOf(`{"k":"${text}"}`).record, { k: character });
    }
  });

  const short = { b: 8, f: 12, n: 10, r: 13, t: 9, '"': 34, '\\': 92, '/': 47 };
  it('has short escapes, and no others', () => {
    for (let code = 0; code < 256; code++) {
      const letter = String.fromCharCode(code);
      const line = Buffer.from(`{"":"\\${letter}"}`, 'latin1');
      const value = (short as Readonly<Record<string, number>>)[letter];
      assert.equal(judged(line), value === undefined ? 'invalid' : 'object', letter);
      if (value !== undefined) assert.deepEqual([...recordBytes(line).subarray(7)], [value]);
    }
  });

  it('has an escape of four hexadecimal digits, and of nothing else', () => {
    for (let code = 0; code < 256; code++) {
      for (let at = 0; at < 4; at++) {
        const digits = Buffer.from('00e9');
        digits[at] = code;
        const line = Buffer.concat([Buffer.from('{"":"\\u'), digits, Buffer.from('"}')]);
        assertAsReference(line);
      }
    }
  });
});

describe('half a character', () => {
  const halves: readonly (readonly [string, string])[] = [
    ['\\ud83d', '\ufffd'],
    ['\\ude80', '\ufffd'],
    ['\\ud83dx', '\ufffdx'],
    ['\\ud83d\\n', '\ufffd\n'],
    ['\\ud83d\\u0041', '\ufffdA'],
    ['\\ud83d\\ue000', '\ufffd\ue000'],
    ['\\ude80\\ud83d', '\ufffd\ufffd'],
    ['\\ud83d\\ud83d\\ude80', '\ufffd🚀'],
    ['\\ud83d\\ude80\\ude80', '🚀\ufffd'],
    ['\\udbff\\udfff', '\u{10ffff}'],
    ['\\ud800\\udc00', '\u{10000}'],
    ['\\ud7ff\\ue000', '\ud7ff\ue000'],
    ['\\udfff\\udbff', '\ufffd\ufffd'],
    ['\\ud83d🚀', '\ufffd🚀'],
  ];
  for (const [text, expected] of halves) {
    it(`is replaced, and a whole one is not: ${text}`, () => {
      assert.deepEqual(entryOf(`{"${text}":"${text}"}`).record, { [expected]: expected });
    });
  }

  it('does not hide an escape that is none', () => {
    for (const text of [
      '\\ud83d\\u00g0',
      '\\ud83d\\x',
      '\\ud83d\\',
      '\\ud83d\\u',
      '\\ud83d\\ud83',
    ]) {
      assert.equal(judged(`{"":"${text}"}`), 'invalid', text);
    }
  });
});

describe('UTF-8', () => {
  const first = Array.from({ length: 256 }, (_, byte) => byte);
  /** The ends of all ranges that a second, third or fourth byte may lie in. */
  const others = [
    0x00, 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc3, 0xff,
  ];
  const places = [0, 7, 12, 13, 14, 15, 16];

  /** Not compared with JSON.parse: no other byte of the text can make it invalid. */
  function assertCharacter(bytes: readonly number[], place: number): void {
    const text = Buffer.concat([Buffer.alloc(place, 0x78), Buffer.from(bytes), Buffer.from('xyz')]);
    const line = Buffer.concat([Buffer.from('{"":"'), text, Buffer.from('"}')]);
    const isGood = isUtf8(text) && bytes.every((byte) => byte >= 0x20);
    assert.equal(judged(line), isGood ? 'object' : 'invalid', line.toString('hex'));
    if (isGood) assert.ok(recordBytes(line).subarray(-text.length).equals(text));
  }

  it('is judged by each first and second byte', () => {
    for (const one of first) {
      if (one === 0x22 || one === 0x5c) continue;
      for (const two of first) {
        if (two !== 0x22 && two !== 0x5c) assertCharacter([one, two], (one + two) % 17);
      }
    }
  });

  it('is judged by each third and fourth byte', () => {
    const starts = first.filter((byte) => byte >= 0xc0);
    const rest = others.filter((byte) => byte !== 0x22 && byte !== 0x5c);
    for (const one of starts) {
      for (const two of rest) {
        for (const three of rest) {
          assertCharacter([one, two, three], places[three % places.length] ?? 0);
          if (one < 0xf0) continue;
          for (const four of rest) {
            assertCharacter([one, two, three, four], places[(three + four) % places.length] ?? 0);
          }
        }
      }
    }
  });

  it('is cut by a quote, a backslash and the end of the line', () => {
    for (const character of ['ö', '用', '🚀']) {
      const bytes = Buffer.from(character);
      for (let cut = 1; cut < bytes.length; cut++) {
        for (const behind of ['"}', '\\n"}', '', 'x"}', '"', '":1}']) {
          const line = Buffer.concat([
            Buffer.from('{"'),
            bytes.subarray(0, cut),
            Buffer.from(behind),
          ]);
          assert.equal(judged(line), 'invalid');
          const value = Buffer.concat([
            Buffer.from('{"":"'),
            bytes.subarray(0, cut),
            Buffer.from(behind),
          ]);
          assert.equal(judged(value), 'invalid');
        }
      }
    }
  });

  it('is needed in keys, in values and everywhere else', () => {
    const bad = [
      '{"\xff":1}',
      '{"a":"\xc3"}',
      '{\xa0"a":1}',
      '\xef\xbb\xbf{}',
      '{}\xff',
      '{"a":1\xff}',
      '[\xff]',
    ];
    for (const text of bad) assert.equal(judged(Buffer.from(text, 'latin1')), 'invalid');
  });

  it('holds any character', () => {
    const some = fc.string({ unit: 'binary', maxLength: 80 });
    const text = some.map((one) => Buffer.from(one).toString());
    fc.assert(
      fc.property(text, text, (key, value) => {
        const line = `{${JSON.stringify(key)}:${JSON.stringify(value)}}`;
        assertAsReference(Buffer.from(line));
      }),
      { numRuns: 300 },
    );
  });
});

it('any byte may be tried at any place of a text', () => {
  for (const length of [1, 2, 3, 15, 16, 17, 18, 33]) {
    for (let at = 0; at < length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const text = Buffer.from(`{"a":"${'x'.repeat(length)}"}`);
        text[6 + at] = byte;
        assertAsReference(text);
      }
    }
  }
});
