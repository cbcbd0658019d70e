/** Amounts as people read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { count, size, span } from '../../src/observe/amounts.ts';

test('a count has its thousands apart', () => {
  assert.deepEqual([0, 999, 1_234_567].map(count), ['0', '999', '1,234,567']);
});

test('a size has the largest unit that leaves a number of 1 or more', () => {
  const sizes = [0, 1023, 1024, 1.5 * 1024 ** 2, 3 * 1024 ** 4, 5000 * 1024 ** 4];
  assert.deepEqual(sizes.map(size), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '3.0 TiB',
    '5000.0 TiB',
  ]);
});

test('a span has a unit of which there are two or more', () => {
  const spans = [0, 119.9, 120, 7199, 7200, 172_799, 172_800];
  assert.deepEqual(spans.map(span), ['0 s', '119 s', '2 min', '119 min', '2 h', '47 h', '2 days']);
});
