/** Keys without dots: which become what, and that depth and number cost nothing out of order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dedotted } from '../../../src/event/rewrite/dedot.ts';

function after(text: string): string {
  const line = Buffer.from(text);
  return dedotted(line, 0, line.length).toBuffer().toString();
}

describe('a key', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"a.b":1}', '{"a_b":1}'],
    ['{"a.b/c-d.":{"x.y":"v.w"}}', '{"a_b/c-d_":{"x_y":"v.w"}}'],
    [
      '{"a\\u002eb":"c.d","e":["f.g",{"h.i":0},"j.k"]}',
      '{"a_b":"c.d","e":["f.g",{"h_i":0},"j.k"]}',
    ],
    ['{"a.b":1,"a_b":2}', '{"a_b_2":1,"a_b":2}'],
    ['{"a.b":1,"a.b":2,"a_b_2":3}', '{"a_b":1,"a_b_3":2,"a_b_2":3}'],
    ['{"a.b":1,"a\\u005fb":2}', '{"a_b_2":1,"a\\u005fb":2}'],
    ['{ "é.🚀" : [] , "x":{} }', '{ "é_🚀" : [] , "x":{} }'],
    ['{"a.b":{"a.b":{"c":1},"a_b":2},"a_b":3}', '{"a_b_2":{"a_b_2":{"c":1},"a_b":2},"a_b":3}'],
  ];
  for (const [line, expected] of cases) {
    it(`of ${line}`, () => assert.equal(after(line), expected));
  }

  it('without a dot leaves the line the same buffer', () => {
    const line = Buffer.from('{"a":"b.c","d_e":[1.5]}');
    assert.equal(dedotted(line, 0, line.length).toBuffer(), line);
  });

  it('changes nothing that stands before or behind the event', () => {
    const lines = Buffer.from('{"a.b":1}{"c.d":2}{"e.f":3}');
    assert.equal(dedotted(lines, 9, 18).toBuffer().toString(), '{"c_d":2}');
  });

  it('may stand 10,000 levels deep, or 100,000 times', () => {
    const deep = `${'{"a.b":'.repeat(10_000)}0${'}'.repeat(10_000)}`;
    assert.equal(after(deep), deep.replaceAll('.', '_'));
    const many = `{${Array.from({ length: 100_000 }, () => '"a.b":0').join(',')}}`;
    const keys = new Set(Object.keys(JSON.parse(after(many)) as object));
    assert.equal(keys.size, 100_000);
  });
});
