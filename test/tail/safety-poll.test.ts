/** The safety poll: always there, often where the system does not watch, rare where the watch has proved itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SafetyPoll, type Awakening } from '../../src/tail/safety-poll.ts';

const NOTHING: Awakening = { hinted: false, found: false };
const HINTED: Awakening = { hinted: true, found: true };
const MISSED: Awakening = { hinted: false, found: true };

function pollAfter(...awakenings: readonly Awakening[]): SafetyPoll {
  const poll = new SafetyPoll();
  for (const awakening of awakenings) poll.passed(awakening);
  return poll;
}

const quiet = (rounds: number): readonly Awakening[] =>
  Array.from({ length: rounds }, () => NOTHING);

test('a log that is quiet for a while is looked at every five seconds', () => {
  assert.equal(pollAfter().intervalMs(true), 1000);
  assert.equal(pollAfter(...quiet(3)).intervalMs(true), 1000);
  assert.equal(pollAfter(...quiet(4)).intervalMs(true), 5000);
  assert.equal(pollAfter(...quiet(400)).intervalMs(true), 5000);
});

test('many quiet logs are looked at in turn, and each once a minute at least', () => {
  const poll = pollAfter(...quiet(4));
  assert.equal(poll.intervalMs(true, 25), 5000);
  assert.equal(poll.intervalMs(true, 100), 20_000);
  assert.equal(poll.intervalMs(true, 10_000), 60_000);
  assert.equal(pollAfter(...quiet(3)).intervalMs(true, 100), 1000);
  assert.equal(poll.intervalMs(false, 100), 250);
});

test('every file is looked at anew every ten seconds, and every minute when nothing happens', () => {
  assert.equal(pollAfter(...quiet(3)).fullScanMs(true), 10_000);
  assert.equal(pollAfter(...quiet(4)).fullScanMs(true), 60_000);
  assert.equal(pollAfter(...quiet(4), HINTED).fullScanMs(true), 10_000);
});

test('any news ends the quiet', () => {
  assert.equal(pollAfter(...quiet(9), HINTED).intervalMs(true), 1000);
  assert.equal(pollAfter(...quiet(9), MISSED).intervalMs(true), 1000);
  assert.equal(pollAfter(...quiet(9), { hinted: true, found: false }).intervalMs(true), 1000);
  assert.equal(pollAfter(HINTED, ...quiet(4)).intervalMs(true), 5000);
});

test('a watch that misses again and again is not trusted any more', () => {
  assert.equal(pollAfter(MISSED, MISSED, ...quiet(9)).intervalMs(true), 5000);
  assert.equal(pollAfter(MISSED, ...quiet(9), MISSED, MISSED, ...quiet(9)).intervalMs(true), 1000);
});

test('without a watch the poll is all there is', () => {
  assert.equal(pollAfter(...quiet(9)).intervalMs(false), 250);
  assert.equal(pollAfter(...quiet(9)).fullScanMs(false), 10_000);
});
