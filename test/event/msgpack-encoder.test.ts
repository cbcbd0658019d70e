/**
 * From JSON to MessagePack: the verdict is the validator's, what comes out is what JSON.parse sees (an independent
 * decoder says so), and the room that was asked for is enough. Every encoding here has exactly that room.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { judgeJson, MAX_DEPTH } from '../../src/event/json.ts';
import {
  encodeObject,
  FAILED,
  maxEncodedBytes,
  type TopLevel,
} from '../../src/event/msgpack-encoder.ts';
import { memoryOf } from '../../src/event/msgpack.ts';
import { bodyEvent } from '../support/blocks.ts';

/** Neighbours that would change the verdict if they were looked at, and an odd offset for words of four bytes. */
const BEFORE = Buffer.from('{"a":1');
const BEHIND = Buffer.from('}]"0,');
const TO = 3;

interface Encoded {
  readonly bytes: Buffer;
  /** The text of the time; undefined where none was found. */
  readonly time: string | undefined;
}

/** Undefined when the bytes are no object. */
function encoded(
  json: Buffer | string,
  added = 0,
  timeKey?: string,
  behind = BEHIND,
): Encoded | undefined {
  const given = Buffer.from(json);
  const source = memoryOf(Buffer.concat([BEFORE, given, behind]));
  const target = memoryOf(Buffer.alloc(TO + maxEncodedBytes(given.length)));
  const top: TopLevel = {
    added,
    timeKey: timeKey === undefined ? undefined : Buffer.from(timeKey),
    timeStart: 0,
    timeEnd: 0,
  };
  const start = BEFORE.length;
  const end = encodeObject(source, start, start + given.length, target, TO, top);
  if (end === FAILED) return undefined;
  // Copying into too small a buffer is silent; numbers that do not fit throw.
  assert.ok(end <= target.bytes.length, 'more was written than was asked for');
  const { timeStart, timeEnd } = top;
  return {
    bytes: target.bytes.subarray(TO, end),
    time: timeStart === FAILED ? undefined : target.bytes.toString('utf8', timeStart, timeEnd),
  };
}

function bytesOf(json: Buffer | string): Buffer {
  const result = encoded(json);
  assert.ok(result !== undefined, 'it is an object');
  return result.bytes;
}

function decoded(json: Buffer | string): unknown {
  return decode(bytesOf(json), { useBigInt64: true });
}

/** The bytes of a scalar: what an object's only member takes behind its head and key. */
function scalarBytes(text: string): Buffer {
  return bytesOf(`{"":${text}}`).subarray(4);
}

/** What JSON.parse would see: halves of characters are replaced, and 64 bits become a double. */
function asParsed(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(asParsed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [asParsed(key), asParsed(member)]),
  );
}

function assertSame(json: string): void {
  assert.deepEqual(asParsed(decoded(json)), asParsed(JSON.parse(json)), json.slice(0, 500));
}

function assertVerdict(bytes: Buffer): void {
  const isObject = judgeJson(bytes, 0, bytes.length) === 'object';
  assert.equal(encoded(bytes) !== undefined, isObject, bytes.toString('latin1'));
  // Reading a number beyond the end of everything throws.
  const last = encoded(bytes, 0, undefined, Buffer.alloc(0));
  assert.equal(last !== undefined, isObject, bytes.toString('latin1'));
}

// --- texts of JSON in all their forms, not only as JSON.stringify writes them ---

const space = fc.constantFrom('', '', '', ' ', '\t', '\r', '\n', ' \t\r\n ');
const hex4 = fc.stringMatching(/^[0-9a-fA-F]{4}$/);
const characters = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }) },
);
const plainText = characters.map((text) =>
  JSON.stringify(Buffer.from(text).toString()).slice(1, -1),
);
const escape = fc.oneof(
  fc.constantFrom(...Array.from('"\\/bfnrt', (letter) => `\\${letter}`)),
  hex4.map((digits) => `\\u${digits}`),
  fc.constantFrom(
    '\\ud83d\\ude80',
    '\\uD83D',
    '\\uDE80',
    '\\ud83d\\u0041',
    '\\ud83d\\ud83d\\ude80',
  ),
);
const stringText = fc
  .array(fc.oneof({ weight: 3, arbitrary: plainText }, escape), { maxLength: 6 })
  .map((parts) => `"${parts.join('')}"`)
  .filter((text) => !text.includes('__proto__'));
