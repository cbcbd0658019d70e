/** Durations, sizes and times: what is read, what is refused, and that writing and reading agree. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  parseTime,
  quote,
  type Parsed,
} from '../../src/config/units.ts';

const amount = fc.oneof(
  fc.integer({ min: 0, max: 100_000 }),
  fc.maxSafeNat(),
  fc
    .tuple(
      fc.integer({ min: 0, max: 5000 }),
      fc.constantFrom(1000, 1024, 60_000, 86_400_000, 2 ** 30),
    )
    .map(([count, unit]) => count * unit),
);

function message<T>(parsed: Parsed<T>): string {
  assert.equal(parsed.ok, false);
  return parsed.message;
}

test('a duration that was written is read back exactly', () => {
  fc.assert(
    fc.property(amount, (value) => {
      assert.deepEqual(parseDuration(formatDuration(value)), { ok: true, value });
    }),
  );
});

test('a size that was written is read back exactly', () => {
  fc.assert(
    fc.property(amount, (value) => {
      assert.deepEqual(parseSize(formatSize(value)), { ok: true, value });
    }),
  );
});

test('every text gives a value or a message, and never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const parse of [parseDuration, parseSize, parseTime]) {
        const parsed = parse(text);
        assert.ok(parsed.ok ? Number.isSafeInteger(parsed.value) : parsed.message.length > 0);
      }
    }),
  );
});

test('durations', () => {
  const expected = {
    '500ms': 500,
    '10s': 10_000,
    '15m': 900_000,
    '2h': 7_200_000,
    '7d': 604_800_000,
  };
  for (const [text, value] of Object.entries(expected)) {
    assert.deepEqual(parseDuration(text), { ok: true, value });
    assert.equal(formatDuration(value), text);
  }
  assert.match(message(parseDuration('10')), /no unit; write for example 10s/);
  assert.match(message(parseDuration('10 s')), /"10 s" is not a duration/);
  assert.match(message(parseDuration('3w')), /500ms, 10s, 15m, 2h or 7d/);
  assert.match(message(parseDuration('-1s')), /not a duration/);
  assert.match(message(parseDuration('99999999999999d')), /too large/);
});

test('sizes', () => {
  const expected = { '65537': 65_537, '64KiB': 65_536, '16MiB': 16_777_216, '1GB': 1_000_000_000 };
  for (const [text, value] of Object.entries(expected)) {
    assert.deepEqual(parseSize(text), { ok: true, value });
    assert.equal(formatSize(value), text);
  }
  assert.match(message(parseSize('16Mi')), /did you mean 16MiB\?/);
  assert.match(message(parseSize('16m')), /did you mean 16MB\?/);
  assert.match(message(parseSize('1.5GB')), /"1.5GB" is not a size/);
  assert.match(message(parseSize('5x')), /65536, 64KiB, 16MiB or 1GB/);
});

test('times', () => {
  const value = Date.UTC(2026, 2, 4, 5, 6, 7);
  assert.deepEqual(parseTime('2026-03-04T05:06:07Z'), { ok: true, value });
  assert.deepEqual(parseTime('2026-03-04 07:06:07+02:00'), { ok: true, value });
  assert.deepEqual(parseTime('2026-03-04t05:06:07.123456z'), { ok: true, value: value + 123 });
  assert.match(message(parseTime('2026-03-04T05:06:07')), /no time zone/);
  assert.match(message(parseTime('2026-02-30T05:06:07Z')), /exists/);
  assert.match(message(parseTime('2026-13-01T05:06:07Z')), /exists/);
  assert.match(message(parseTime('2026-03-04')), /such as 2026-03-04T05:06:07Z/);
});

test('a time that was written is read back exactly', () => {
  const date = fc.date({
    min: new Date(0),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(date, (time) => {
      assert.deepEqual(parseTime(time.toISOString()), { ok: true, value: time.getTime() });
    }),
  );
});

test('a wrong value is repeated in part and escaped', () => {
  assert.equal(quote('a\u001b[2J'), '"a\\x1b[2J"');
  assert.equal(quote('x'.repeat(1000)).length, 63);
});
