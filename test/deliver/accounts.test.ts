/** The sums: what was read is delivered, filtered or in flight, and nothing is counted twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Accounts } from '../../src/deliver/accounts.ts';

test('they begin with nothing', () => {
  const accounts = new Accounts();
  const { invalidLines, lostBytes, losses, rotations, filteredBy, ...sums } = accounts.totals();
  assert.ok(Object.values(sums).every((sum) => sum === 0));
  const byWord = [invalidLines, lostBytes, losses, rotations, filteredBy];
  assert.deepEqual(byWord, [{}, {}, {}, {}, {}]);
  assert.equal(accounts.inFlightBytes, 0);
});

test('read = delivered + filtered + dead-lettered + in flight, always', () => {
  const tally = fc.record({ events: fc.nat(100), bytes: fc.nat(10_000) });
  const chunks = fc.array(
    fc.record({ delivered: tally, filtered: tally, deadLettered: tally, settles: fc.boolean() }),
  );
  fc.assert(
    fc.property(chunks, (given) => {
      const accounts = new Accounts();
      let unsettled = 0;
      for (const { settles, ...became } of given) {
        const { delivered, filtered, deadLettered } = became;
        const bytes = delivered.bytes + filtered.bytes + deadLettered.bytes;
        accounts.read(bytes, 1);
        if (settles) accounts.settled(became);
        else unsettled += bytes;
        const { readBytes, deliveredBytes, filteredBytes, deadLetterBytes } = accounts.totals();
        assert.equal(accounts.inFlightBytes, unsettled);
        assert.equal(readBytes, deliveredBytes + filteredBytes + deadLetterBytes + unsettled);
      }
    }),
  );
});

test('each thing is counted where it belongs', () => {
  const accounts = new Accounts();
  accounts.read(103, 7);
  accounts.settled({
    delivered: { events: 2, bytes: 60 },
    filtered: { events: 1, bytes: 40 },
    deadLettered: { events: 4, bytes: 3 },
  });
  accounts.changed(new Map([['rule 1', 2]]), 3);
  accounts.changed(
    new Map([
      ['rule 1', 1],
      ['no rule', 4],
    ]),
    1,
  );
  accounts.invalid('torn');
  accounts.invalid('torn');
  accounts.invalid('not-json');
  accounts.truncated();
  accounts.skipped(7);
  accounts.lost(5, 'deleted');
  accounts.lost(2, 'cut');
  accounts.lost(1, 'cut');
  accounts.unaccounted(4);
  accounts.rotated('renamed');
  assert.deepEqual(accounts.totals(), {
    readBytes: 103,
    readEvents: 7,
    deliveredEvents: 2,
    deliveredBytes: 60,
    filteredEvents: 1,
    filteredBytes: 40,
    filteredBy: { 'rule 1': 3, 'no rule': 4 },
    redactedEvents: 4,
    deadLetterEvents: 4,
    deadLetterBytes: 3,
    skippedBytes: 7,
    invalidLines: { torn: 2, 'not-json': 1 },
    truncatedEvents: 1,
    lostBytes: { deleted: 5, cut: 3 },
    losses: { deleted: 1, cut: 2 },
    unaccountedBytes: 4,
    rotations: { renamed: 1 },
  });
});

test('totals are a picture of their moment', () => {
  const accounts = new Accounts();
  const before = accounts.totals();
  accounts.invalid('torn');
  assert.deepEqual(before.invalidLines, {});
});
