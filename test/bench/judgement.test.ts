/**
 * What the benchmark makes of what it measured: medians, tables, sections of the document, targets, and what is wrong
 * with a run.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf, type Scenario } from '../../bench/measure.ts';
import { median, medianRatio, percentile } from '../../bench/statistics.ts';
import { markdownTable, tableOf, withSection } from '../../bench/table.ts';
import { judge, judgementTable, targetsFor, type Target } from '../../bench/targets.ts';

describe('statistics', () => {
  it('find the middle', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });

  it('find percentiles', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(
      [0.5, 0.99, 1].map((part) => percentile(values, part)),
      [50, 99, 100],
    );
  });

  it('take ratios within a round', () => {
    assert.equal(medianRatio([10, 40, 90], [1, 2, 3]), 20);
  });
});

describe('a table', () => {
  it('has texts on the left and numbers on the right', () => {
    const rows = [
      ['what', 'MB'],
      ['a', '1'],
      ['long', '100'],
    ];
    assert.equal(
      markdownTable(rows),
      '| what |  MB |\n| ---- | --: |\n| a    |   1 |\n| long | 100 |',
    );
  });

  it('leaves out rates where there are no bytes', () => {
    const none = { name: 'x', events: 0, bytes: 0, seconds: 1, cpuSeconds: 1, peakBytes: 5e6 };
    assert.match(tableOf([none]), /\| x +\| +0 \| +0 \| +1\.00 \| +– \| +– \| +5\.0 \|$/);
  });
});

describe('a section', () => {
  const document = 'a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n';

  it('is replaced, and nothing else', () => {
    const expected = 'a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n';
    assert.equal(withSection(document, 'x', 'new'), expected);
    assert.equal(withSection(expected, 'x', 'new'), expected);
  });

  it('must be there', () => {
    assert.throws(() => withSection(document, 'y', 'new'), /no section/);
  });
});

describe('targets', () => {
  const fast: Target = { name: 'fast', facts: ['speed'], bound: 'at least', limit: 10 };
  const small: Target = { name: 'small', facts: ['one', 'other'], bound: 'at most', limit: 5 };
  const verdicts = (facts: Readonly<Record<string, number>>): readonly string[] =>
    judge([fast, small], facts).map(({ verdict }) => verdict);

  it('are met at their limit', () => {
    assert.deepEqual(verdicts({ speed: 10, one: 5, other: 1 }), ['met', 'met']);
  });

  it('are missed when one of their facts misses them', () => {
    assert.deepEqual(verdicts({ speed: 9.9, one: 1, other: 5.1 }), ['missed', 'missed']);
  });

  it('are missed by what is no number', () => {
    assert.deepEqual(verdicts({ speed: NaN, one: NaN }), ['missed', 'missed']);
  });

  it('say so when nothing was measured', () => {
    assert.deepEqual(verdicts({ one: 1 }), ['not measured', 'met']);
    assert.match(judgementTable(judge([fast], {})), /fast +\| at least 10 +\| +– \| not measured/);
  });

  it('allow later versions of Node more for many files, and nothing else', () => {
    const [first, later] = [20, 24].map((major) => targetsFor(major));
    const different = first?.filter(({ limit }, index) => limit !== later?.[index]?.limit);
    assert.deepEqual(
      different?.map(({ name }) => name),
      ['peak with many backups, MB'],
    );
  });
});

describe('a run', () => {
  const scenario: Scenario = {
    name: 'x',
    command: () => ({ node: [] }),
    destination: 'forward',
    expected: { events: 5, bytes: 100 },
  };
  const ended = { probe: { peakBytes: 1, cpuSeconds: 1, exitCode: 0 }, stdout: undefined };
  const sums = { delivered_events: 5, lost_bytes: 0, undelivered_bytes: 0, invalid_lines: 0 };
  const receipts = {
    events: 5,
    repeatedEvents: 0,
    messages: 1,
    bytes: 90,
    largestBytes: 90,
    firstUs: 1,
    lastUs: 2,
    roll: { entries: 5, missing: 0, repeated: 0, unknown: 0 },
  };

  it('is good when every event arrived once', () => {
    assert.deepEqual(problemsOf(scenario, ended, sums, receipts), []);
  });

  const faults: readonly (readonly [string, object, object])[] = [
    ['an event that did not arrive', sums, { ...receipts, events: 4 }],
    ['an event that arrived twice', sums, { ...receipts, repeatedEvents: 1 }],
    [
      'a size that is no count',
      sums,
      { ...receipts, roll: { ...receipts.roll, entries: 4, missing: 1 } },
    ],
    ['a sender that says less', { ...sums, delivered_events: 4 }, receipts],
    ['a sender that says nothing', {}, receipts],
    ['a loss that is told', { ...sums, lost_bytes: 1 }, receipts],
  ];
  for (const [name, said, received] of faults) {
    it(`is not good with ${name}`, () => {
      const problems = problemsOf(
        scenario,
        ended,
        said as typeof sums,
        received as typeof receipts,
      );
      assert.notDeepEqual(problems, []);
    });
  }

  it('is not good when it failed', () => {
    const failed = { ...ended, probe: { ...ended.probe, exitCode: 1 } };
    assert.deepEqual(problemsOf(scenario, failed, sums, receipts), ['exit code: 1 of 0']);
  });

  it('of raw bytes is judged by the bytes', () => {
    const raw: Scenario = { ...scenario, delivers: 'bytes' };
    assert.deepEqual(problemsOf(raw, ended, {}, receipts), ['bytes received: 90 of 100']);
  });
});
