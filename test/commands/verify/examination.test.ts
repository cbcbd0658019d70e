/**
 * One generation held against its accounts and against what was delivered: each thing that can be wrong is found, and
 * what only looks wrong is not.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Checkpoint } from '../../../src/checkpoint/format.ts';
import {
  Examination,
  examineGone,
  type Subject,
} from '../../../src/commands/verify/examination.ts';
import type { Walk } from '../../../src/commands/verify/pieces.ts';
import { Receipts, type EventReceipt } from '../../../src/commands/verify/receipts.ts';
import type { GenerationReport } from '../../../src/commands/verify/report.ts';
import { NOTHING_SETTLED, type GenerationAccounts } from '../../../src/deliver/chunk.ts';

/** Ten lines of ten bytes. */
const LINE_BYTES = 10;
const LINES = 10;
const SIZE = LINES * LINE_BYTES;

function linesOf(events: number) {
  return { events, bytes: events * LINE_BYTES };
}

function checkpointAt(offset: number, accounts: Partial<GenerationAccounts>): Checkpoint {
  const place = { path: '/log/audit.log', fingerprint: 'a', dev: 1, ino: 1, updated: '' };
  return { ...place, offset, size: SIZE, accounts: { ...NOTHING_SETTLED, ...accounts } };
}

function subjectOf(checkpoint: Checkpoint | undefined, given: Partial<Subject> = {}): Subject {
  return {
    log: '/log/audit.log',
    path: '/log/audit.log',
    fingerprint: 'a',
    checkpoint,
    letters: [],
    losses: [],
    delivered: undefined,
    ...given,
  };
}

/** @param lines where each begins. */
function receiptsOf(offsets: readonly number[], parts: readonly EventReceipt[] = []) {
  const receipts = new Receipts();
  receipts.beginFile();
  const events = offsets.map((offset): EventReceipt => {
    return { kind: 'event', fingerprint: 'a', offset, part: undefined };
  });
  for (const event of [...events, ...parts].sort((a, b) => a.offset - b.offset)) {
    receipts.add(event);
  }
  return receipts.of('a');
}

const ALL = Array.from({ length: LINES }, (_, index) => index * LINE_BYTES);

function examined(subject: Subject, walk: Partial<Walk> = {}): GenerationReport {
  const examination = new Examination(subject);
  const { size = SIZE } = walk;
  for (const start of ALL.filter((offset) => offset < size)) {
    const end = start + LINE_BYTES - 1;
    examination.piece({ start, end, isLong: false });
  }
  const whole = { size, isBoundary: true, uncertainLines: 0, isDamaged: false };
  return examination.finish({ ...whole, ...walk }, 0);
}

function problemsOf(
  offset: number,
  accounts: Partial<GenerationAccounts>,
  walk: Partial<Walk> = {},
  given: Partial<Subject> = {},
): string {
  return examined(subjectOf(checkpointAt(offset, accounts), given), walk).contradictions.join('; ');
}

