/** Telling at most once a second: the first at once, the others as a count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seldom } from '../../src/observe/seldom.ts';

test('what happens often is told once a second, with how often it was not told', () => {
  const told: unknown[] = [];
  let now = 5000;
  const seldom = new Seldom(
    (message, fields) => told.push([message, fields]),
    () => now,
  );
  seldom.say('a', { offset: 1 });
  for (const offset of [2, 3]) {
    now += 499;
    seldom.say('a', { offset });
  }
  assert.deepEqual(told, [['a', { offset: 1 }]]);
  now += 2;
  seldom.say('a', { offset: 4 });
  now += 1000;
  seldom.say('a', { offset: 5 });
  assert.deepEqual(told.slice(1), [
    ['a', { offset: 4, and_others: 2 }],
    ['a', { offset: 5 }],
  ]);
});
