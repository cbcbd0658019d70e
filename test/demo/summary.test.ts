/** The demo's judgement: only when every count tells the same is there nothing to say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Observations, problemsOf, summaryOf } from '../../demo/summary.ts';

const GOOD: Observations = {
  written: { events: 1_000, rotations: 6 },
  delivered: { events: 1_000, rotations: 6, lostBytes: 0 },
  lines: 1_000,
  failures: [],
};

describe('the summary of the demo', () => {
  it('has nothing to say against equal counts', () => {
    assert.deepEqual(problemsOf(GOOD), []);
    assert.equal(
      summaryOf(GOOD),
      `
  events written          1000
  events delivered        1000   the agent counts 1000
  rotations                  6   the agent saw 6
  lost                       0
  All counts agree.
`,
    );
  });

  const wrong: readonly (readonly [what: string, change: Partial<Observations>, says: RegExp])[] = [
    ['a missing line', { lines: 999 }, /1000 events were written, but 999 lines came out/],
    ['a line too many', { lines: 1_001 }, /but 1001 lines came out/],
    [
      'another count of the agent',
      { delivered: { events: 998, rotations: 6, lostBytes: 0 } },
      /the agent counts 998/,
    ],
    [
      'lost bytes',
      { delivered: { events: 1_000, rotations: 6, lostBytes: 7 } },
      /the agent lost 7 bytes/,
    ],
    ['an agent without sums', { delivered: undefined }, /the agent did not report/],
    ['a simulate without sums', { written: undefined }, /simulate did not report/],
    ['a failed process', { failures: ['the agent failed'] }, /the agent failed/],
    [
      'no events at all',
      {
        written: { events: 0, rotations: 0 },
        delivered: { events: 0, rotations: 0, lostBytes: 0 },
        lines: 0,
      },
      /no event was written/,
    ],
  ];
  for (const [what, change, says] of wrong) {
    it(`names ${what}`, () => {
      const observations = { ...GOOD, ...change };
      const problems = problemsOf(observations);
      assert.equal(problems.length, 1, problems.join('; '));
      assert.match(problems[0] ?? '', says);
      assert.match(summaryOf(observations), says);
      assert.doesNotMatch(summaryOf(observations), /All counts agree/);
    });
  }

  it('counts what is missing as lost', () => {
    assert.match(summaryOf({ ...GOOD, lines: 990 }), /lost +10\n/);
  });
});
