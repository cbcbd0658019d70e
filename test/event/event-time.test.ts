/** The time of an event, read from a line without parsing it: its own, never one that stands in a body. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { firstLineSince, readClock, stageTimeMs } from '../../src/event/event-time.ts';

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

test('a clock has milliseconds, and parts of them', () => {
  const time = readClock(1_772_600_767_089);
  assert.deepEqual(time, { seconds: 1_772_600_767, nanoseconds: 89_000_000 });
  assert.deepEqual(readClock(1000.5), { seconds: 1, nanoseconds: 500_000 });
  assert.deepEqual(readClock(999), { seconds: 0, nanoseconds: 999_000_000 });
});
