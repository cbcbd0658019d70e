/**
 * Whether every event arrived is found out by its number: in JSON, in MessagePack, with events missing and repeated.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { metadataEvents } from '../../bench/inputs.ts';
import { digitsIn, digitsOf, numbered, numbersIn, Roll } from '../../bench/roll.ts';

function eventsOf(numbers: readonly number[]): readonly string[] {
  const events = metadataEvents();
  return numbers.map((number) => numbered(events.next().value, number));
}

describe('the number of an event', () => {
  const numbers = [1, 2, 3, 70_000, 2 ** 47];

  it('is found in JSON', () => {
    const bytes = Buffer.from(`${eventsOf(numbers).join('\n')}\n`);
    assert.deepEqual([...numbersIn(bytes, 'json')], numbers);
  });

  it('is found in MessagePack', () => {
    const entries = eventsOf(numbers).map((line) => encode([1, JSON.parse(line)]));
    assert.deepEqual([...numbersIn(Buffer.concat(entries), 'msgpack')], numbers);
  });

  it('can be written where it stands', () => {
    const [line = ''] = eventsOf([5]);
    const { from = 0, to = 0 } = digitsIn(line) ?? {};
    assert.equal(line.slice(from, to), digitsOf(5));
    assert.equal(digitsIn('{}'), undefined);
    assert.throws(() => numbered('{}', 1), /auditID/);
  });
});

describe('the roll', () => {
  function called(events: number, numbers: readonly number[]) {
    const roll = new Roll(events);
    for (const number of numbers) roll.call(number);
    return roll.result();
  }

  const cases: readonly (readonly [string, readonly number[], object])[] = [
    ['all', [3, 1, 2], { missing: 0, repeated: 0, unknown: 0 }],
    ['one missing', [3, 1], { missing: 1, repeated: 0, unknown: 0 }],
    ['one twice', [1, 2, 3, 2], { missing: 0, repeated: 1, unknown: 0 }],
    ['strangers', [0, 1, 2, 3, 4, NaN], { missing: 0, repeated: 0, unknown: 3 }],
  ];
  for (const [name, numbers, expected] of cases) {
    it(`knows ${name}`, () => {
      assert.deepEqual(called(3, numbers), expected);
    });
  }
});
