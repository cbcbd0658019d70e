/** Dead is what a new start would help; unready is what keeps the agent from its work; the rest is only told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonsDead, reasonsUnready, remarks } from '../../src/observe/health.ts';
import { vitalsOf } from '../support/vitals.ts';

const SINCE = '2026-03-04T05:06:07.000Z';

test('an agent that is well is alive and ready', () => {
  const vitals = vitalsOf();
  assert.deepEqual([reasonsDead(vitals), reasonsUnready(vitals), remarks(vitals)], [[], [], []]);
});

test('it is dead when nothing has moved for hours although something is to be delivered', () => {
  assert.deepEqual(reasonsDead(vitalsOf({ stuckSeconds: 7199 })), []);
  assert.match(
    reasonsDead(vitalsOf({ stuckSeconds: 7200 })).join(),
    /nothing has moved for 7200 s/,
  );
});

test('it is not ready when files cannot be read, or checkpoints cannot be saved', () => {
  const troubles = [{ path: '/var/log/audit.log', message: 'permission denied', since: SINCE }];
  const checkpoint = { saves: 0, ageSeconds: 60, failing: 'make room' };
  assert.deepEqual(reasonsUnready(vitalsOf({ troubles, checkpoint })), [
    `/var/log/audit.log: permission denied (since ${SINCE})`,
    'checkpoints cannot be saved: make room',
  ]);
  assert.deepEqual(reasonsUnready(vitalsOf({ checkpoint: undefined })), []);
});

test('what only slows the reading is told of, and changes nothing', () => {
  const slowed = [{ path: '/var/log/', message: 'cannot watch', since: SINCE }];
  const vitals = vitalsOf({ slowed });
  assert.deepEqual(remarks(vitals), [`/var/log/: cannot watch (since ${SINCE})`]);
  assert.deepEqual([reasonsDead(vitals), reasonsUnready(vitals)], [[], []]);
});

test('a receiver that is down is told of, and changes nothing', () => {
  const vitals = vitalsOf({
    upstreams: [
      { name: 'a:24224', isUp: true },
      { name: 'b:24224', isUp: false },
    ],
  });
  assert.deepEqual(remarks(vitals), ['receiver b:24224 is down']);
  assert.deepEqual([reasonsDead(vitals), reasonsUnready(vitals)], [[], []]);
});
