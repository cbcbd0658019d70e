/** The waits between attempts: growing, capped, and spread out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { backoffMs } from '../../src/deliver/backoff.ts';

const attempts = fc.integer({ min: 1, max: 1_000_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('the first wait is short, the later ones double, and none is longer than 30 s', () => {
  const longest = [1, 2, 3, 4, 9, 10, 100, 1e6].map((attempt) => backoffMs(attempt, () => 1));
  assert.deepEqual(longest, [100, 200, 400, 800, 25_600, 30_000, 30_000, 30_000]);
});

test('every wait lies in the upper half of its range, evenly spread', () => {
  fc.assert(
    fc.property(attempts, random, (attempt, spread) => {
      const full = backoffMs(attempt, () => 1);
      const wait = backoffMs(attempt, () => spread);
      assert.ok(wait >= full / 2 && wait <= full && full <= 30_000);
    }),
  );
  assert.equal(
    backoffMs(3, () => 0.5),
    300,
  );
});
