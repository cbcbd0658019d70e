/** Telling at most once a second: the first at once, the others as a count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seldom } from '../../src/observe/seldom.ts';
import { RecordingLog } from '../support/recording-log.ts';

test('what happens often is told once a second, with how often it was not told', () => {
  const log = new RecordingLog();
  let now = 5000;
  const seldom = new Seldom(log, () => now);
  const told = (): unknown[] => log.entries.map(({ level, fields }) => [level, fields]);
  seldom.warn('a', { offset: 1 });
  for (const offset of [2, 3]) {
    now += 499;
    seldom.warn('a', { offset });
  }
  assert.deepEqual(told(), [['warn', { offset: 1 }]]);
  now += 2;
  seldom.warn('a', { offset: 4 });
  now += 1000;
  seldom.warn('a', { offset: 5 });
  assert.deepEqual(told().slice(1), [
    ['warn', { offset: 4, and_others: 2 }],
    ['warn', { offset: 5 }],
  ]);
});
