/** When looks take the place of the watch: only of a log that grows all the time, and only until it does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace, type Round } from '../../src/tail/pace.ts';

const BUSY: Round = { bytes: 100, hinted: true };
const SLOW: Round = { bytes: 100, hinted: false };
const QUIET: Round = { bytes: 0, hinted: false };
/** More than it takes either way. */
const MANY = 20;

/** After how many rounds the way of hearing changes; undefined when it does not. */
function roundsToChange(pace: Pace, round: Round): number | undefined {
  const { looks } = pace;
  for (let count = 1; count <= MANY; count++) {
    pace.passed(round);
    if (pace.looks !== looks) return count;
  }
  return undefined;
}

test('a log that grows all the time is looked at, until it is quiet', () => {
  const pace = new Pace();
  assert.equal(pace.looks, false);
  const toLooks = roundsToChange(pace, BUSY) ?? 0;
  assert.ok(toLooks > 1, 'a single burst is no reason');
  assert.equal(roundsToChange(pace, BUSY), undefined);
  assert.equal(roundsToChange(pace, SLOW), undefined, 'no watch, no hints');
  const toWatch = roundsToChange(pace, QUIET) ?? 0;
  assert.ok(toWatch > 1, 'a single look that found nothing is no reason');
  assert.equal(roundsToChange(pace, BUSY), toLooks);
});

test('a log that is quiet now and then is watched', () => {
  for (const pause of [SLOW, QUIET, { bytes: 0, hinted: true }]) {
    const pace = new Pace();
    assert.equal(roundsToChange(pace, pause), undefined);
    for (let count = 0; count < MANY; count++) {
      pace.passed(count % 3 === 0 ? pause : BUSY);
      assert.equal(pace.looks, false);
    }
  }
});

test('a log that grows fast is watched', () => {
  const fast: Round = { bytes: 256 * 1024 + 1, hinted: true };
  const pace = new Pace();
  assert.equal(roundsToChange(pace, fast), undefined);
  assert.notEqual(roundsToChange(pace, { ...fast, bytes: fast.bytes - 1 }), undefined);
  assert.equal(roundsToChange(pace, fast), 1);
});

test('an alarm ends it at once, and what came before does not count', () => {
  const pace = new Pace();
  const toLooks = roundsToChange(pace, BUSY) ?? 0;
  pace.alarm();
  assert.equal(pace.looks, false);
  for (let count = 1; count < toLooks; count++) pace.passed(BUSY);
  pace.alarm();
  assert.equal(roundsToChange(pace, BUSY), toLooks);
});

test('looks that find little are fewer, and only looks', () => {
  const pace = new Pace();
  const little = 8 * 1024 - 1;
  assert.deepEqual([0, little, little + 1].map(afterMs(pace)), [17, 17, 17]);
  roundsToChange(pace, BUSY);
  assert.equal(pace.looks, true);
  assert.deepEqual([0, little, little + 1].map(afterMs(pace)), [24, 24, 17]);
  pace.alarm();
  assert.equal(pace.lookAfterMs(little), 17);
});

const afterMs = (pace: Pace) => (bytes: number) => pace.lookAfterMs(bytes);
