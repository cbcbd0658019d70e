/**
 * Timestamps as a person reads them: zones, precision, durations, and values that are no timestamps.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { durationText, epochMicros, localTime } from '../../src/event/local-time.ts';

describe('epochMicros', () => {
  it('reads microseconds exactly', () => {
    assert.equal(epochMicros('1970-01-01T00:00:01.000002Z'), 1_000_002);
    assert.equal(epochMicros('2026-03-04T05:06:07.891011Z'), 1_772_600_767_891_011);
  });

  it('takes whole seconds, nanoseconds and offsets', () => {
    assert.equal(epochMicros('1970-01-01T00:00:01Z'), 1_000_000);
    assert.equal(epochMicros('1970-01-01T00:00:00.123456789Z'), 123_456);
    assert.equal(epochMicros('1970-01-01T02:00:00+02:00'), 0);
  });

  it('takes nothing else', () => {
    for (const value of ['', '1', 'yesterday', '2026-13-04T05:06:07Z', '2026-03-04', 5, null, {}]) {
      assert.equal(epochMicros(value), undefined);
    }
  });
});

describe('localTime', () => {
  const time = epochMicros('2026-12-31T23:59:59.999999Z');

  it('shows the zone of the reader', () => {
    assert.equal(localTime(time, 'full', 'UTC'), '2026-12-31 23:59:59.999');
    assert.equal(localTime(time, 'full', 'Asia/Kathmandu'), '2027-01-01 05:44:59.999');
    assert.equal(localTime(time, 'full', 'America/St_Johns'), '2026-12-31 20:29:59.999');
  });

  it('knows summer time', () => {
    const before = epochMicros('2026-03-29T00:59:59.5Z');
    const after = epochMicros('2026-03-29T01:00:00Z');
    assert.equal(localTime(before, 'day-ms', 'Europe/Berlin'), '03-29 01:59:59.500');
    assert.equal(localTime(after, 'day-ms', 'Europe/Berlin'), '03-29 03:00:00.000');
  });

  it('has shorter forms, and says midnight as 00', () => {
    const midnight = epochMicros('2026-03-04T00:00:00Z');
    assert.equal(localTime(midnight, 'day', 'UTC'), '03-04 00:00:00');
    assert.equal(localTime(midnight, 'time', 'UTC'), '00:00:00');
  });

  it('fills the column when there is no time', () => {
    assert.equal(localTime(undefined, 'time', 'UTC'), '-       ');
  });

  it('agrees with the machine’s own calendar when no zone is given', () => {
    const local = new Date(1_772_600_767_000);
    const hour = String(local.getHours()).padStart(2, '0');
    const shown = localTime(local.getTime() * 1000, 'time', undefined);
    assert.equal(shown.slice(0, 2), hour);
  });

  it('says in UTC what toISOString says, for any time', () => {
    const ms = fc.integer({ min: 0, max: Date.UTC(2200, 0) });
    fc.assert(
      fc.property(ms, (epochMs) => {
        const iso = new Date(epochMs).toISOString().replace('T', ' ').slice(0, 23);
        assert.equal(localTime(epochMs * 1000 + 999, 'full', 'UTC'), iso);
      }),
    );
  });
});

describe('durationText', () => {
  const known: readonly (readonly [number, string])[] = [
    [0, '0.0ms'],
    [735, '0.7ms'],
    [99_960, '100ms'],
    [999_400, '999ms'],
    [999_600, '1.00s'],
    [9_996_000, '10.0s'],
    [59_960_000, '1m00s'],
    [245_000_000, '4m05s'],
    [7_380_000_000, '2h03m'],
    [273_600_000_000, '3d04h'],
    [101 * 86_400e6, '101d'],
    [2000 * 86_400e6, '>999d'],
  ];
  for (const [micros, expected] of known) {
    it(`shows ${micros} µs as ${expected}`, () => {
      assert.equal(durationText(0, micros), expected);
    });
  }

  it('shows nothing for a missing start, or a clock that went back', () => {
    assert.equal(durationText(undefined, 5), '-');
    assert.equal(durationText(5, undefined), '-');
    assert.equal(durationText(5, 4), '-');
  });

  it('never takes more than six columns', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (micros) => {
        assert.ok(durationText(0, micros).length <= 6);
      }),
    );
  });
});
