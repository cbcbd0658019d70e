/** The checkpoint file's format: what was written is read back, and anything else is an error that says what to do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { NOTHING_SETTLED, type Tally } from '../../src/deliver/chunk.ts';
import {
  CheckpointFormatError,
  formatCheckpoints,
  parseCheckpoints,
  type Checkpoint,
  type CheckpointFile,
  type SavedLoss,
  type SavedOutlook,
} from '../../src/checkpoint/format.ts';

const CHECKPOINT: Checkpoint = {
  path: '/var/log/kubernetes/audit.log',
  fingerprint: '0123456789abcdef0123456789abcdef',
  dev: 2049,
  ino: 1234567,
  offset: 1000,
  size: 2000,
  updated: '2026-03-04T05:06:07.089Z',
  time: '2026-03-04T05:06:07.088Z',
  gone: '2026-03-04T05:06:09.000Z',
  accounts: { ...NOTHING_SETTLED, delivered: { events: 3, bytes: 900 }, lostBytes: 100 },
};
const PROBLEM = { path: '/x', code: 'EACCES', message: 'no', since: '2026-03-04T05:06:07.089Z' };
const LOSS = {
  log: '/x',
  path: '/y',
  fingerprint: 'f',
  offset: 900,
  bytes: 100,
  reason: 'deleted',
  since: '2026-03-04T05:06:07.088Z',
  until: '2026-03-04T05:06:08.088Z',
  noted: '2026-03-04T05:06:09.088Z',
};
const OUTLOOK = { log: '/x', bytesPerSecond: 5, secondsToLoss: 7, heldDeletedBytes: 3 };
const TEXT = textOf({
  checkpoints: [CHECKPOINT],
  problems: [PROBLEM],
  losses: [LOSS],
  outlooks: [OUTLOOK],
});

function textOf(given: CheckpointFile): string {
  return [...formatCheckpoints(given)].join('');
}

const anyText = fc.string({ unit: 'binary' });
const PLAIN = { noNullPrototype: true };
const tally: fc.Arbitrary<Tally> = fc.record(
  { events: fc.maxSafeNat(), bytes: fc.maxSafeNat() },
  PLAIN,
);
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record(
  {
    path: anyText,
    fingerprint: fc.string({ minLength: 1 }),
    dev: fc.maxSafeNat(),
    ino: fc.oneof(fc.maxSafeNat(), fc.constant(18446744073709552000)),
    offset: fc.maxSafeNat(),
    size: fc.maxSafeNat(),
    updated: anyText,
    time: fc.option(anyText, { nil: undefined }),
    gone: fc.option(anyText, { nil: undefined }),
    accounts: fc.record(
      {
        delivered: tally,
        filtered: tally,
        deadLettered: tally,
        skippedBytes: fc.maxSafeNat(),
        lostBytes: fc.maxSafeNat(),
        earlierBytes: fc.maxSafeNat(),
      },
      PLAIN,
    ),
  },
  PLAIN,
);
const loss: fc.Arbitrary<SavedLoss> = fc.record(
  {
    log: anyText,
    path: anyText,
    fingerprint: anyText,
    offset: fc.maxSafeNat(),
    bytes: fc.maxSafeNat(),
    reason: anyText,
    until: anyText,
    noted: anyText,
  },
  PLAIN,
);
const outlook: fc.Arbitrary<SavedOutlook> = fc.record(
  { log: anyText, bytesPerSecond: fc.maxSafeNat(), heldDeletedBytes: fc.maxSafeNat() },
  PLAIN,
);
const file: fc.Arbitrary<CheckpointFile> = fc.record({
  checkpoints: fc.array(checkpoint),
  problems: fc.array(
    fc.record({ path: anyText, code: anyText, message: anyText, since: anyText }, PLAIN),
  ),
  losses: fc.array(loss),
  outlooks: fc.array(outlook),
});

function assertRejected(text: string, pattern: RegExp): void {
  assert.throws(
    () => parseCheckpoints(text),
    (error) => error instanceof CheckpointFormatError && pattern.test(error.message),
  );
}

describe('a checkpoint file', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(file, (given) => {
        const { checkpoints, problems, losses, outlooks } = parseCheckpoints(textOf(given));
        assert.deepEqual(checkpoints, given.checkpoints);
        assert.deepEqual(problems, given.problems);
        assert.deepEqual(losses, given.losses);
        assert.deepEqual(outlooks, given.outlooks);
      }),
    );
  });

  it('is for people, too: one checkpoint a line', () => {
    const checkpoints = [CHECKPOINT, { ...CHECKPOINT, ino: 7 }];
    const accounts = { delivered: { events: 3, bytes: 900 }, lostBytes: 100 };
    assert.deepEqual(
      textOf({ checkpoints, problems: [], losses: [LOSS], outlooks: [OUTLOOK] }).split('\n'),
      [
        '{"version":1,"checkpoints":[',
        `${JSON.stringify({ ...CHECKPOINT, accounts })},`,
        JSON.stringify({ ...CHECKPOINT, ino: 7, accounts }),
        '],"losses":[',
        JSON.stringify(LOSS),
        '],"outlooks":[',
        JSON.stringify(OUTLOOK),
        ']}',
        '',
      ],
    );
    const nothing = { checkpoints: [], problems: [], losses: [], outlooks: [] };
    assert.equal(textOf(nothing), '{"version":1,"checkpoints":[]}\n');
  });

  it('is written in pieces, however much there is', () => {
    const checkpoints = Array.from({ length: 10_000 }, () => CHECKPOINT);
    const pieces = [...formatCheckpoints({ checkpoints, problems: [], losses: [], outlooks: [] })];
    assert.ok(pieces.length > 10);
    assert.ok(pieces.every((piece) => piece.length < 2 * 1024 * 1024));
    assert.deepEqual(parseCheckpoints(pieces.join('')).checkpoints, checkpoints);
  });

  it('may hold keys that a later version adds', () => {
    const { checkpoints } = parseCheckpoints(
      JSON.stringify({ version: 1, later: {}, checkpoints: [{ ...CHECKPOINT, later: 1 }] }),
    );
    assert.deepEqual(checkpoints, [CHECKPOINT]);
  });

  it('may lack what nothing depends on', () => {
    const { updated: _, time: __, accounts: ___, gone: ____, ...rest } = CHECKPOINT;
    const problems = [{ path: 1 }, null];
    const losses = [{ ...LOSS, bytes: '1' }, null];
    const outlooks = [
      { ...OUTLOOK, secondsToLoss: '1' },
      { ...OUTLOOK, log: 1 },
      { ...OUTLOOK, bytesPerSecond: 5e300 },
    ];
    const whole = { version: 1, checkpoints: [rest], problems, losses, outlooks };
    // Beyond all numbers, as JSON.parse reads it: it could not be written again.
    const text = JSON.stringify(whole).replace('5e+300', '5e+999');
    const accounts = { ...NOTHING_SETTLED, earlierBytes: rest.offset };
    assert.deepEqual(parseCheckpoints(text), {
      checkpoints: [
        {
          ...rest,
          updated: '1970-01-01T00:00:00.000Z',
          time: undefined,
          gone: undefined,
          accounts,
        },
      ],
      problems: [],
      losses: [],
      outlooks: [],
    });
  });

  it('knows of no account where a run before kept none', () => {
    const { accounts: _, ...rest } = CHECKPOINT;
    const text = JSON.stringify({ version: 1, checkpoints: [{ ...rest, accounts: {} }] });
    assert.deepEqual(parseCheckpoints(text).checkpoints[0]?.accounts, NOTHING_SETTLED);
  });
});

describe('a file that is something else', () => {
  it('is rejected wherever it was cut off, and the message says what to do', () => {
    for (let end = 0; end < TEXT.length - 1; end++) {
      assertRejected(TEXT.slice(0, end), /not JSON, it may have been cut off; put back a copy/);
    }
  });

  it('is rejected when a newer version wrote it, and the message says what to do', () => {
    const text = TEXT.replace('"version":1', '"version":2');
    assertRejected(text, /newer version of audit-shipper \(format 2, this one reads 1\); run that/);
  });

  const broken: readonly (readonly [string, unknown, RegExp])[] = [
    ['a list', [], /not a JSON object/],
    ['a number', 1, /not a JSON object/],
    ['null', null, /not a JSON object/],
    ['no version', { checkpoints: [] }, /"version"/],
    ['a version in quotes', { version: '1', checkpoints: [] }, /"version"/],
    ['an older version', { version: 0, checkpoints: [] }, /"version"/],
    ['no list', { version: 1 }, /"checkpoints" is not a list/],
    ['an object for a list', { version: 1, checkpoints: {} }, /"checkpoints" is not a list/],
  ];
  for (const [name, value, pattern] of broken) {
    it(`is rejected: ${name}`, () => {
      assertRejected(JSON.stringify(value), pattern);
      assertRejected(
        JSON.stringify(value),
        /move it away: then everything on disk is shipped again/,
      );
    });
  }

  const wrong: readonly (readonly [keyof Checkpoint, readonly unknown[]])[] = [
    ['path', [1, null, undefined]],
    ['fingerprint', [1, null, undefined, '']],
    ['dev', ['1', -1, null, undefined]],
    ['ino', ['1', -1, null, undefined]],
    ['offset', ['1', -1, 1.5, 1e300, null, undefined]],
    ['size', ['1', -1, 1.5, 1e300, null, undefined]],
  ];
  for (const [key, values] of wrong) {
    for (const value of values) {
      it(`is rejected when the second checkpoint's ${key} is ${JSON.stringify(value)}`, () => {
        const checkpoints = [CHECKPOINT, { ...CHECKPOINT, [key]: value }];
        assertRejected(JSON.stringify({ version: 1, checkpoints }), /^checkpoint 2\b.*put back/);
      });
    }
  }

  it('is rejected when a checkpoint is no object', () => {
    assertRejected(JSON.stringify({ version: 1, checkpoints: [[]] }), /^checkpoint 1 is not an/);
  });

  it('never costs more than an error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseCheckpoints(JSON.stringify(value));
        } catch (error) {
          assert.ok(error instanceof CheckpointFormatError);
        }
      }),
    );
  });
});
