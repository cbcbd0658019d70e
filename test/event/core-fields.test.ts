/** The fields at the top of an event: where each stands, however its key is written; and what is left of it without. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import * as fc from 'fast-check';
import { FIELDS, type Field, type Style } from '../../src/event/core.ts';
import { bodyEvent } from '../support/blocks.ts';
import { keyText, objectText, space, valueText } from '../support/json-texts.ts';
import { membersOf } from '../support/members.ts';
import {
  assertAsReference,
  entryOf,
  foundMembers,
  judged,
  recordBytes,
  written,
} from '../support/one-core.ts';
import { comparable, readingOf } from '../support/reference.ts';

/** `[key, value]` as they stand in the line; undefined where the field is none of its. */
function fieldIn(line: string, field: Field): readonly [string, string] | undefined {
  assert.equal(judged(line), 'object');
  const member = foundMembers()[FIELDS.indexOf(field)];
  if (member === undefined) return undefined;
  const bytes = Buffer.from(line);
  const { start, value, end } = member;
  return [bytes.toString('utf8', start, value), bytes.toString('utf8', value, end)];
}

describe('a field', () => {
  for (const field of FIELDS) {
    it(`is found: ${field}`, () => {
      assert.deepEqual(fieldIn(`{"${field}":1}`, field), [`"${field}":`, '1']);
      const line = `{"größe":[1], "${field}"\t:\r{"a":[] } ,"b":2}`;
      assert.deepEqual(fieldIn(line, field), [`"${field}"\t:\r`, '{"a":[] }']);
      assert.equal(foundMembers().filter((member) => member !== undefined).length, 1);
    });

    it(`is found also where its key is escaped, each of its letters: ${field}`, () => {
      for (let at = 0; at < field.length; at++) {
        const code = field.charCodeAt(at).toString(16);
        const key = `${field.slice(0, at)}\\u00${code}${field.slice(at + 1)}`;
        assert.deepEqual(fieldIn(`{"${key}":"x"}`, field), [`"${key}":`, '"x"']);
      }
    });

    it(`is not what only looks like it: ${field}`, () => {
      const others = [`${field}s`, field.slice(1), field.slice(0, -1), ` ${field}`, `${field}\\n`];
      others.push(
        field.toUpperCase(),
        `${field}\\u0000`,
        `${field}${field}`,
        `${field.slice(0, -1)}ö`,
      );
      for (let at = 0; at < field.length; at++) {
        others.push(`${field.slice(0, at)}_${field.slice(at + 1)}`);
      }
      for (const key of others) {
        assert.equal(fieldIn(`{"a":"${field}","${key}":1}`, field), undefined, key);
      }
    });
  }

  it('is the last one where there are several', () => {
    assert.deepEqual(fieldIn('{"kind":1,"kind":[2]}', 'kind'), ['"kind":', '[2]']);
    const line = '{"kind":1,"\\u006bind":"é","verb":3}';
    assert.deepEqual(fieldIn(line, 'kind'), ['"\\u006bind":', '"é"']);
  });

  it('is not that of an object in the event', () => {
    assert.equal(fieldIn('{"a":{"kind":1},"b":[{"kind":2}],"c":"kind"}', 'kind'), undefined);
    const line = '{"kind":0,"a":{"kind":1},"b":[{"kind":[]}]}';
    assert.deepEqual(fieldIn(line, 'kind'), ['"kind":', '0']);
  });

  it('ends where its value does', () => {
    for (const value of ['1', '-1.5e3', '"a\\"b"', '""', 'null', '[]', '{}', '[[1], {}]', '"🚀"']) {
      for (const behind of ['}', ' }', ',"a":1}', '\t ,"a":1}']) {
        assert.equal(fieldIn(`{"verb": ${value}${behind}`, 'verb')?.[1], value);
      }
    }
  });

  it('stands where a reference finds it, in any order and any form', () => {
    const all = fc.shuffledSubarray([...FIELDS], { minLength: 1 });
    fc.assert(
      fc.property(all, fc.array(valueText, { minLength: 18, maxLength: 18 }), (fields, values) => {
        const members = fields.map((field, index) => `"${field}":${values[index]}`);
        assertAsReference(Buffer.from(`{${members.join()}}`));
      }),
      { numRuns: 200 },
    );
  });
});