describe('the accounts of a file on disk', () => {
  it('add up when every byte and every event before the checkpoint is in one of them', () => {
    assert.equal(problemsOf(0, {}), '');
    assert.equal(problemsOf(SIZE, { delivered: linesOf(10) }), '');
    const mixed = { delivered: linesOf(3), filtered: linesOf(1), deadLettered: linesOf(2) };
    assert.equal(problemsOf(80, { ...mixed, skippedBytes: 20 }), '');
    assert.equal(problemsOf(80, { delivered: linesOf(2), earlierBytes: 60 }), '');
  });

  it('do not when a byte or an event is in none, or in two', () => {
    const bytes = /hold 90 bytes, and its checkpoint stands at 100/;
    assert.match(problemsOf(SIZE, { delivered: { events: 10, bytes: 90 } }), bytes);
    const events = /hold 9 events, and 10 stand before/;
    assert.match(problemsOf(SIZE, { delivered: { events: 9, bytes: 100 } }), events);
    assert.match(problemsOf(50, { delivered: { events: 6, bytes: 50 } }), /hold 6 events, and 5 /);
  });

  it('do not when the checkpoint stands inside of a line, or behind the file', () => {
    const accounts = { delivered: linesOf(5) };
    assert.match(problemsOf(50, accounts, { isBoundary: false }), /stands inside of a line/);
    assert.match(problemsOf(50, accounts, { size: 40 }), /behind the end of the file \(40\)/);
  });

  it('do not when more is kept as dead letters than they hold', () => {
    const letters = [{ start: 20, end: 30 }];
    const accounts = { delivered: linesOf(4), deadLettered: linesOf(1) };
    assert.equal(problemsOf(50, accounts, {}, { letters }), '');
    const none = { delivered: linesOf(5) };
    assert.match(problemsOf(50, none, {}, { letters }), /dead letters have 10 bytes/);
    // One that is kept and not settled yet.
    assert.equal(problemsOf(50, none, {}, { letters: [{ start: 50, end: 60 }] }), '');
    // Some were sent again.
    assert.equal(problemsOf(50, accounts), '');
  });

  it('leave out what was lost, wherever it stands', () => {
    const accounts = { delivered: linesOf(6), lostBytes: 20 };
    const losses = [{ start: 40, end: 60 }];
    assert.equal(problemsOf(80, accounts, {}, { losses }), '');
    assert.match(
      problemsOf(80, { ...accounts, delivered: { events: 7, bytes: 60 } }, {}, { losses }),
      /hold 7 events, and 6 /,
    );
  });

  it('say nothing of events that another max_event_bytes counts in another way', () => {
    const accounts = { delivered: { events: 9, bytes: 100 } };
    assert.equal(problemsOf(SIZE, accounts, { uncertainLines: 1 }), '');
  });

  it('may be none of an earlier version', () => {
    const checkpoint = checkpointAt(50, { earlierBytes: 50 });
    const { contradictions, unread } = examined(subjectOf(checkpoint));
    assert.deepEqual(contradictions, []);
    assert.deepEqual(unread, linesOf(5));
  });
});

describe('what was delivered of a file on disk', () => {
  function compared(offsets: readonly number[], given: Partial<Subject> = {}, dueTo = SIZE) {
    const delivered = { receipts: receiptsOf(offsets), dueTo };
    const { delivery } = examined(subjectOf(undefined, { delivered, ...given }));
    assert.ok(delivery);
    return delivery;
  }

  it('is complete', () => {
    const { events, missing, wrong, notYet } = compared(ALL);
    assert.deepEqual([events, missing.events, wrong.events, notYet], [10, 0, 0, 0]);
  });

  it('lacks events, those side by side in one run', () => {
    const { missing, events } = compared(ALL.filter((offset) => ![20, 30, 60].includes(offset)));
    assert.equal(events, 7);
    assert.deepEqual(missing, {
      events: 3,
      runs: [
        { offset: 20, bytes: 20, events: 2 },
        { offset: 60, bytes: 10, events: 1 },
      ],
    });
  });

  it('may end where nothing is due yet', () => {
    const { notYet, missing } = compared(ALL.slice(0, 4), {}, 40);
    assert.deepEqual([notYet, missing.events], [6, 0]);
    assert.equal(compared([]).missing.events, 10);
  });

  it('has ids where no event begins', () => {
    const { wrong } = compared([...ALL, 5, 200]);
    assert.deepEqual(
      wrong.runs.map(({ offset }) => offset),
      [5, 200],
    );
  });

  it('lacks what is kept as a dead letter, was lost, was filtered or stood before --from', () => {
    const rest = ALL.slice(2);
    const range = [{ start: 0, end: 20 }];
    assert.equal(compared(rest, { letters: range }).deadLettered, 2);
    assert.equal(compared(rest, { losses: range }).lost, 2);
    const skipped = checkpointAt(SIZE, { delivered: linesOf(8), skippedBytes: 20 });
    assert.equal(compared(rest, { checkpoint: skipped }).skipped, 2);
    const filtered = checkpointAt(SIZE, { delivered: linesOf(8), filtered: linesOf(2) });
    const { missing, filtered: left } = compared(rest, { checkpoint: filtered });
    assert.deepEqual([missing.events, left], [0, 2]);
    const less = compared(ALL.slice(3), { checkpoint: filtered });
    assert.deepEqual([less.missing.events, less.filtered], [1, 2]);
  });

  it('has a line in parts when they cover it', () => {
    const part = (offset: number, bytes: number, isLast: boolean): EventReceipt => {
      return { kind: 'event', fingerprint: 'a', offset, part: { bytes, isLast } };
    };
    const others = ALL.filter((offset) => offset !== 30);
    const missingWith = (...parts: EventReceipt[]): number => {
      const delivered = { receipts: receiptsOf(others, parts), dueTo: SIZE };
      const { delivery } = examined(subjectOf(undefined, { delivered }));
      assert.equal(delivery?.wrong.events, 0);
      return delivery.missing.events;
    };
    assert.equal(missingWith(part(30, 4, false), part(34, 4, false), part(38, 1, true)), 0);
    assert.equal(missingWith(part(30, 4, false), part(38, 1, true)), 1);
    assert.equal(missingWith(part(30, 4, false), part(34, 4, false)), 1);
    assert.equal(missingWith(part(34, 4, false), part(38, 1, true)), 1);
    // A torn line of two pieces, which another max_event_bytes made parts of.
    const torn = ALL.filter((offset) => offset !== 30 && offset !== 40);
    const parts = [part(30, 4, false), part(34, 15, true)];
    const delivered = { receipts: receiptsOf(torn, parts), dueTo: SIZE };
    const { delivery } = examined(subjectOf(undefined, { delivered }));
    assert.equal(delivery?.missing.events, 0);
  });

  it('has a line that is too long when its parts, or any event in it, came', () => {
    const long = { start: 0, end: 99, isLong: true };
    const foundWith = (offsets: readonly number[]): number | undefined => {
      const delivered = { receipts: receiptsOf(offsets), dueTo: SIZE };
      const examination = new Examination(subjectOf(undefined, { delivered }));
      examination.piece(long);
      const walk = { size: SIZE, isBoundary: true, uncertainLines: 1, isDamaged: false };
      return examination.finish(walk, 0).delivery?.events;
    };
    assert.equal(foundWith([0]), 1);
    assert.equal(foundWith([7, 50]), 1);
    assert.equal(foundWith([]), 0);
  });
});

