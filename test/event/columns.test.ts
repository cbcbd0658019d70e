/**
 * Counting and cutting columns: what a person's terminal shows must never be longer than we believe.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { columns, cutEnd, cutMiddle } from '../../src/event/columns.ts';

describe('columns', () => {
  const known: readonly (readonly [string, number])[] = [
    ['', 0],
    ['prod/web-0', 10],
    ['zoë', 3],
    ['用户', 4],
    ['🚀', 2],
    ['ﾊﾝｶｸ', 4],
    ['ＡＢ', 4],
    ['한국', 4],
    ['⚡', 2],
    ['→…', 2],
  ];
  for (const [text, expected] of known) {
    it(`counts ${expected} for ${JSON.stringify(text)}`, () => {
      assert.equal(columns(text), expected);
    });
  }

  it('counts a combining mark as one: an upper bound', () => {
    assert.equal(columns('e\u0301'), 2);
  });
});

describe('cutting', () => {
  it('leaves alone what fits', () => {
    assert.equal(cutEnd('用户', 4), '用户');
    assert.equal(cutMiddle('web-0', 5), 'web-0');
  });

  it('marks what it left out', () => {
    assert.equal(cutEnd('deployments', 6), 'deplo…');
    assert.equal(cutMiddle('replicaset-controller', 11), 'repli…oller');
  });

  it('never cuts a wide character in half', () => {
    assert.equal(cutEnd('用户名', 4), '用…');
    assert.equal(cutMiddle('🚀🚀🚀🚀', 6), '🚀…🚀');
  });

  it('gives nothing where there is no room', () => {
    assert.equal(cutEnd('a', 0), '');
    assert.equal(cutMiddle('a', -3), '');
  });

  it('fits, and keeps whole characters, for any text and room', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 50 }), (whole, room) => {
        for (const cut of [cutEnd(whole, room), cutMiddle(whole, room)]) {
          assert.ok(columns(cut) <= room);
          assert.doesNotMatch(cut, /\p{Surrogate}/u);
          if (columns(whole) <= room) assert.equal(cut, whole);
        }
      }),
    );
  });
});