describe('an event without some of its fields', () => {
  const added = '"shipper":{"a":1}';
  const packed = Buffer.concat([encode('shipper'), encode({ a: 1 })]);
  const none = Buffer.alloc(0);

  function styleOf(format: 'forward' | 'json', omit: readonly Field[], adds: boolean): Style {
    const text = format === 'json' ? Buffer.from(added) : packed;
    return adds ? { format, omit, added: [text, none, none] } : { format, omit };
  }

  /** The record that JSON.parse sees, without the fields. */
  function restOf(line: Buffer, omit: readonly string[], adds: boolean): unknown {
    const { value } = readingOf(line);
    const members = Object.entries(value as object).filter(([key]) => !omit.includes(key));
    return comparable(Object.fromEntries(adds ? [...members, ['shipper', { a: 1 }]] : members));
  }

  function assertRest(line: Buffer, omit: readonly Field[], adds: boolean): void {
    const expected = restOf(line, omit, adds);
    const { record } = entryOf(line, styleOf('forward', omit, adds));
    assert.deepEqual(comparable(record), expected, line.toString());
    const json = written(line, styleOf('json', omit, adds));
    assert.equal(json.events, 1);
    if (omit.length === 0 && !adds) return;
    assert.deepEqual(comparable(readingOf(json.bytes.subarray(0, -1)).value), expected);
    if (omit.length === 0) return;
    const kept = membersOf(line).filter(({ key }) => !(omit as readonly string[]).includes(key));
    const texts = kept.map(({ start, end }) => line.toString('latin1', start, end));
    const whole = [...texts, ...(adds ? [added] : [])].join();
    assert.equal(json.bytes.toString('latin1'), `{${whole}}\n`);
  }

  const omitted = fc.shuffledSubarray([...FIELDS]);
  const event = fc
    .array(fc.tuple(space, keyText, space, valueText, space), { maxLength: 8 })
    .map((members) => members.map(([a, key, b, value, c]) => `${a}${key}${b}:${b}${value}${c}`))
    .map((members) => Buffer.from(`{${members.filter((one) => !one.includes('shipper')).join()}}`));

  it('has all that JSON.parse finds but for these, in both formats', () => {
    fc.assert(fc.property(event, omitted, fc.boolean(), assertRest), { numRuns: 1500 });
    fc.assert(
      fc.property(objectText, omitted, fc.boolean(), (text, omit, adds) => {
        assertRest(Buffer.from(text), omit, adds);
      }),
      { numRuns: 300 },
    );
  });

  it('has all that kube-apiserver wrote but for these', () => {
    const line = Buffer.from(bodyEvent('1'));
    fc.assert(fc.property(omitted, fc.boolean(), (omit, adds) => assertRest(line, omit, adds)));
    for (const field of FIELDS) assertRest(line, [field], true);
    assertRest(line, FIELDS, true);
    assertRest(line, FIELDS, false);
  });

  it('is counted by what is left, also when that is nothing', () => {
    const rest = (json: string, adds: boolean): string => {
      return recordBytes(json, styleOf('forward', ['kind', 'verb'], adds)).toString('hex');
    };
    const shipper = packed.toString('hex');
    assert.equal(rest('{"kind":1}', false), 'de0000');
    assert.equal(rest('{"kind":1}', true), `de0001${shipper}`);
    assert.equal(rest('{"kind":[1,{"a":2}],"verb":"x","kind":2}', false), 'de0000');
    assert.equal(rest('{"kind":1,"a":2}', true), `de0002a16102${shipper}`);
    assert.equal(rest('{"a":2,"verb":1}', false), 'de0001a16102');
    assert.equal(rest('{}', true), `81${shipper}`);
    const json = (line: string, adds: boolean): string =>
      written(line, styleOf('json', ['kind', 'verb'], adds)).bytes.toString();
    assert.equal(json('{"kind":1}', false), '{}\n');
    assert.equal(json(' { "kind" : 1 , "verb":2} ', true), `{${added}}\n`);
    assert.equal(json('{"kind":1, "a" : [ 2 ] ,"verb":2}', true), `{"a" : [ 2 ],${added}}\n`);
    assert.equal(json('{ }', true), `{${added}}\n`);
    assert.equal(json('{ }', false), '{}\n');
  });

  it('has a head of 16 bits when it is left with few enough', () => {
    const style = styleOf('forward', ['kind'], false);
    const many = (count: number): string => '"":1,'.repeat(count);
    const head = (json: string): string => recordBytes(json, style).toString('hex', 0, 7);
    assert.equal(head(`{${many(65_535)}"kind":1}`), 'deffffa001a001');
    assert.equal(head(`{${many(65_536)}"kind":1}`), 'df00010000a001');
    assert.equal(head(`{"kind":1,${many(65_534)}"":1}`), 'deffffa001a001');
  });

  it('keeps members of these names that stand further in', () => {
    const line = '{"a":{"kind":1,"b":[{"verb":2}]},"kind":{"c":3}}';
    const { record } = entryOf(line, styleOf('forward', ['kind', 'verb'], false));
    assert.deepEqual(record, { a: { kind: 1, b: [{ verb: 2 }] } });
    const { bytes } = written(line, styleOf('json', ['kind', 'verb'], false));
    assert.equal(bytes.toString(), '{"a":{"kind":1,"b":[{"verb":2}]}}\n');
  });

  it('is none when what is left out is no JSON', () => {
    for (const line of [
      '{"kind":}',
      '{"kind":01}',
      '{"kind":"\\x"}',
      '{"kind":1,}',
      '{"kind":[}',
    ]) {
      for (const format of ['forward', 'json'] as const) {
        const { events, bytes } = written(line, styleOf(format, ['kind'], true));
        assert.deepEqual([events, bytes.length], [0, 0], line);
      }
    }
  });
});
