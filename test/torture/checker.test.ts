/**
 * The checker of the torture finds what it is there to find: each kind of trouble, and nothing where there is none.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Accounts } from '../../torture/accounts.ts';
import { balance, type Balance } from '../../torture/balance.ts';
import { Checker, type Findings } from '../../torture/checker.ts';
import type { Batch } from '../../torture/journal.ts';
import type { Span } from '../../torture/outages.ts';
import { Sight } from '../../torture/sight.ts';
import { Written } from '../../torture/written.ts';
import {
  batchOf,
  EVENT_BYTES,
  FILE_MS,
  fingerprintOf,
  lossOf,
  PER_FILE,
  receiptOf,
  writtenLog,
} from './parts.ts';

const WELL: Findings = {
  received: 35,
  repeated: 0,
  repeatedOtherwise: 0,
  misnamed: 0,
  disorderedInFile: 0,
  disorderedFiles: 0,
  unknown: 0,
  losses: 0,
  lostBytes: 0,
};

function checked(...batches: readonly Batch[]): Checker {
  const checker = new Checker(writtenLog());
  for (const batch of batches) checker.take(batch);
  return checker;
}

function one(receipt: Batch['receipts'][number]): Batch {
  return { receipts: [receipt], others: [] };
}

describe('the checker', () => {
  const cases: readonly (readonly [string, readonly Batch[], Partial<Findings>])[] = [
    ['nothing wrong', [batchOf(1, 20), batchOf(21, 35)], {}],
    ['what is missing', [batchOf(1, 20), batchOf(22, 35)], { received: 34 }],
    ['what comes again', [batchOf(1, 20), batchOf(15, 35)], { repeated: 6 }],
    [
      'another id the second time',
      [batchOf(1, 35), one({ ...receiptOf(12), offset: 0 })],
      { repeatedOtherwise: 1 },
    ],
    [
      'other bytes the second time',
      [batchOf(1, 35), one({ ...receiptOf(12), checksum: 0 })],
      { repeatedOtherwise: 1 },
    ],
    [
      'the id of an event of another file',
      [batchOf(1, 34), one({ ...receiptOf(35), fingerprint: fingerprintOf(0) })],
      { misnamed: 1 },
    ],
    [
      'the id of a neighbour',
      [batchOf(1, 34), one({ ...receiptOf(35), offset: 300 })],
      { misnamed: 1 },
    ],
    [
      'an event behind a younger one of its file',
      [batchOf(1, 4), batchOf(6, 6), batchOf(5, 5), batchOf(7, 35)],
      { disorderedInFile: 1 },
    ],
    [
      'an event behind a younger file',
      [batchOf(1, 9), batchOf(11, 11), batchOf(10, 10), batchOf(12, 35)],
      { disorderedFiles: 1 },
    ],
    ['a number that nobody wrote', [batchOf(1, 35), one(receiptOf(36))], { unknown: 1 }],
    [
      'a record that is none',
      [batchOf(1, 35), { receipts: [], others: [null, { shipper: { error: 'x' } }] }],
      { unknown: 2 },
    ],
    [
      'a loss, told again with more of it',
      [batchOf(1, 35), lossOf(1, 200, 100), lossOf(1, 200, 300)],
      { losses: 1, lostBytes: 300 },
    ],
    ['a loss of more than there was', [batchOf(1, 35), lossOf(3, 0, 501)], { unknown: 1 }],
    ['a loss of a file that nobody wrote', [batchOf(1, 35), lossOf(4, 0, 1)], { unknown: 1 }],
  ];
  for (const [what, batches, expected] of cases) {
    it(`finds ${what}`, () => {
      assert.deepEqual(checked(...batches).findings(), { ...WELL, ...expected });
    });
  }

  it('judges nothing by a ledger that contradicts the sums', () => {
    const line = JSON.stringify({ first: 1, sha256: 'a'.repeat(64), at: 0 });
    const sums = { last: 10, bytes: 1000, rotations: 0 };
    assert.equal(new Written(line, sums).eventBytes, EVENT_BYTES);
    for (const wrong of [{ rotations: 1 }, { bytes: 1001 }, { last: 0 }]) {
      assert.throws(() => new Written(line, { ...sums, ...wrong }), /do not agree/);
    }
  });
});

describe('the balance', () => {
  const MAXBACKUP = 1;
  const ALL: Balance = {
    received: 35,
    counted: 0,
    unseen: 0,
    silent: 0,
    countedTwice: 0,
    silentFiles: [],
  };

  function balanced(blind: readonly Span[], ...batches: readonly Batch[]): Balance {
    const checker = checked(...batches);
    const [sight, endMs] = [new Sight(blind), 4 * FILE_MS];
    return balance({ written: writtenLog(), checker, maxbackup: MAXBACKUP, sight, endMs });
  }

  it('has every event among the received', () => {
    assert.deepEqual(balanced([], batchOf(1, 35)), ALL);
  });

  it('has what is told to be lost apart, whole files and parts', () => {
    const batches = [batchOf(1, 10), lossOf(1, 0, 1000), batchOf(21, 22), lossOf(2, 200, 800)];
    const expected = { ...ALL, received: 17, counted: 18 };
    assert.deepEqual(balanced([], ...batches, batchOf(31, 35)), expected);
  });

  it('says what was received and is told to be lost', () => {
    const expected = { ...ALL, countedTwice: 2 };
    assert.deepEqual(balanced([], batchOf(1, 35), lossOf(1, 300, 200)), expected);
  });

  it('finds one event that nobody knows of, beside a loss that was told', () => {
    const { silentFiles, ...found } = balanced(
      [],
      batchOf(1, 18),
      lossOf(1, 900, 100),
      batchOf(21, 35),
    );
    const { silentFiles: _, ...expected } = { ...ALL, received: 33, counted: 1, silent: 1 };
    assert.deepEqual(found, expected);
    assert.match(silentFiles.join(), new RegExp(`1 events of ${fingerprintOf(1)}`));
  });

  it('knows what no agent could see, and believes no outage that was too short', () => {
    // The second file: written from 1,000 ms on, deleted at 3,000 ms.
    const missing = [batchOf(1, PER_FILE), batchOf(2 * PER_FILE + 1, 35)];
    const away = balanced([{ fromMs: 900, toMs: 2501 }], ...missing);
    assert.deepEqual([away.unseen, away.silent], [10, 0]);
    const backSooner = balanced([{ fromMs: 900, toMs: 2500 }], ...missing);
    assert.deepEqual([backSooner.unseen, backSooner.silent], [0, 10]);
    const goneLater = balanced([{ fromMs: 1750, toMs: 3500 }], ...missing);
    // The first three were seen for 750, 650 and 550 ms.
    assert.deepEqual([goneLater.unseen, goneLater.silent], [7, 3]);
  });
});

describe('sight', () => {
  const sight = new Sight([
    { fromMs: 500, toMs: 600 },
    { fromMs: 100, toMs: 200 },
    { fromMs: 150, toMs: 300 },
    { fromMs: 160, toMs: 170 },
  ]);

  it('is what the spans leave, whole and in part', () => {
    const spans = [
      [0, 1000, 700],
      [0, 100, 100],
      [120, 280, 0],
      [250, 550, 200],
      [300, 500, 200],
      [600, 700, 100],
    ] as const;
    for (const [fromMs, toMs, expected] of spans) {
      assert.equal(sight.seenMs(fromMs, toMs), expected, `${fromMs} to ${toMs}`);
    }
    assert.equal(new Sight([]).seenMs(5, 10), 5);
  });
});

describe('the accounts', () => {
  interface Checkpoint {
    readonly fingerprint: string;
    readonly offset: number;
    readonly accounts: object;
  }

  function delivered(file: number, events: number): Checkpoint {
    const bytes = events * EVENT_BYTES;
    const accounts = { delivered: { events, bytes } };
    return { fingerprint: fingerprintOf(file), offset: bytes, accounts };
  }

  function wrongIn(
    checkpoints: readonly Checkpoint[],
    batches: readonly Batch[] = [batchOf(1, 35)],
    isWhole = false,
  ): readonly string[] {
    const accounts = new Accounts();
    for (const checkpoint of checkpoints) {
      accounts.take(JSON.stringify({ checkpoints: [checkpoint] }));
    }
    accounts.compare(writtenLog(), checked(...batches), isWhole);
    return accounts.problems;
  }

  it('are right when they add up and the receiver has it', () => {
    assert.deepEqual(
      wrongIn([delivered(0, 4), delivered(0, 10), delivered(3, 5)], undefined, true),
      [],
    );
    const lost = { ...delivered(1, 4), offset: 700 };
    const accounts = { ...lost.accounts, lostBytes: 300 };
    const batches = [batchOf(1, 14), lossOf(1, 400, 600)];
    assert.deepEqual(wrongIn([{ ...lost, accounts }], batches), []);
  });

  it('are wrong when nothing is remembered', () => {
    assert.match(wrongIn([]).join(), /no agent remembered anything/);
  });

  const cases: readonly (readonly [string, Checkpoint, RegExp, (readonly Batch[])?])[] = [
    ['do not add up', { ...delivered(0, 4), offset: 500 }, /400 \+ 0 bytes and ends at 500/],
    [
      'have bytes where none belong',
      { ...delivered(0, 0), accounts: { filtered: { events: 1, bytes: 100 } } },
      /100 bytes in accounts that must be empty/,
    ],
    [
      'have too few events',
      { ...delivered(0, 4), accounts: { delivered: { events: 3, bytes: 400 } } },
      /3 events in 400 bytes/,
    ],
    ['are of nobody', { ...delivered(0, 4), fingerprint: 'ff' }, /file that nobody wrote/],
    [
      'pass what the receiver does not have',
      delivered(0, 4),
      /passes offset 200/,
      [batchOf(1, 2), batchOf(4, 35)],
    ],
    [
      'have a loss that nobody was told of',
      {
        ...delivered(0, 4),
        offset: 500,
        accounts: { ...delivered(0, 4).accounts, lostBytes: 100 },
      },
      /lost 100 bytes, and the receiver knows of 0/,
    ],
  ];
  for (const [what, checkpoint, expected, batches] of cases) {
    it(`are wrong when they ${what}`, () => {
      assert.match(wrongIn([checkpoint], batches).join(), expected);
    });
  }

  it('are wrong when an offset goes back', () => {
    assert.match(wrongIn([delivered(0, 5), delivered(0, 4)]).join(), /went back from 500 to 400/);
  });

  it('are wrong at the end of a run without losses when a file was not read to its end', () => {
    assert.match(wrongIn([delivered(0, 9)], undefined, true).join(), /ends at 900 of 1000 bytes/);
  });
});
