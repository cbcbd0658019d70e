/** What is said of what was found: the verdict, the table, and lists that end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  judge,
  totalsOf,
  type Delivery,
  type GenerationReport,
  type Verification,
} from '../../../src/commands/verify/report.ts';
import { reportJson, reportText } from '../../../src/commands/verify/text.ts';
import { NOTHING_SETTLED } from '../../../src/deliver/chunk.ts';

const NONE = { events: 0, runs: [] };
const NOTHING: Delivery = {
  events: 0,
  notYet: 0,
  skipped: 0,
  filtered: 0,
  deadLettered: 0,
  lost: 0,
  recovered: 0,
  missing: NONE,
  repeated: NONE,
  outOfOrder: NONE,
  wrong: NONE,
};

function generation(number: number, given: Partial<GenerationReport> = {}): GenerationReport {
  return {
    log: '/log/audit.log',
    path: `/log/${number}`,
    fingerprint: `f${number}`,
    isOnDisk: true,
    offset: 10,
    size: 10,
    events: 1,
    accounts: { ...NOTHING_SETTLED, delivered: { events: 1, bytes: 10 } },
    unread: { events: 0, bytes: 0 },
    deletedBytes: 0,
    contradictions: [],
    delivery: { ...NOTHING, events: 1 },
    ...given,
  };
}

function verification(
  generations: readonly GenerationReport[],
  given: Partial<Verification> = {},
): Verification {
  const file = { path: 'd', events: 1, withoutId: 0, unreadable: 0, isCutOff: false };
  return {
    stateDir: '/state',
    agent: undefined,
    generations,
    losses: [],
    toldLostBytes: 0,
    obstacles: [],
    notes: [],
    delivered: [file],
    unknown: { files: 0, events: 0 },
    ...given,
  };
}

const LENIENT = { strict: false, anyOrder: false };

function judged(found: Verification, strictness = LENIENT) {
  return judge(found, totalsOf(found), strictness);
}

function textOf(found: Verification): string {
  return reportText(found, totalsOf(found), judged(found));
}

function lacking(events: number, runs: Delivery['missing']['runs']): Partial<GenerationReport> {
  return { delivery: { ...NOTHING, missing: { events, runs } } };
}

describe('the verdict', () => {
  it('is complete with what is true besides', () => {
    const two = [generation(1), generation(2)];
    assert.deepEqual(judged(verification(two)), {
      isComplete: true,
      text: 'complete: 2 events of 2 files, none missing, none repeated',
    });
    assert.equal(
      judged(verification(two, { delivered: [] })).text,
      'complete: 2 events of 2 files delivered, nothing lost, the accounts add up',
    );
    const earlier = generation(1, {
      accounts: { ...NOTHING_SETTLED, earlierBytes: 1234 },
      unread: { events: 1, bytes: 5 },
    });
    assert.equal(
      judged(verification([earlier], { delivered: [] })).text,
      'complete: 0 events of 1 file delivered, 1,234 bytes settled by an earlier version, which did not count, ' +
        'nothing lost, the accounts add up, 5 bytes not delivered yet',
    );
  });

  const faults: readonly (readonly [string, Partial<GenerationReport>, RegExp])[] = [
    ['a missing event', lacking(1, []), /^incomplete: 1 event missing;/],
    ['lost bytes', { accounts: { ...NOTHING_SETTLED, lostBytes: 7 } }, /: 7 bytes lost;/],
    ['bytes that were deleted', { deletedBytes: 7 }, /: 7 bytes lost;/],
    ['a contradiction', { contradictions: ['x', 'y'] }, /: 1 file whose accounts do not add up;/],
    [
      'a wrong order',
      { delivery: { ...NOTHING, outOfOrder: { events: 2, runs: [] } } },
      /: 2 events out of order;/,
    ],
    [
      'a wrong id',
      { delivery: { ...NOTHING, wrong: { events: 1, runs: [] } } },
      /: 1 id of no event;/,
    ],
  ];
  for (const [name, given, expected] of faults) {
    it(`is incomplete for ${name}`, () => {
      const { isComplete, text } = judged(verification([generation(1, given)]));
      assert.equal(isComplete, false);
      assert.match(text, expected);
    });
  }

  it('is incomplete for what could not be looked at, and for losses that were told', () => {
    const obstacles = [{ path: '/x', message: 'no' }];
    assert.match(judged(verification([generation(1)], { obstacles })).text, /^incomplete: 1 thing/);
    const { text } = judged(verification([generation(1)], { toldLostBytes: 9 }));
    assert.match(text, /^incomplete: 9 bytes lost/);
  });

  it('depends on what is asked for', () => {
    const repeated = { ...NOTHING, repeated: { events: 2, runs: [] } };
    const again = verification([generation(1, { delivery: repeated })]);
    assert.equal(judged(again).isComplete, true);
    assert.equal(judged(again, { ...LENIENT, strict: true }).isComplete, false);
    const late = { ...NOTHING, outOfOrder: { events: 2, runs: [] } };
    const moved = verification([generation(1, { delivery: late })]);
    assert.equal(judged(moved, { ...LENIENT, anyOrder: true }).isComplete, true);
  });

  it('is none where there is nothing to compare', () => {
    assert.match(judged(verification([])).text, /^not proved: nothing is remembered in \/state/);
    const noIds = { path: 'd', events: 0, withoutId: 5, unreadable: 0, isCutOff: false };
    const { isComplete, text } = judged(verification([generation(1)], { delivered: [noIds] }));
    assert.equal(isComplete, false);
    assert.match(text, /^not proved: no line .* coordinates: true/);
  });
});

describe('the report', () => {
  it('begins with the verdict, and has a line for each file and one for all', () => {
    assert.equal(
      textOf(verification([generation(1), generation(2, { isOnDisk: false, events: undefined })])),
      [
        'complete: 2 events of 2 files, none missing, none repeated',
        '',
        'FILE           DELIVERED  BYTES  LOST BYTES  FOUND  MISSING',
        '/log/1                 1     10           0      1        0  ok',
        '/log/2 (gone)          1     10           0      1        0  ok',
        'together               2     20           0      2        0',
        '',
        'no agent is running on this state directory',
        '',
      ].join('\n'),
    );
  });

  it('names each finding, and those that nobody can name', () => {
    const runs = [
      { offset: 1234, bytes: 20, events: 2 },
      { offset: 5000, bytes: 10, events: 1 },
    ];
    const text = textOf(verification([generation(1, lacking(4, runs))]));
    assert.match(text, /\n {2}2 events from f1-1234 on, offset 1,234, 20 bytes of \/log\/1\n/);
    assert.match(text, /\n {2}f1-5000, offset 5,000, 10 bytes of \/log\/1\n/);
    assert.match(text, /\n {2}1 event of \/log\/1: nobody can say which\n/);
  });

  it('ends its lists, and shows files with faults before all others', () => {
    const runs = Array.from({ length: 50 }, (_, index) => {
      return { offset: index * 100, bytes: 10, events: 1 };
    });
    const many = Array.from({ length: 100 }, (_, index) => generation(index));
    const ill = generation(500, lacking(50, runs));
    const lines = textOf(verification([ill, ...many])).split('\n');
    assert.equal(lines.filter((line) => /^ {2}f500-/.test(line)).length, 20);
    assert.ok(lines.includes('  and 30 more; --json has all'));
    assert.ok(lines.includes('(and 90 files more; --json has all)'));
    assert.ok(lines.some((line) => line.startsWith('/log/500 ') && line.endsWith('see below')));
  });

  it('shows nothing to a terminal that it would act upon', () => {
    const evil = 'a\x1b]0;x\x07\u202e';
    const loss = {
      log: evil,
      path: evil,
      fingerprint: evil,
      offset: 0,
      bytes: 1,
      reason: evil,
      since: evil,
      until: evil,
      noted: evil,
    };
    const runs = [{ offset: 1, bytes: 1, events: 1 }];
    const given = { path: evil, fingerprint: evil, contradictions: ['x'], ...lacking(2, runs) };
    const text = textOf(
      verification([generation(1, given)], {
        losses: [loss],
        obstacles: [{ path: evil, message: evil }],
        delivered: [{ path: evil, events: 1, withoutId: 1, unreadable: 1, isCutOff: true }],
        agent: { pid: 1, host: evil, since: evil },
        stateDir: evil,
      }),
    );
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u202e]/);
    assert.match(text, /a\\x1b/);
  });

  it('is JSON, with the id of each finding', () => {
    const runs = [{ offset: 1234, bytes: 20, events: 2 }];
    const found = verification([generation(1, lacking(2, runs)), generation(2)]);
    const text = [...reportJson(found, totalsOf(found), judged(found))].join('');
    const parsed = JSON.parse(text) as {
      readonly complete: boolean;
      readonly generations: readonly { readonly delivery: Delivery }[];
      readonly stateDir: string;
    };
    assert.equal(parsed.complete, false);
    assert.equal(parsed.stateDir, '/state');
    assert.equal(parsed.generations.length, 2);
    assert.deepEqual(parsed.generations[0]?.delivery.missing.runs, [{ id: 'f1-1234', ...runs[0] }]);
  });
});