describe('a file that is gone', () => {
  const settled = checkpointAt(SIZE, { delivered: linesOf(10) });

  function gone(checkpoint: Checkpoint, offsets?: readonly number[], isRead = false) {
    const delivered = offsets && { receipts: receiptsOf(offsets), dueTo: 0 };
    return examineGone({ ...subjectOf(undefined, { delivered }), checkpoint }, isRead);
  }

  it('has as many ids as its account has events', () => {
    const { delivery, contradictions } = gone(settled, ALL);
    assert.deepEqual([delivery?.missing.events, delivery?.wrong.events], [0, 0]);
    assert.deepEqual(contradictions, []);
    assert.equal(gone(settled, ALL.slice(3)).delivery?.missing.events, 3);
    assert.equal(gone(settled, [...ALL, 5]).delivery?.wrong.events, 1);
  });

  it('may have dead letters that were sent again', () => {
    const mixed = checkpointAt(SIZE, { delivered: linesOf(8), deadLettered: linesOf(2) });
    for (const count of [8, 9, 10]) {
      const { delivery } = gone(mixed, ALL.slice(0, count));
      assert.deepEqual([delivery?.missing.events, delivery?.wrong.events], [0, 0]);
    }
  });

  it('may have been delivered further than anybody noted before a crash', () => {
    const { delivery } = gone(checkpointAt(50, { delivered: linesOf(5) }), [
      ...ALL,
      SIZE,
      2 * SIZE,
    ]);
    assert.deepEqual([delivery?.missing.events, delivery?.wrong.events], [0, 0]);
  });

  it('may have been delivered where it counts as lost', () => {
    const checkpoint = checkpointAt(80, { delivered: linesOf(5), lostBytes: 30 });
    const delivered = { receipts: receiptsOf(ALL), dueTo: 0 };
    const losses = [{ start: 50, end: 80 }];
    const { delivery } = examineGone(
      { ...subjectOf(undefined, { delivered, losses }), checkpoint },
      false,
    );
    const { missing, wrong, recovered } = delivery ?? {};
    assert.deepEqual([missing?.events, wrong?.events, recovered], [0, 0, 3]);
  });

  it('was deleted unread behind its checkpoint, unless an agent has it open', () => {
    const checkpoint = checkpointAt(50, { delivered: linesOf(5) });
    assert.equal(gone(checkpoint).deletedBytes, 50);
    const { deletedBytes, unread } = gone(checkpoint, undefined, true);
    assert.deepEqual([deletedBytes, unread.bytes], [0, 50]);
  });

  it('has accounts that add up, or not', () => {
    const wrong = gone(checkpointAt(SIZE, { delivered: linesOf(9) }));
    assert.match(wrong.contradictions.join(), /hold 90 bytes/);
  });
});
