/** The time of an event: of the field that is asked for, RFC 3339 to the nanosecond; otherwise that of the clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { Style } from '../../src/event/core.ts';
import { CLOCK, entryOf, FORWARD } from '../support/one-core.ts';

const STAGED: Style = { format: 'forward', timeField: 'stageTimestamp' };
const RECEIVED: Style = { format: 'forward', timeField: 'requestReceivedTimestamp' };

/** Undefined when it is that of the clock. */
function timeOf(json: string, style = STAGED): string | undefined {
  const { time } = entryOf(json, style);
  return time === CLOCK ? undefined : time;
}

const time = (second: number): string => new Date(second * 1000).toISOString();
const onTheSecond = (second: number): string => `${second}.000000000`;
const [A, B] = [time(1000), time(2000)];

describe('the time is', () => {
  const many = Array.from({ length: 70_000 }, (_, index) => `"${index}":1`).join();
  const long = `2026-03-04T05:06:07.123456789${'0'.repeat(70_000)}Z`;
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['the field’s text', `{"a":1,"stageTimestamp":"${A}","b":"${B}"}`, onTheSecond(1000)],
    ['the last one', `{"stageTimestamp":"${A}","stageTimestamp":"${B}"}`, onTheSecond(2000)],
    [
      'the last text',
      `{"stageTimestamp":"${A}","stageTimestamp":1,"stageTimestamp":{"stageTimestamp":"${B}"},"a":"${B}"}`,
      onTheSecond(1000),
    ],
    ['none when the last text is none', `{"stageTimestamp":"${A}","stageTimestamp":""}`, undefined],
    [
      'no other key’s',
      `{"stageTimestam":"${A}","stageTimestamps":"${A}","stagetimestamp":"${A}","a":"stageTimestamp"}`,
      undefined,
    ],
    ['not that of an object in it', `{"a":{"stageTimestamp":"${A}"}}`, undefined],
    ['not that of a list in it', `{"a":[{"stageTimestamp":"${A}"}]}`, undefined],
    ['not a text in its place', `{"stageTimestamp":["${A}"]}`, undefined],
    [
      'found between others’',
      `{"a":{"stageTimestamp":"${A}"},"stageTimestamp":"${B}","c":{"stageTimestamp":"${A}"}}`,
      onTheSecond(2000),
    ],
    ['found when the key is escaped', `{"\\u0073tageTimestamp":"${A}"}`, onTheSecond(1000)],
    ['found when it is escaped', `{"stageTimestamp":"\\u0031${A.slice(1)}"}`, onTheSecond(1000)],
    ['found among many', `{"stageTimestamp":"${A}",${many}}`, onTheSecond(1000)],
    ['found behind many', `{${many},"stageTimestamp":"${A}"}`, onTheSecond(1000)],
    ['found before many further in', `{"stageTimestamp":"${A}","a":{${many}}}`, onTheSecond(1000)],
    ['as long as it is', `{"stageTimestamp":"${long}"}`, '1772600767.123456789'],
    [
      'as long as it is with an escape',
      `{"stageTimestamp":"\\u0032${long.slice(1)}"}`,
      '1772600767.123456789',
    ],
    ['nothing in nothing', '{}', undefined],
    ['not a number', '{"stageTimestamp":1772600767}', undefined],
    ['not null', '{"stageTimestamp":null}', undefined],
    ['not that of another field', `{"requestReceivedTimestamp":"${A}"}`, undefined],
  ];
  for (const [name, json, expected] of cases) {
    it(name, () => assert.equal(timeOf(json), expected));
  }

  it('that of the field that is asked for', () => {
    const event = `{"requestReceivedTimestamp":"${A}","stageTimestamp":"${B}"}`;
    assert.equal(timeOf(event, RECEIVED), onTheSecond(1000));
    assert.equal(timeOf(event, STAGED), onTheSecond(2000));
    assert.equal(timeOf(event, FORWARD), undefined);
    assert.equal(timeOf(event, RECEIVED), onTheSecond(1000));
  });

  it('not that of the event before', () => {
    assert.equal(timeOf(`{"stageTimestamp":"${A}"}`), onTheSecond(1000));
    assert.equal(timeOf('{"a":1}'), undefined);
    assert.equal(timeOf('{"stageTimestamp":"x"}'), undefined);
  });

  it('also known when the field is left out', () => {
    const style: Style = { ...STAGED, omit: ['stageTimestamp'] };
    const { time: found, record } = entryOf(`{"a":1,"stageTimestamp":"${A}"}`, style);
    assert.deepEqual([found, record], [onTheSecond(1000), { a: 1 }]);
  });
});

describe('an RFC 3339 time', () => {
  const SECONDS = Date.UTC(2026, 2, 4, 5, 6, 7) / 1000;

  /** Undefined when it is none. */
  function read(text: string): readonly [number, number] | undefined {
    const found = timeOf(`{"0":"9","stageTimestamp":${JSON.stringify(text)},"1":"Z"}`);
    if (found === undefined) return undefined;
    const [whole = '', fraction = ''] = found.split('.');
    return [Number(whole), Number(fraction)];
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
