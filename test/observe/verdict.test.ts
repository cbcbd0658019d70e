/** The worst is said first, what needs a person is said at all, and the headline changes only with the news. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdictOf } from '../../src/observe/verdict.ts';
import { LOG } from '../support/blocks.ts';
import { LOG_VITALS, SUMS, vitalsOf } from '../support/vitals.ts';

const DOWN = { name: 'b:24224', isUp: false };
const MIB = 1024 ** 2;

test('an agent that has delivered everything is well', () => {
  assert.deepEqual(verdictOf(vitalsOf()), {
    level: 'good',
    headline: 'All is well.',
    reasons: ['Everything on disk is delivered.'],
  });
});

test('an agent that delivers is well, and says how much is to go', () => {
  const logs = [1, 2].map((lagBytes) => ({ ...LOG_VITALS, lagBytes: lagBytes * MIB }));
  const { headline, reasons } = verdictOf(vitalsOf({ logs }));
  assert.deepEqual([headline, reasons], ['All is well.', ['Delivering: 3.0 MiB to go.']]);
});

test('a receiver that is down puts nothing at risk while rotation leaves time', () => {
  const logs = [{ ...LOG_VITALS, lagBytes: 5, secondsToLoss: 7200 }];
  assert.deepEqual(verdictOf(vitalsOf({ logs, upstreams: [DOWN] })), {
    level: 'warn',
    headline: 'Nothing is at risk yet.',
    reasons: [
      'Receiver b:24224 is down.',
      `Rotation leaves 2 h for what is not delivered of ${LOG}.`,
    ],
  });
});

test('nobody is told of time that nobody knows, or that does not matter', () => {
  for (const secondsToLoss of [undefined, Infinity]) {
    const logs = [{ ...LOG_VITALS, lagBytes: 5, secondsToLoss }];
    assert.equal(verdictOf(vitalsOf({ logs, upstreams: [DOWN] })).reasons.length, 1);
  }
  const logs = [{ ...LOG_VITALS, lagBytes: 0, secondsToLoss: 7200 }];
  assert.equal(verdictOf(vitalsOf({ logs, upstreams: [DOWN] })).reasons.length, 1);
});

test('nothing that is delivered is at risk', () => {
  const logs = [{ ...LOG_VITALS, isAtRisk: true, secondsToLoss: 5 }];
  assert.equal(verdictOf(vitalsOf({ logs })).headline, 'All is well.');
});

test('what may be lost stands before what is lost, and that before everything else', () => {
  const { level, headline, reasons } = verdictOf(
    vitalsOf({
      logs: [
        { ...LOG_VITALS, lagBytes: 9, isAtRisk: true, secondsToLoss: 240, namelessBytes: 2 * MIB },
      ],
      sums: {
        ...SUMS,
        lostBytes: { deleted: MIB, cut: MIB },
        losses: { deleted: 2, cut: 1 },
        deadLetterEvents: 3,
      },
      upstreams: [DOWN],
      troubles: [{ path: '/x', message: 'permission denied', since: 'today' }],
    }),
  );
  assert.deepEqual([level, headline], ['bad', 'Events are at risk.']);
  assert.deepEqual(reasons, [
    `In 4 min rotation deletes events of ${LOG} that are not delivered.`,
    `Rotation has deleted 2.0 MiB of ${LOG} that are not delivered: only this process still has them. Do not stop it before they are.`,
    '2.0 MiB were lost since the start, in 3 places.',
    '/x: permission denied (since today).',
    'Receiver b:24224 is down.',
    'Dead letters: 3 since the start; no receiver takes them.',
  ]);
});

test('a loss of which nobody knows how much is a loss', () => {
  const sums = { ...SUMS, lostBytes: { deleted: 0 }, losses: { deleted: 1 } };
  const { headline, reasons } = verdictOf(vitalsOf({ sums }));
  assert.equal(headline, 'Events were lost.');
  assert.deepEqual(reasons, ['0 B were lost since the start, in one place.']);
});

test('an agent that cannot work, or counts wrong, says so', () => {
  const checkpoint = { saves: 0, ageSeconds: 60, failing: 'make room' };
  assert.equal(verdictOf(vitalsOf({ checkpoint })).headline, 'The agent cannot do its work.');
  const sums = { ...SUMS, unaccountedBytes: -1 };
  assert.deepEqual(verdictOf(vitalsOf({ sums })).reasons, [
    'The accounts do not add up: a defect.',
  ]);
});