/** Keys that differ only in halves of characters would become one key, in another order than JSON.parse has it. */
const keyText = stringText.filter((text) => {
  const key = JSON.parse(text) as string;
  return Buffer.from(key).toString() === key;
});
const numberText = fc.stringMatching(
  /^-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?$/,
);
const { object: objectText } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(stringText, numberText, fc.constantFrom('true', 'false', 'null')),
    fc
      .array(fc.tuple(space, tie('value'), space), { maxLength: 5 })
      .map((members) => `[${members.map((parts) => parts.join('')).join(',')}]`),
    fc.tuple(space, space).map(([a, b]) => `${a}[${a}${b}]${b}`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(space, keyText, space, space, tie('value'), space), { maxLength: 5 })
    .map((members) => {
      const texts = members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`);
      return `{${texts.join(',')}}`;
    }),
}));

const EVENT = bodyEvent('1').replace(
  '"spec"',
  '"numbers":[0,-1,200,-0.5e+7,70000,18446744073709551615],"empty":[{},[],""],"all":[true,false,null],' +
    '"escapes":"\\u00e9\\ud83d\\ude80\\n","spec"',
);

describe('the verdict', () => {
  it('is the validator’s at every cut of an event', () => {
    const event = Buffer.from(EVENT);
    for (let end = 0; end <= event.length; end++) assertVerdict(event.subarray(0, end));
  });

  it('is the validator’s when a byte of an event is another one', () => {
    const event = Buffer.from(EVENT);
    const others = [...Buffer.from('"\\{}[]:,0-.eEu tn\n\u0001'), 0x7f, 0x80, 0xff];
    for (const [at, byte] of Array.from(event.entries())) {
      for (const other of [...others, byte ^ 0x20, byte ^ 1, byte ^ 0x80]) {
        event[at] = other;
        assertVerdict(event);
      }
      event[at] = byte;
    }
  });

  it('is the validator’s for text of the characters of JSON', () => {
    const text = fc
      .array(fc.constantFrom(...Array.from('{}[]":,\\/+-.019eEutrfalsn \t\n\u0000\u007f')))
      .map((chars) => Buffer.from(`{"a":${chars.join('')}}`));
    fc.assert(fc.property(text, assertVerdict), { numRuns: 5000 });
  });

  it('is the validator’s for any byte anywhere in a string', () => {
    for (let length = 0; length < 12; length++) {
      for (let at = 0; at < length; at++) {
        for (let byte = 0; byte < 256; byte++) {
          const text = Buffer.from(`{"a":"${'x'.repeat(length)}"}`);
          text[6 + at] = byte;
          assertVerdict(text);
        }
      }
    }
  });

  it('is the validator’s at every cut of escapes', () => {
    const text = Buffer.from('{"\\ud83d\\ude80\\n":"\\ud83d\\u0041 \\u00e9"}');
    for (let end = 0; end <= text.length; end++) assertVerdict(text.subarray(0, end));
  });

  it('is no for what is no object, whatever stands around it', () => {
    for (const text of ['', ' ', '[]', '1', '"a"', 'null', '{}{}', '{} x', '{', 'x{}']) {
      assert.equal(encoded(text), undefined, text);
    }
  });

  it('has the validator’s limit of depth', () => {
    const nested = (depth: number): Buffer =>
      Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
    assert.ok(encoded(nested(MAX_DEPTH)) !== undefined);
    assert.equal(encoded(nested(MAX_DEPTH + 1)), undefined);
    const objects = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
    assert.ok(encoded(objects(MAX_DEPTH)) !== undefined);
    assert.equal(encoded(objects(MAX_DEPTH + 1)), undefined);
  });

  it('leaves nothing behind for the next one', () => {
    const expected = bytesOf(EVENT);
    for (let end = 0; end < EVENT.length; end += 7) {
      encoded(EVENT.slice(0, end));
      assert.ok(bytesOf(EVENT).equals(expected));
    }
  });
});

describe('what comes out', () => {
  it('is what JSON.parse sees, in whatever form it is written', () => {
    fc.assert(fc.property(objectText, assertSame), { numRuns: 3000 });
  });

  it('is what JSON.parse sees in JSON as it is usually written', () => {
    const json = fc
      .tuple(fc.string(), fc.json({ maxDepth: 5 }))
      .map(([key, value]) => `{${JSON.stringify(key)}:${value}}`)
      .filter((text) => !text.includes('__proto__'));
    fc.assert(fc.property(json, assertSame), { numRuns: 1000 });
  });

  it('is an event with all that it holds', () => {
    assertSame(EVENT);
  });

  it('keeps every key, its order, and __proto__ as one of them', () => {
    const bytes = bytesOf('{"__proto__":1,"b":2,"a":3,"b":{"a":[],"c":{}}}');
    const expected = [
      [0xde, 0, 4, 0xa9, ...Buffer.from('__proto__'), 1, 0xa1, 0x62, 2, 0xa1, 0x61, 3],
      [0xa1, 0x62, 0xde, 0, 2, 0xa1, 0x61, 0x90, 0xa1, 0x63, 0x80],
    ].flat();
    assert.deepEqual([...bytes], expected);
  });

  it('is one byte for what is empty', () => {
    assert.deepEqual([...bytesOf(' { } ')], [0x80]);
    assert.deepEqual([...scalarBytes('[ ]')], [0x90]);
    assert.deepEqual([...scalarBytes('""')], [0xa0]);
  });

  for (const count of [1, 15, 16, 65_535, 65_536, 70_000]) {
    it(`has all of ${count} members`, () => {
      const array = `[${Array.from({ length: count }, (_, index) => index).join()}]`;
      const members = Array.from({ length: count }, (_, index) => `"${index}":"${index}"`);
      assertSame(`{"before":"x","array":${array},"behind":[${array},"y"]}`);
      assertSame(`{"before":"x","object":{"in":{${members.join()}}},"behind":"y"}`);
      assertSame(`{${members.join()}}`);
    });
  }
});

it('counts members in 16 bits as long as they fit', () => {
  const head = (count: number): string => {
    return scalarBytes(`[${'1,'.repeat(count - 1)}1]`).toString('hex', 0, 6);
  };
  assert.equal(head(65_535), 'dcffff010101');
  assert.equal(head(65_536), 'dd0001000001');
});

describe('a number', () => {
  const powers = [3, 5, 7, 8, 15, 16, 31, 32, 33, 50, 52, 53, 54, 62, 63, 64, 65].map(
    (bits) => 1n << BigInt(bits),
  );
  const near = powers.flatMap((power) => [-1n, 0n, 1n].map((more) => power + more));
  const tens = Array.from({ length: 22 }, (_, digits) => 10n ** BigInt(digits));
  const numbers = [...near, ...tens, ...tens.map((ten) => ten - 1n)];

  function assertExact(value: bigint): void {
    const bytes = scalarBytes(String(value));
    const isInside = value >= -(1n << 63n) && value < 1n << 64n;
    // With BigInt this encoder makes doubles of numbers that 32 bits do not hold.
    const isSmall = value >= -(1n << 31n) && value < 1n << 32n;
    const expected = isInside && !isSmall ? value : Number(value);
    assert.deepEqual(bytes, Buffer.from(encode(expected, { useBigInt64: true })), String(value));
  }

  it('keeps all its digits up to 64 bits, in as few bytes as hold it', () => {
    for (const value of numbers) {
      assertExact(value);
      if (value !== 0n) assertExact(-value);
    }
    fc.assert(fc.property(fc.bigInt(-(1n << 66n), 1n << 66n), assertExact), { numRuns: 2000 });
    fc.assert(fc.property(fc.maxSafeInteger().map(BigInt), assertExact), { numRuns: 2000 });
  });

  const doubles: readonly string[] = [
    '-0',
    '0.0',
    '-0.0',
    '1.0',
    '1e0',
    '0e5',
    '1.5',
    '-2.5E-3',
    '1E+2',
    '1e999',
    '-1e999',
    '5e-324',
    '1e-999',
    '1.7976931348623157e308',
    '0.1',
    '123456789012345678901234567890',
    '18446744073709551616',
    '-9223372036854775809',
    '99999999999999999999',
    `1${'0'.repeat(400)}`,
  ];
  for (const text of doubles) {
    it(`is the double of JSON.parse: ${text.slice(0, 40)}`, () => {
      const bytes = scalarBytes(text);
      assert.deepEqual([bytes.length, bytes[0]], [9, 0xcb]);
      assert.ok(Object.is(bytes.readDoubleBE(1), JSON.parse(text)));
    });
  }

  it('is the double of JSON.parse for any fraction', () => {
    const fraction = fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => !Number.isInteger(value));
    fc.assert(
      fc.property(fraction, (value) => {
        assert.equal(scalarBytes(String(value)).readDoubleBE(1), value);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a text', () => {
  const lengths = [0, 1, 2, 3, 4, 5, 30, 31, 32, 33, 190, 191, 192, 193, 194, 254, 255, 256, 257];

  for (const length of [...lengths, 65_535, 65_536, 100_000]) {
    it(`of ${length} bytes has the shortest head`, () => {
      const text = Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26)));
      const expected = Buffer.from(encode(text.join('')));
      assert.ok(scalarBytes(`"${text.join('')}"`).equals(expected));
    });
  }

  it('of other scripts is copied as it is', () => {
    for (const text of ['größe', '用户', '🚀', '\u2028', '\ufeff', 'ж'.repeat(200)]) {
      assert.ok(scalarBytes(`"${text}"`).equals(encode(text)), text);
    }
  });

  it('may have an escape anywhere', () => {
    for (let length = 0; length < 40; length++) {
      for (let at = 0; at <= length; at++) {
        const [before, behind] = ['a'.repeat(at), 'b'.repeat(length - at)];
        assert.deepEqual(decoded(`{"k":"${before}\\n${behind}"}`), { k: `${before}\n${behind}` });
      }
    }
  });

  for (const length of [65_533, 65_534, 65_535, 65_536, 200_000]) {
    it(`may have one, and ${length} other bytes`, () => {
      const text = `\t${'x'.repeat(length)}`;
      const value = { [text]: [text, 'y', text], z: 1 };
      assert.deepEqual(decoded(JSON.stringify(value)), value);
    });
  }

  it('has every character that an escape can say', () => {
    for (let code = 0; code < 0x1_0000; code += code < 0x1000 || code > 0xd700 ? 1 : 37) {
      const digits = code.toString(16).padStart(4, '0');
      const expected = Buffer.from(String.fromCharCode(code)).toString();
      assert.deepEqual(decoded(`{"k":"\\u${digits}"}`), { k: expected });
    }
    for (let code = 0x1_0000; code < 0x11_0000; code += 997) {
      const character = String.fromCodePoint(code);
      const units = Array.from({ length: 2 }, (_, index) => character.charCodeAt(index));
      const text = units.map((unit) => `\\u${unit.toString(16)}`).join('');
      assert.deepEqual(decoded(`{"k":"${text}"}`), { k: character });
    }
  });

  const halves: readonly (readonly [string, string])[] = [
    ['\\ud83d', '\ufffd'],
    ['\\ude80', '\ufffd'],
    ['\\ud83dx', '\ufffdx'],
    ['\\ud83d\\n', '\ufffd\n'],
    ['\\ud83d\\u0041', '\ufffdA'],
    ['\\ud83d\\ue000', '\ufffd\ue000'],
    ['\\ude80\\ud83d', '\ufffd\ufffd'],
    ['\\ud83d\\ud83d\\ude80', '\ufffd🚀'],
    ['\\udbff\\udfff', '\u{10ffff}'],
    ['\\ud800\\udc00', '\u{10000}'],
  ];
  for (const [text, expected] of halves) {
    it(`has whole characters only: ${text}`, () => {
      assert.deepEqual(decoded(`{"${text}":"${text}"}`), { [expected]: expected });
    });
  }
});

describe('members that are added', () => {
  for (const own of [0, 1, 15, 16, 65_534, 65_535, 65_536]) {
    it(`are counted beside ${own} of the event’s own`, () => {
      const members = Array.from({ length: own }, (_, index) => `"${index}":1`).join();
      const bytes = encoded(`{${members}}`, 1)?.bytes ?? Buffer.alloc(0);
      const whole = Buffer.concat([bytes, encode('added'), encode(2)]);
      const expected = JSON.parse(`{${members}${own === 0 ? '' : ','}"added":2}`) as object;
      assert.deepEqual(decode(whole), expected);
    });
  }

  it('are not counted in an object of the event', () => {
    assert.deepEqual([...(encoded('{"a":{}}', 1)?.bytes ?? [])], [0xde, 0, 2, 0xa1, 0x61, 0x80]);
    const inner = [0xde, 0, 1, 0xa0, 0xdc, 0, 1, 1];
    const { bytes } = encoded('{"a":{"":[1]}}', 1) ?? { bytes: [] };
    assert.deepEqual([...bytes], [0xde, 0, 2, 0xa1, 0x61, ...inner]);
  });
});

describe('the time', () => {
  const many = Array.from({ length: 70_000 }, (_, index) => `"${index}":1`).join();
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['the key’s text', '{"a":1,"time":"x","b":"y"}', 'x'],
    ['the last one', '{"time":"x","time":"y"}', 'y'],
    ['the last text', '{"time":"x","time":1,"time":{"time":"y"},"time":null,"a":"z"}', 'x'],
    ['no other key’s', '{"tim":"x","times":"y","timx":"z","a":"time"}', undefined],
    ['not one further in', '{"a":{"time":"x"},"b":[{"time":"y"}]}', undefined],
    ['not a text in its place', '{"time":["x"]}', undefined],
    ['found behind what is further in', '{"a":{"time":"x"},"time":"y","c":{"time":"z"}}', 'y'],
    ['found when key and text are escaped', '{"\\u0074ime":"\\u0078"}', 'x'],
    ['found among many', `{"time":"x",${many}}`, 'x'],
    ['found behind many', `{${many},"time":"x"}`, 'x'],
    ['found before many further in', `{"time":"x","a":{${many}}}`, 'x'],
    ['as long as it is', `{"\\u0074ime":"\\n${'x'.repeat(70_000)}"}`, `\n${'x'.repeat(70_000)}`],
    ['nothing in nothing', '{}', undefined],
  ];
  for (const [name, json, expected] of cases) {
    it(`is ${name}`, () => {
      assert.equal(encoded(json, 0, 'time')?.time, expected);
    });
  }

  it('is not looked for without a key', () => {
    assert.equal(encoded('{"":"x","time":"y"}')?.time, undefined);
  });
});

describe('the room', () => {
  const members = [
    '-0',
    '0',
    '1.5',
    '1e9',
    '""',
    '[]',
    '{}',
    '[-0]',
    '{"":-0}',
    '"\\n"',
    '"\\ud800"',
  ];
  members.push('null', '-33', '65536', '4294967296', '"\\u0001"', `"${'x'.repeat(32)}"`);
  members.push(`"${'x'.repeat(256)}"`, '[[[[-0]]]]', '[-0,-0]', '18446744073709551616');

  it('is enough for many of what grows most', () => {
    for (const member of members) {
      for (const count of [1, 2, 3, 100, 65_535, 65_536, 70_000]) {
        const array = `[${`${member},`.repeat(count - 1)}${member}]`;
        bytesOf(`{"":${array}}`);
        const pair = `"":${member}`;
        bytesOf(`{${`${pair},`.repeat(count - 1)}${pair}}`);
      }
    }
  });

  it('is enough for many heads that grow', () => {
    const large = `[${'-0,'.repeat(65_535)}-0]`;
    bytesOf(`{"":[${`${large},`.repeat(9)}${large}]}`);
  });

  it('is enough however deep it goes, and where it ends in the middle', () => {
    for (const opener of ['[', '[-0,', '{"":', '[[],', '[1.5,']) {
      for (let depth = 1; depth < MAX_DEPTH; depth = 2 * depth + 1) {
        for (const end of ['', '-0', '-0,', '-0]', '-0x', '1.5', '"', '"x', '"\\n', '"\\ud800']) {
          assert.equal(encoded(`{"":${opener.repeat(depth)}${end}`), undefined);
        }
      }
    }
  });
});
