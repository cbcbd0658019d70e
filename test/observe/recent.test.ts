/** The last warnings and errors are kept, and everything is passed on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentLog } from '../../src/observe/recent.ts';
import { RecordingLog } from '../support/recording-log.ts';

test('warnings and errors are kept with their details, the rest is passed on only', () => {
  const log = new RecordingLog();
  const recent = new RecentLog(log);
  recent.error('bad', { path: '/x', bytes: 3, code: undefined });
  recent.warn('careful');
  recent.info('fine');
  recent.debug('detail');
  assert.deepEqual(
    recent.said.map(({ level, text }) => [level, text]),
    [
      ['error', 'bad path=/x bytes=3'],
      ['warn', 'careful'],
    ],
  );
  assert.deepEqual(
    log.entries.map(({ level }) => level),
    ['error', 'warn', 'info', 'debug'],
  );
});

test('only the last ones are kept', () => {
  const recent = new RecentLog(new RecordingLog());
  for (let index = 0; index < 100; index++) recent.warn(`warning ${index}`);
  assert.equal(recent.said.length, 20);
  assert.equal(recent.said.at(-1)?.text, 'warning 99');
});
