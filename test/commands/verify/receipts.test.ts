/**
 * Bookkeeping of delivered ids: what came again and what came out of order, against a model that keeps every id.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Receipts, type EventReceipt } from '../../../src/commands/verify/receipts.ts';

function eventAt(offset: number, fingerprint = 'a'): EventReceipt {
  return { kind: 'event', fingerprint, offset, part: undefined };
}

/** @param files the offsets of each, in the order of their lines. */
function receiptsOf(...files: readonly (readonly number[])[]) {
  const receipts = new Receipts();
  for (const offsets of files) {
    receipts.beginFile();
    for (const offset of offsets) receipts.add(eventAt(offset));
  }
  const generation = receipts.of('a');
  assert.ok(generation);
  return generation;
}

describe('what was delivered', () => {
  it('is known by generation, each event once and in order', () => {
    const receipts = new Receipts();
    receipts.beginFile();
    for (const [fingerprint, offset] of [
      ['a', 0],
      ['b', 0],
      ['a', 5],
      ['b', 9],
    ] as const) {
      receipts.add(eventAt(offset, fingerprint));
    }
    assert.deepEqual([...(receipts.of('a')?.distinct() ?? [])], [0, 5]);
    assert.deepEqual([...(receipts.of('b')?.distinct() ?? [])], [0, 9]);
    assert.equal(receipts.of('c'), undefined);
  });

  it('names what came again after a restart as one run', () => {
    const { repeated, outOfOrder } = receiptsOf([0, 10, 20, 30, 10, 20, 30, 40]);
    assert.deepEqual(repeated.list(), [{ offset: 10, bytes: 20, events: 3 }]);
    assert.equal(outOfOrder.events, 0);
  });

  it('names two runs where something else was between', () => {
    const { repeated } = receiptsOf([0, 10, 20, 0, 20]);
    assert.deepEqual(
      repeated.list().map(({ offset }) => offset),
      [0, 20],
    );
  });

  it('has an order within each file, and none between files', () => {
    const { outOfOrder, repeated } = receiptsOf([20, 30], [0, 10, 20]);
    assert.deepEqual([outOfOrder.events, repeated.events], [0, 1]);
    assert.equal(receiptsOf([20, 30, 0, 10, 20]).outOfOrder.events, 2);
  });

  it('counts what every id, kept in a set, says', () => {
    const offsets = fc.array(fc.array(fc.nat({ max: 30 }), { maxLength: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(offsets, (files) => {
        fc.pre(files.some((file) => file.length > 0));
        const generation = receiptsOf(...files);
        const seen = new Set<number>();
        let late = 0;
        let again = 0;
        for (const file of files) {
          let greatest = -1;
          for (const offset of file) {
            if (seen.has(offset)) again += 1;
            else if (offset < greatest) late += 1;
            if (!seen.has(offset)) greatest = Math.max(greatest, offset);
            seen.add(offset);
          }
        }
        assert.deepEqual(
          [...generation.distinct()],
          [...seen].sort((a, b) => a - b),
        );
        assert.deepEqual([generation.repeated.events, generation.outOfOrder.events], [again, late]);
      }),
    );
  });
});
