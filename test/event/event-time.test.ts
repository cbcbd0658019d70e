/** The time of an event, read from bytes: the event's own, never one that stands in a body, to the nanosecond. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import {
  firstLineSince,
  readClock,
  readRfc3339,
  stageTimeMs,
  type EventTime,
} from '../../src/event/event-time.ts';

const timeOf = (line: string): number | undefined => stageTimeMs(Buffer.from(line));
const eventAt = (time: string): string => `{"kind":"Event","stageTimestamp":"${time}"}`;

describe('the time of an event', () => {
  const known: readonly (readonly [string, string, number | undefined])[] = [
    ['microseconds', eventAt('2026-03-04T05:06:07.089123Z'), Date.UTC(2026, 2, 4, 5, 6, 7, 89)],
    ['no fraction', eventAt('2026-03-04T05:06:07Z'), Date.UTC(2026, 2, 4, 5, 6, 7)],
    ['nanoseconds', eventAt('2026-03-04T05:06:07.089123456Z'), Date.UTC(2026, 2, 4, 5, 6, 7, 89)],
    ['a zone', eventAt('2026-03-04T05:06:07+01:00'), Date.UTC(2026, 2, 4, 4, 6, 7)],
    ['no time', '{"kind":"Event"}', undefined],
    ['null', '{"stageTimestamp":null}', undefined],
    ['no end', '{"stageTimestamp":"2026-03-04T05', undefined],
    ['nonsense', eventAt('yesterday'), undefined],
    ['nothing', '', undefined],
  ];
  for (const [name, line, expected] of known) {
    it(`is ${expected ?? 'unknown'} with ${name}`, () => {
      assert.equal(timeOf(line), expected);
    });
  }

  it('is not taken from a body', () => {
    const body = eventAt('2001-01-01T00:00:00Z');
    const line = `{"kind":"Event","requestObject":${body},"stageTimestamp":"2026-03-04T05:06:07Z"}`;
    assert.equal(timeOf(line), Date.UTC(2026, 2, 4, 5, 6, 7));
  });

  it('is not taken from an annotation', () => {
    const annotation = JSON.stringify(eventAt('2001-01-01T00:00:00Z'));
    const line = `{"stageTimestamp":"2026-03-04T05:06:07Z","annotations":{"a":${annotation}}}`;
    assert.equal(timeOf(line), Date.UTC(2026, 2, 4, 5, 6, 7));
  });
});

describe('the first line since a time', () => {
  const second = (epochSeconds: number): string =>
    new Date(epochSeconds * 1000).toISOString().replace('.000Z', '.000000Z');

  it('is found among lines with and without a time', () => {
    const time = fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(time),
        fc.integer({ min: 0, max: 50 }),
        fc.boolean(),
        (times, since, whole) => {
          const lines = times.map((at) =>
            at === undefined ? 'no event\n' : `${eventAt(second(at))}\n`,
          );
          const text = lines.join('');
          const index = times.findIndex((at) => at !== undefined && at >= since);
          const expected = index === -1 ? undefined : lines.slice(0, index).join('').length;
          const bytes = Buffer.from(whole ? text : text.slice(0, -1));
          assert.equal(firstLineSince(bytes, since * 1000), expected);
        },
      ),
    );
  });
});

describe('an RFC 3339 time', () => {
  const SECONDS = Date.UTC(2026, 2, 4, 5, 6, 7) / 1000;

  /** Undefined when it is none; neighbours of the text would change it if they were looked at. */
  function read(text: string): readonly [number, number] | undefined {
    const bytes = Buffer.from(`1${text}9`, 'latin1');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const time: EventTime = { seconds: 1, nanoseconds: 1 };
    if (!readRfc3339(view, 1, bytes.length - 1, time)) return undefined;
    return [time.seconds, time.nanoseconds];
  }

  const known: readonly (readonly [string, number, number])[] = [
    ['2026-03-04T05:06:07Z', SECONDS, 0],
    ['2026-03-04T05:06:07.089123Z', SECONDS, 89_123_000],
    ['2026-03-04T05:06:07.123456789Z', SECONDS, 123_456_789],
    ['2026-03-04T05:06:07.000000001Z', SECONDS, 1],
    ['2026-03-04T05:06:07.9Z', SECONDS, 900_000_000],
    ['2026-03-04T05:06:07.12345678999999999999999999999999Z', SECONDS, 123_456_789],
    ['2026-03-04T05:06:07.5+01:00', SECONDS - 3600, 500_000_000],
    ['2026-03-04T05:06:07-05:30', SECONDS + 19_800, 0],
    ['2026-03-04t05:06:07z', SECONDS, 0],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1) / 1000, 0],
    ['1970-01-01T00:00:00.000000001Z', 0, 1],
    ['1969-12-31T23:59:59-00:01', 59, 0],
    ['2106-02-07T06:28:15.999999999Z', 0xffff_ffff, 999_999_999],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29) / 1000, 0],
  ];
  for (const [text, seconds, nanoseconds] of known) {
    it(`is known to the nanosecond: ${text}`, () => {
      assert.deepEqual(read(text), [seconds, nanoseconds]);
    });
  }

  it('has the seconds of the calendar, on every day, with every number of digits and in every zone', () => {
    const parts = fc.tuple(
      fc.integer({ min: 86_400, max: 0xffff_ffff - 86_400 }),
      fc.stringMatching(/^[0-9]{0,12}$/),
      fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }),
    );
    fc.assert(
      fc.property(parts, ([seconds, digits, minutes]) => {
        const local = new Date((seconds + minutes * 60) * 1000).toISOString().slice(0, 19);
        const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
        const ahead = Math.abs(minutes);
        const zone = `${minutes < 0 ? '-' : '+'}${two(ahead / 60)}:${two(ahead % 60)}`;
        const fraction = digits === '' ? '' : `.${digits}`;
        const nanoseconds = Number(digits.padEnd(9, '0').slice(0, 9));
        assert.deepEqual(read(local + fraction + zone), [seconds, nanoseconds]);
        if (minutes === 0) assert.deepEqual(read(`${local}${fraction}Z`), [seconds, nanoseconds]);
      }),
      { numRuns: 2000 },
    );
  });

  it('is known on each day from 1970 to 2106', () => {
    for (let day = 0; day * 86_400 < 0xffff_ffff; day++) {
      const text = new Date(day * 86_400_000).toISOString().replace('.000Z', 'Z');
      assert.deepEqual(read(text), [day * 86_400, 0]);
    }
  });

  const none: readonly string[] = [
    '',
    'Z',
    'yesterday',
    '2026-03-04',
    '2026-03-04T05:06:07',
    '2026-03-04 05:06:07Z',
    '2026-03-04T05:06:07.Z',
    '2026-03-04T05:06:07.1',
    '2026-03-04T05:06:07.12x4Z',
    '2026-03-04T05:06:07ZZ',
    '2026-03-04T05:06:07+0100',
    '2026-03-04T05:06:07+01-00',
    '2026-03-04T05:06:07*01:00',
    '2026-03-04T05:06:07+24:00',
    '2026-03-04T05:06:07+00:60',
    '2026-03-04T05:06:07+0x:00',
    '2026-13-04T05:06:07Z',
    '2026-00-04T05:06:07Z',
    '2026-03-00T05:06:07Z',
    '2026-04-31T05:06:07Z',
    '2026-02-29T05:06:07Z',
    '2100-02-29T05:06:07Z',
    '2026-03-04T24:06:07Z',
    '2026-03-04T05:60:07Z',
    '2026-03-04T05:06:61Z',
    '20x6-03-04T05:06:07Z',
    '2026-0x-04T05:06:07Z',
    '2026-03-0xT05:06:07Z',
    '2026-03-04T0x:06:07Z',
    '2026-03-04T05:0x:07Z',
    '2026-03-04T05:06:0xZ',
    '2026/03-04T05:06:07Z',
    '2026-03/04T05:06:07Z',
    '2026-03-04x05:06:07Z',
    '2026-03-04T05.06:07Z',
    '2026-03-04T05:06.07Z',
    '1969-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '2106-02-07T06:28:16Z',
    '1970-01-01T00:00:59+00:01',
    '9999-12-31T23:59:59Z',
  ];
  for (const text of none) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(read(text), undefined);
    });
  }

  it('is not taken from beyond its end', () => {
    const whole = '2026-03-04T05:06:07.123+01:00';
    for (let end = 0; end < whole.length; end++) {
      assert.equal(read(whole.slice(0, end)), undefined);
    }
  });
});

test('a clock has milliseconds, and parts of them', () => {
  const time: EventTime = { seconds: 0, nanoseconds: 0 };
  readClock(1_772_600_767_089, time);
  assert.deepEqual(time, { seconds: 1_772_600_767, nanoseconds: 89_000_000 });
  readClock(1000.5, time);
  assert.deepEqual(time, { seconds: 1, nanoseconds: 500_000 });
});
