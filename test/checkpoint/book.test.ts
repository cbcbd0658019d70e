/** What is to be remembered: the last word on every generation, and not for ever of those that are gone. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { CheckpointBook, type Position } from '../../src/checkpoint/book.ts';
import type { Checkpoint } from '../../src/checkpoint/format.ts';
import { NOTHING_SETTLED } from '../../src/deliver/chunk.ts';

const LOG = '/var/log/audit.log';
const OTHER = '/var/log/other/audit.log';
const NOON = new Date('2026-03-04T12:00:00.000Z');
const HOUR_MS = 60 * 60 * 1000;

const logOf = (path: string): string => join(dirname(path), 'audit.log');
const later = (hours: number): Date => new Date(NOON.getTime() + hours * HOUR_MS);

function positionOf(fingerprint: string, changes: Partial<Position> = {}): Position {
  const accounts = NOTHING_SETTLED;
  return { path: LOG, fingerprint, dev: 1, ino: 2, offset: 100, size: 200, accounts, ...changes };
}

function checkpointOf(fingerprint: string, changes: Partial<Checkpoint> = {}): Checkpoint {
  return { ...positionOf(fingerprint), updated: NOON.toISOString(), ...changes };
}

function fingerprints(book: CheckpointBook, log = LOG): readonly string[] {
  return book.of(log).map(({ fingerprint }) => fingerprint);
}

const bookOf = (...loaded: readonly Checkpoint[]): CheckpointBook =>
  new CheckpointBook(loaded, logOf);

describe('a book of checkpoints', () => {
  it('knows what was loaded, by log', () => {
    const backup = checkpointOf('b', { path: '/var/log/audit-2026-03-04T05-06-07.089.log' });
    const other = checkpointOf('a', { path: OTHER });
    const book = bookOf(checkpointOf('a'), backup, other);
    assert.deepEqual(book.logs(), [LOG, OTHER]);
    assert.deepEqual(book.of(LOG), [checkpointOf('a'), backup]);
    assert.deepEqual(book.of('/else'), []);
    assert.deepEqual(book.all(), [checkpointOf('a'), backup, other]);
    assert.equal(book.takeChanges(), undefined);
  });

  it('has something to save when something changed, and once', () => {
    const book = bookOf();
    book.put(LOG, positionOf('a'), NOON);
    assert.deepEqual(book.takeChanges(), [checkpointOf('a')]);
    assert.equal(book.takeChanges(), undefined);
    book.put(LOG, positionOf('a'), later(1));
    assert.equal(book.takeChanges(), undefined, 'nothing is new');
  });

  for (const change of [{ offset: 101 }, { size: 201 }, { path: '/x' }, { ino: 3 }, { dev: 2 }]) {
    it(`has something to save when the ${Object.keys(change).join()} changed`, () => {
      const book = bookOf(checkpointOf('a'));
      book.put(LOG, positionOf('a', change), later(1));
      const updated = later(1).toISOString();
      assert.deepEqual(book.takeChanges(), [checkpointOf('a', { ...change, updated })]);
    });
  }

  it('has the same to save again when it could not be saved', () => {
    const book = bookOf();
    book.put(LOG, positionOf('a'), NOON);
    const taken = book.takeChanges();
    book.putBack();
    assert.deepEqual(book.takeChanges(), taken);
  });

  it('settles what is gone already', () => {
    const accounts = { ...NOTHING_SETTLED, lostBytes: 150 };
    const settled = { fingerprint: 'a', offset: 150, size: 150, accounts };
    const book = bookOf(checkpointOf('a'));
    book.settle(LOG, { ...settled, offset: 100 }, later(1));
    assert.equal(book.takeChanges(), undefined, 'nothing is new');
    book.settle(LOG, settled, later(1));
    const updated = later(1).toISOString();
    assert.deepEqual(book.takeChanges(), [checkpointOf('a', { offset: 150, accounts, updated })]);
  });

  it('knows by its content what came and went between two looks', () => {
    const accounts = { ...NOTHING_SETTLED, lostBytes: 5 };
    const settled = { fingerprint: 'b', offset: 5, size: 9, accounts };
    const book = bookOf();
    book.settle(LOG, settled, NOON);
    const updated = NOON.toISOString();
    assert.deepEqual(book.takeChanges(), [{ ...settled, path: LOG, dev: 0, ino: 0, updated }]);
    book.sweep(LOG, new Set(), later(48));
    book.sweep(LOG, new Set(), later(96));
    assert.deepEqual(book.takeChanges(), [], 'and forgets it in the end');
  });

  it('keeps a log apart from another one with the same content', () => {
    const book = bookOf();
    book.put(LOG, positionOf('a', { offset: 1 }), NOON);
    book.put(OTHER, positionOf('a', { path: OTHER, offset: 2 }), NOON);
    assert.deepEqual(
      book.all().map(({ offset }) => offset),
      [1, 2],
    );
  });
});

describe('a generation that is nowhere on disk', () => {
  it('is remembered for a day: a mount may come back', () => {
    const book = bookOf(checkpointOf('a'), checkpointOf('b'));
    const present = new Set(['a']);
    book.sweep(LOG, present, NOON);
    book.sweep(LOG, present, later(24));
    assert.deepEqual(fingerprints(book), ['a', 'b']);
    const gone = NOON.toISOString();
    assert.deepEqual(book.takeChanges(), [checkpointOf('a'), checkpointOf('b', { gone })]);
    assert.equal(book.takeChanges(), undefined, 'that it is gone is saved once');
    book.sweep(LOG, present, new Date(later(24).getTime() + 1));
    assert.deepEqual(fingerprints(book), ['a']);
    assert.deepEqual(book.takeChanges(), [checkpointOf('a')]);
  });

  it('is missed anew after it came back', () => {
    const book = bookOf(checkpointOf('a'));
    const nothing = new Set<string>();
    book.sweep(LOG, nothing, NOON);
    book.put(LOG, positionOf('a'), later(20));
    book.sweep(LOG, new Set(['a']), later(20));
    book.sweep(LOG, nothing, later(25));
    book.sweep(LOG, nothing, later(48));
    assert.deepEqual(fingerprints(book), ['a']);
    book.sweep(LOG, nothing, later(50));
    assert.deepEqual(fingerprints(book), []);
  });

  it('is forgotten sooner when a thousand are gone: the oldest first', () => {
    const book = bookOf();
    for (let number = 0; number < 1500; number++) {
      book.put(LOG, positionOf(`f${number}`), NOON);
    }
    book.sweep(LOG, new Set(['f0', 'f1499']), NOON);
    const left = fingerprints(book);
    assert.equal(left.length, 1002);
    assert.deepEqual([left[0], left[1], left.at(-1)], ['f0', 'f499', 'f1499']);
  });

  it('does not let the book grow, however long it rotates', () => {
    const book = bookOf();
    for (let number = 0; number < 5000; number++) {
      book.put(LOG, positionOf(`f${number}`), NOON);
      book.sweep(LOG, new Set([`f${number}`]), NOON);
    }
    assert.equal(fingerprints(book).length, 1001);
  });
});
