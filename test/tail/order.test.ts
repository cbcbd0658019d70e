/** In which order generations are read: what names, deletions and the time of their finding say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generation } from '../../src/tail/generation.ts';
import { parseLogFileName, type Age } from '../../src/tail/names.ts';
import { inFirstOrder, inReadingOrder } from '../../src/tail/order.ts';
import { retired } from '../../src/tail/recall.ts';

interface Known {
  readonly name: string;
  readonly age: Age;
  readonly isActive: boolean;
  readonly position: number;
  readonly places: readonly string[];
  readonly harvester: object | undefined;
}

function found(name: string): Known {
  const { backup } = parseLogFileName(name);
  const age = { backup, mtimeMs: 0 };
  return { name, age, isActive: backup === undefined, position: 0, places: [name], harvester: {} };
}

function namesOf(all: readonly Known[]): readonly string[] {
  return all.map(({ name }) => name);
}

const ACTIVE = found('audit.log');
const ONE = found('audit.log.1');
const TWO = found('audit.log.2');
const FIVE = found('audit.log.5');
const SIX = found('audit.log.6');
/** Its last name was 2, and it was older than all that are there. */
const DELETED = { ...found('audit.log.2'), name: 'deleted', places: [] };

test('the names of what is there decide at the start', () => {
  const all = [ACTIVE, ONE, SIX, TWO];
  assert.deepEqual(namesOf(inFirstOrder(all)), [
    'audit.log.6',
    'audit.log.2',
    'audit.log.1',
    'audit.log',
  ]);
});

test('a numbered backup that is held and deleted comes before the others, whatever its last number', () => {
  const all = [DELETED, ACTIVE, FIVE, SIX];
  const expected = ['deleted', 'audit.log.6', 'audit.log.5', 'audit.log'];
  assert.deepEqual(namesOf(inFirstOrder(all)), expected);
  assert.deepEqual(namesOf(inReadingOrder(all, new Set(all))), expected);
});

test('what is remembered and nowhere comes first', () => {
  const missed = { ...found('audit.log.1'), name: 'missed', places: [], harvester: undefined };
  const all = [missed, SIX, ACTIVE];
  assert.deepEqual(namesOf(inFirstOrder(all)), ['missed', 'audit.log.6', 'audit.log']);
});

test('what is fresh comes behind what was known, whatever their names', () => {
  const all = [ONE, SIX, TWO];
  const fresh = new Set(all.slice(1));
  const expected = ['audit.log.1', 'audit.log.6', 'audit.log.2'];
  assert.deepEqual(namesOf(inReadingOrder(all, fresh)), expected);
});

test('an active file that loses its name is younger than the backups beside it, also when a clock that was set back is behind their names', () => {
  for (const name of ['audit-2001-03-04T05-06-07.008.log', 'audit-2101-03-04T05-06-07.008.log']) {
    const backup = found(name);
    const known = [new Generation({ position: 0, age: backup.age, now: 0 })];
    const lost = { ...ACTIVE, name: 'lost', age: retired(known), isActive: false, places: [] };
    assert.deepEqual(namesOf(inFirstOrder([backup, lost])), [name, 'lost']);
  }
});
