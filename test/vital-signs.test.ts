/** What is behind is told whole: also of files that nobody finds any more, and since when, also after all of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../src/deliver/ledger.ts';
import { VitalSigns, type VitalSignsParts } from '../src/vital-signs.ts';
import { LOG } from './support/blocks.ts';

const ANOTHER_LOG = '/var/log/another.log';
const FILE = { fingerprint: 'f', dev: 1, ino: 1 };
const BACKUP = '/var/log/kubernetes/audit-2026-03-04T05-06-07.001.log';

/** A ledger of which so much was read. */
function ledgerTo(end: number): Ledger {
  const ledger = new Ledger(0);
  ledger.issue({ start: 0, end, endsLine: true });
  return ledger;
}

interface Scene {
  readonly views: readonly object[];
  readonly ledgers: readonly (readonly [key: number, log: string, ledger: Ledger])[];
  readonly settledMs?: number;
  /** Of an earlier run. */
  readonly rememberedMs?: number;
}

/** What is seen of the log. */
function logSeen({ views, ledgers, settledMs, rememberedMs }: Scene) {
  const tail = { path: LOG, heldDeletedBytes: 0, views: () => views };
  const parts = {
    tails: new Map([[LOG, tail]]),
    pipeline: {
      ledgers: new Map(ledgers.map(([key, log, ledger]) => [key, { log, ledger }])),
      settledMs: () => settledMs,
      accounts: { totals: () => ({}) },
    },
    dispatcher: {},
    output: {},
    problems: { list: () => [] },
    lossWatch: { of: () => ({}) },
    memory: { settledMs: () => rememberedMs },
  };
  const [log] = new VitalSigns(parts as unknown as VitalSignsParts).look().logs;
  assert.ok(log);
  return log;
}

test('a lag counts what is on disk, what is held of deleted files, and what was read of forgotten ones', () => {
  const settled = ledgerTo(7);
  settled.settle([{ start: 0, end: 7 }], {});
  const { lagBytes, namelessBytes, files } = logSeen({
    views: [
      { ...FILE, key: 2, path: BACKUP, size: 1000, position: 600, present: false },
      { ...FILE, key: 3, path: LOG, size: 300, position: 0, present: true },
    ],
    ledgers: [
      [1, LOG, ledgerTo(50)],
      [2, LOG, ledgerTo(600)],
      [4, ANOTHER_LOG, ledgerTo(5)],
      [5, LOG, settled],
    ],
  });
  assert.equal(lagBytes, 50 + 1000 + 300);
  assert.equal(namelessBytes, 50 + 1000);
  assert.deepEqual(
    files.map(({ path, isDeleted }) => [path, isDeleted]),
    [
      [BACKUP, true],
      [LOG, false],
    ],
  );
});

test('what is lost is no lag, also while its record is under way', () => {
  const ledger = ledgerTo(20);
  ledger.issue({ start: 20, end: 100, endsLine: true, isLost: true });
  assert.equal(logSeen({ views: [], ledgers: [[1, LOG, ledger]] }).lagBytes, 20);
});

test('a lag lasts since the last event that was delivered, be it by an earlier run', () => {
  const views = [{ ...FILE, key: 1, path: LOG, size: 300, position: 0, present: true }];
  const minutesAgo = (minutes: number): number => Date.now() - minutes * 60_000;
  const lagMinutes = (times: Partial<Scene>): number | undefined => {
    const { lagSeconds } = logSeen({ views, ledgers: [], ...times });
    return lagSeconds && Math.round(lagSeconds / 60);
  };
  assert.equal(lagMinutes({}), undefined);
  assert.equal(lagMinutes({ rememberedMs: minutesAgo(9) }), 9);
  assert.equal(lagMinutes({ rememberedMs: minutesAgo(9), settledMs: minutesAgo(4) }), 4);
});
