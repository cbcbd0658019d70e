/**
 * The core is right about every line: what it is (RFC 8259 and UTF-8), what of it comes out, and where its fields
 * stand, as JSON.parse and an independent decoder have it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { bodyEvent } from '../support/blocks.ts';
import {
  anyBytes,
  changesOf,
  nearlyJson,
  objectText,
  space,
  valueText,
} from '../support/json-texts.ts';
import {
  assertAsReference,
  entryBytes,
  FORWARD,
  foundMembers,
  judged,
  JSON_LINES,
  written,
} from '../support/one-core.ts';
import { MAX_DEPTH } from '../support/reference.ts';

const EVENT = bodyEvent('1').replace(
  '"spec"',
  '"numbers":[0,-1,200,-0.5e+7,70000,18446744073709551615],"empty":[{},[],""],"all":[true,false,null],' +
    '"escapes":"\\u00e9\\ud83d\\ude80\\n","spec"',
);

describe('a line is what the reference says', () => {
  it('in whatever form it is written', () => {
    const line = fc
      .tuple(space, objectText, space)
      .map(([before, text, behind]) => Buffer.from(before + text + behind));
    fc.assert(fc.property(line, assertAsReference), { numRuns: 2000 });
  });

  it('when it is another value than an object', () => {
    const line = fc
      .tuple(space, valueText, space)
      .map(([before, text, behind]) => Buffer.from(before + text + behind));
    fc.assert(fc.property(line, assertAsReference), { numRuns: 500 });
  });

  it('when it is JSON as it is usually written', () => {
    const line = fc
      .tuple(fc.string(), fc.json({ maxDepth: 5 }))
      .map(([key, value]) => Buffer.from(`{${JSON.stringify(key)}:${value}}`));
    fc.assert(fc.property(line, assertAsReference), { numRuns: 500 });
  });

  it('when it is an event', () => {
    assertAsReference(Buffer.from(EVENT));
    assertAsReference(Buffer.from('{"__proto__":{"__proto___proto__":1},"a":"__proto__"}'));
  });

  it('when it is any bytes', () => {
    fc.assert(fc.property(anyBytes, assertAsReference), { numRuns: 2000 });
  });

  it('when it is made of the characters of JSON', () => {
    fc.assert(fc.property(nearlyJson, assertAsReference), { numRuns: 6000 });
    const characters = fc
      .array(fc.constantFrom(...Array.from('{}[]":,\\/+-.019eEutrfalsn \t\u0000\u007f')))
      .map((chars) => Buffer.from(`{"a":${chars.join('')}}`));
    fc.assert(fc.property(characters, assertAsReference), { numRuns: 3000 });
  });

  it('when it was JSON and is changed', () => {
    const texts = objectText.map((text) => Buffer.from(text));
    fc.assert(fc.property(changesOf(texts, 1), assertAsReference), { numRuns: 3000 });
  });

  it('when it was an event and is changed', () => {
    const events = fc.constantFrom(Buffer.from(bodyEvent('1')), Buffer.from(EVENT));
    fc.assert(fc.property(changesOf(events), assertAsReference), { numRuns: 2000 });
  });

  it('at every cut of an event', () => {
    const event = Buffer.from(EVENT);
    for (let end = 0; end <= event.length; end++) assertAsReference(event.subarray(0, end));
  });

  it('at every cut of escapes', () => {
    const text = Buffer.from('{"\\ud83d\\ude80\\n":"\\ud83d\\u0041 \\u00e9 größe 🚀"}');
    for (let end = 0; end <= text.length; end++) assertAsReference(text.subarray(0, end));
  });

  it('when any byte of an event is another one', () => {
    const event = Buffer.from(EVENT);
    const others = [...Buffer.from('"\\{}[]:,0-.eEu tn\u0001'), 0x7f, 0x80, 0xff];
    for (const [at, byte] of Array.from(event.entries())) {
      for (const other of [...others, byte ^ 0x20, byte ^ 1, byte ^ 0x80]) {
        event[at] = other;
        if (other !== 10) assertAsReference(event);
      }
      event[at] = byte;
    }
  });
});

it('no object is an event, whatever stands around it', () => {
  const verdicts: readonly (readonly [string, string])[] = [
    ['', 'invalid'],
    [' ', 'invalid'],
    ['[]', 'other'],
    [' 1', 'other'],
    ['"a"\t', 'other'],
    ['null', 'other'],
    ['{}{}', 'invalid'],
    ['{} x', 'invalid'],
    ['{', 'invalid'],
    ['x{}', 'invalid'],
    ['[{}]', 'other'],
    ['\r{} ', 'object'],
  ];
  for (const [text, verdict] of verdicts) {
    assert.equal(judged(text), verdict, text);
    assert.equal(written(text, FORWARD).events, verdict === 'object' ? 1 : 0, text);
    assert.equal(written(text, JSON_LINES).events, verdict === 'object' ? 1 : 0, text);
  }
});

it('a newline ends a line, wherever it stands', () => {
  const event = '{"a":"x\\n","b":[1,true, null],"c":{"d":-1.5e3}}';
  for (const style of [FORWARD, JSON_LINES]) {
    for (let at = 1; at < event.length; at++) {
      const { events, reason, read } = written(`${event.slice(0, at)}\n${event.slice(at)}`, style);
      assert.deepEqual([events, reason, read], [0, 'no-event', 0], event.slice(0, at));
    }
    for (const behind of ['', '\n', '\n ', '\n\n', '\n[]', '\nx', `\n${event.slice(0, -1)}`]) {
      const { events, reason, read } = written(`${event}\n${event}${behind}`, style);
      const whole = 2 * event.length + (behind === '' ? 1 : 2);
      const end = behind.length > 1 ? 'no-event' : 'done';
      assert.deepEqual([events, reason, read], [2, end, whole], behind);
    }
  }
});

describe('the depth', () => {
  const arrays = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  const objects = (depth: number): string =>
    `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
  const full = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

  it('has a limit, which JSON.parse has not', () => {
    assert.equal(judged(arrays(MAX_DEPTH)), 'other');
    assert.equal(judged(arrays(MAX_DEPTH + 1)), 'invalid');
    for (const nested of [objects, full, (depth: number) => `{"a":${arrays(depth - 1)}}`]) {
      assert.equal(judged(nested(MAX_DEPTH)), 'object');
      assert.equal(judged(nested(MAX_DEPTH + 1)), 'invalid');
      for (const style of [FORWARD, JSON_LINES]) {
        assert.equal(written(nested(MAX_DEPTH), style).events, 1);
        assert.equal(written(nested(MAX_DEPTH + 1), style).events, 0);
      }
    }
  });

  it('counts no container that is closed', () => {
    const flat = `{"a":[${'[{}],'.repeat(2 * MAX_DEPTH)}[]]}`;
    assert.equal(judged(flat), 'object');
    assert.equal(judged(`{"a":${full(MAX_DEPTH - 1)},"b":${arrays(MAX_DEPTH - 1)}}`), 'object');
  });

  it('is written with all its heads', () => {
    const bytes = entryBytes(`{"a":${arrays(5000)}}`);
    const heads = Buffer.concat([Buffer.from('dc0001'.repeat(4999), 'hex'), Buffer.of(0x90)]);
    assert.ok(bytes.subarray(-heads.length).equals(heads));
  });
});

describe('nothing stays behind', () => {
  it('of a line that was cut', () => {
    const expected = entryBytes(EVENT);
    for (let end = 0; end < EVENT.length; end += 7) {
      written(EVENT.slice(0, end), FORWARD);
      assert.ok(entryBytes(EVENT).equals(expected));
      judged(EVENT.slice(0, end));
      assert.ok(entryBytes(EVENT).equals(expected));
    }
  });

  it('of an event where the next line is another value', () => {
    for (const other of ['["kind"]', '[[1],{"kind":2}]', '"kind"', '1', '[]']) {
      assert.equal(judged('{"verb":"get","kind":"Event"}'), 'object');
      assert.equal(judged(other), 'other');
      assert.deepEqual(
        foundMembers().filter((member) => member !== undefined),
        [],
        other,
      );
    }
  });
});
