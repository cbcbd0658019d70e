/**
 * The core guesses keys from those that came before: what it writes, finds and refuses is the same whatever came before.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { FIELDS } from '../../src/event/core.ts';
import { assertMadeAsAnew, newMaker } from '../support/made.ts';

/** Of lengths around those of vectors, and of what is remembered of a key. */
const longKey = fc
  .tuple(fc.constantFrom('k', 'authentication.kubernetes.io/'), fc.integer({ min: 0, max: 62 }))
  .map(([start, length]) => start.repeat(3).slice(0, length));
const oddKey = fc.constantFrom(
  '',
  '\\u0061',
  'a\\"b',
  '\\\\',
  '\u00c3\u00bc',
  '\u00ff',
  'a\u0000b',
  'a:b',
);
const key = fc.oneof(fc.constantFrom(...FIELDS), fc.constantFrom('name', 'names'), longKey, oddKey);
const space = fc.constantFrom('', '', '', '', ' ', '\t ');
const scalar = fc.constantFrom('1', '"x"', 'null', '-0', '{}', '[]', '"2026-01-01T00:00:00Z"', 'x');

/** Objects in objects; some are no JSON. */
const { object } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, tie('object'), tie('array')),
  array: fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join(',')}]`),
  object: fc
    .array(fc.tuple(space, key, space, space, tie('value'), space), { maxLength: 5 })
    .map((members) => {
      const texts = members.map(
        ([before, name, behind, between, value, after]) =>
          `${before}"${name}"${behind}:${between}${value}${after}`,
      );
      return `{${texts.join(',')}}`;
    }),
}));

describe('keys that came before', () => {
  it('change nothing of what is made of a line', () => {
    const used = newMaker();
    const check = fc.property(fc.array(object, { minLength: 1, maxLength: 6 }), (lines) => {
      for (const line of [...lines, ...lines]) assertMadeAsAnew(used, line);
    });
    fc.assert(check, { numRuns: 80 });
  });

  it('are told from those that only begin, or end, like them', () => {
    const used = newMaker();
    const keys = Array.from({ length: 60 }, (_, length) => 'k'.repeat(length));
    const parts = keys.flatMap((one) => [one, `${one}x`, `x${one}`, one]);
    for (const part of [...parts, ...parts]) {
      assertMadeAsAnew(used, `{"verb":"get","${part}":1}`);
    }
  });

  it('are no keys where nothing but a part of them stands', () => {
    const used = newMaker();
    const whole = '{"verb":{"username":"a"},"requestReceivedTimestamp":1}';
    for (let end = 0; end < whole.length; end += 1) {
      used(whole);
      for (const cut of [whole.slice(0, end), `${whole.slice(0, end)}\u0000${whole.slice(end)}`]) {
        assertMadeAsAnew(used, cut);
      }
    }
  });

  it('are not made of NULs', () => {
    const line = `{${'\u0000'.repeat(64)}1}`;
    const nothing = { end: 0, reason: 'no-event', found: [], hasRepeated: false, written: '' };
    assert.deepEqual(newMaker()(line), [nothing, nothing, nothing]);
  });
});
