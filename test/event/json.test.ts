/** The validator gives the verdict of JSON.parse, on everything; and the members of an object are those it finds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { judgeJson, MAX_DEPTH, membersOf } from '../../src/event/json.ts';

function parsed(text: string): 'object' | 'other' | 'invalid' {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? 'object' : 'other';
  } catch (error) {
    if (error instanceof SyntaxError) return 'invalid';
    throw error;
  }
}

function judged(text: string): 'object' | 'other' | 'invalid' {
  const bytes = Buffer.from(text, 'latin1');
  // Neighbours that would change the verdict if they were looked at.
  const framed = Buffer.concat([Buffer.from('{"a":1'), bytes, Buffer.from('}]"0,')]);
  return judgeJson(framed, 6, 6 + bytes.length);
}

/** Text that is nearly JSON: its characters are those that the grammar knows. */
const grammarText = fc
  .array(
    fc.constantFrom(...Array.from('{}[]":,\\/+-.0123456789eEtrufalsn bAx\t\n\r\u0000\u007f\u00ff')),
    {
      maxLength: 24,
    },
  )
  .map((characters) => characters.join(''));

/** JSON with one character changed, removed or added. */
const mutatedJson = fc
  .tuple(
    fc.json(),
    fc.nat(),
    fc.constantFrom('', ...Array.from('{}[]":,\\u0-.e \n\u0001x')),
    fc.boolean(),
  )
  .map(([json, at, put, replace]) => {
    const text = Buffer.from(json).toString('latin1');
    const index = at % (text.length + 1);
    return text.slice(0, index) + put + text.slice(replace ? index + 1 : index);
  });

describe('the verdict on JSON', () => {
  for (const [name, texts] of [
    ['JSON', fc.json().map((json) => Buffer.from(json).toString('latin1'))],
    ['text of the characters of JSON', grammarText],
    ['JSON that was changed in one place', mutatedJson],
    ['any text', fc.string()],
  ] as const) {
    it(`is that of JSON.parse for ${name}`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          assert.equal(judged(text), parsed(text), JSON.stringify(text));
        }),
        { numRuns: 3000 },
      );
    });
  }

  it('is that of JSON.parse at every cut of an event', () => {
    const event = '{"a":[1,-0.5e+7,{}],"b":"\\u00e9\\n\\"x","c":{"d":null,"e":[true,false,[]]}}';
    for (let end = 0; end <= event.length; end++) {
      const text = event.slice(0, end);
      assert.equal(judged(text), parsed(text), text);
    }
  });

  it('has a limit of depth, which JSON.parse has not', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assert.equal(judged(nested(MAX_DEPTH)), 'other');
    assert.equal(judged(nested(MAX_DEPTH + 1)), 'invalid');
  });
});

describe('the members of an object', () => {
  /** Each as text, key and value apart. */
  function read(text: string): readonly (readonly [string, string, string])[] | undefined {
    const bytes = Buffer.from(text);
    return membersOf(bytes)?.map(({ key, start, value, end }) => [
      key,
      bytes.toString('utf8', start, end),
      bytes.toString('utf8', value, end),
    ]);
  }

  it('are those of JSON.parse, with white space anywhere', () => {
    const space = fc.constantFrom('', ' ', '\t\r\n ');
    const members = fc.array(fc.tuple(fc.string(), fc.jsonValue(), space), { maxLength: 8 });
    fc.assert(
      fc.property(members, space, (given, before) => {
        const texts = given.map(([key, value, blank]) => {
          return `${blank}${JSON.stringify(key)}${blank}:${blank}${JSON.stringify(value)}${blank}`;
        });
        const found = read(`${before}{${before}${texts.join(',')}}${before}`);
        const expected = given.map(([key, value]) => [key, JSON.stringify(value)]);
        assert.deepEqual(
          found?.map(([key, , value]) => [key, value]),
          expected,
        );
        assert.deepEqual(
          found?.map(([, member]) => Object.keys(JSON.parse(`{${member}}`) as object)),
          given.map(([key]) => [key]),
        );
      }),
    );
  });

  it('have their keys without escapes, also twice the same', () => {
    assert.deepEqual(read('{"\\u0061\\n":1,"a\\n":{"x":[]}}'), [
      ['a\n', '"\\u0061\\n":1', '1'],
      ['a\n', '"a\\n":{"x":[]}', '{"x":[]}'],
    ]);
  });

  it('are none of what is no object', () => {
    for (const text of ['', '[]', '1', '{', '{}x', '{"a":1,}', '{"a"}', 'null', '{} {}']) {
      assert.equal(read(text), undefined, text);
    }
    assert.deepEqual(read('{}'), []);
  });
});
