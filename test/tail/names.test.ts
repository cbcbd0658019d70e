/** What file names say: log, kind of backup, age; and which names speak of audit events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  compareAge,
  isAuditLogName,
  parseLogFileName,
  type Age,
  type BackupName,
} from '../../src/tail/names.ts';

const HOUR_MS = 3_600_000;
const EPOCH_MS = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

/** lumberjack's backupName: time in UTC between stem and extension. */
function lumberjackName(base: string, epochMs: number): string {
  const dot = base.lastIndexOf('.');
  const extension = dot === -1 ? '' : base.slice(dot);
  const stem = base.slice(0, base.length - extension.length);
  const time = new Date(epochMs).toISOString().slice(0, -1).replaceAll(':', '-');
  return `${stem}-${time}${extension}`;
}

function stampOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10).replaceAll('-', '');
}

/** Names of active files as people choose them: with and without extension, with dashes and digits inside. */
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
const extension = fc.constantFrom('', '.log', '.audit', '.json', '.txt', '.l0g');
const base = fc
  .tuple(fc.array(word, { minLength: 1, maxLength: 3 }), extension)
  .map(([words, ext]) => words.join('-') + ext);
const time = fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2099, 11, 31) });

test('a name that was made of a log and an age is taken apart into them again', () => {
  const backup = fc.oneof(
    time.map((epochMs): BackupName => ({ kind: 'lumberjack', epochMs })),
    fc.nat({ max: 999_999 }).map((number): BackupName => ({ kind: 'numbered', number })),
    time.map((epochMs): BackupName => ({ kind: 'dated', stamp: stampOf(epochMs) })),
  );
  const nameOf = (of: string, made: BackupName): string => {
    if (made.kind === 'lumberjack') return lumberjackName(of, made.epochMs);
    return made.kind === 'numbered' ? `${of}.${made.number}` : `${of}-${made.stamp}`;
  };
  fc.assert(
    fc.property(base, fc.option(backup, { nil: undefined }), fc.boolean(), (of, made, gz) => {
      const name = (made === undefined ? of : nameOf(of, made)) + (gz ? '.gz' : '');
      assert.deepEqual(parseLogFileName(name), { base: of, backup: made, gz });
    }),
  );
});

test('every text is a name of some log, and the log of a log is itself or a shorter one', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      const parsed = parseLogFileName(name);
      assert.ok(parsed.base.length > 0);
      const shorter = parsed.gz || parsed.backup !== undefined;
      assert.equal(parsed.base.length < name.length, shorter);
    }),
  );
});

const lumberjack: BackupName = { kind: 'lumberjack', epochMs: EPOCH_MS };
const NAMES: readonly (readonly [string, string, BackupName | undefined, boolean])[] = [
  ['audit.log', 'audit.log', undefined, false],
  ['audit-2026-03-04T05-06-07.089.log', 'audit.log', lumberjack, false],
  ['audit-2026-03-04T05-06-07.089.log.gz', 'audit.log', lumberjack, true],
  ['kubernetes-audit-2026-03-04T05-06-07.089', 'kubernetes-audit', lumberjack, false],
  ['kubernetes-audit-2026-03-04T05-06-07.089.gz', 'kubernetes-audit', lumberjack, true],
  [
    'kube-apiserver-audit-2026-03-04T05-06-07.089.log',
    'kube-apiserver-audit.log',
    lumberjack,
    false,
  ],
  ['audit.log.1', 'audit.log', { kind: 'numbered', number: 1 }, false],
  ['audit.log.2.gz', 'audit.log', { kind: 'numbered', number: 2 }, true],
  ['audit.log-20260304', 'audit.log', { kind: 'dated', stamp: '20260304' }, false],
  ['audit.log-2026030405.gz', 'audit.log', { kind: 'dated', stamp: '2026030405' }, true],
  ['audit-20260304.log', 'audit.log', { kind: 'dated', stamp: '20260304' }, false],
  // Seconds since the epoch that look like a date themselves (1772-01-23), and some that do not.
  [
    'audit.log-20260225-1772012300',
    'audit.log',
    { kind: 'dated', stamp: '20260225-1772012300' },
    false,
  ],
  [
    'audit.log-20260304-1772600000',
    'audit.log',
    { kind: 'dated', stamp: '20260304-1772600000' },
    false,
  ],
  [
    'audit-20260304-1772600000.log.gz',
    'audit.log',
    { kind: 'dated', stamp: '20260304-1772600000' },
    true,
  ],
  // No times, no dates: active files of their own.
  ['audit-2026-13-04T05-06-07.089.log', 'audit-2026-13-04T05-06-07.089.log', undefined, false],
  ['audit-2026-03-04T05-06-07.log', 'audit-2026-03-04T05-06-07.log', undefined, false],
  ['audit.log-20261304', 'audit.log-20261304', undefined, false],
  ['audit.log-20260332', 'audit.log-20260332', undefined, false],
  ['audit-2026.log', 'audit-2026.log', undefined, false],
  ['-2026-03-04T05-06-07.089.log', '-2026-03-04T05-06-07.089.log', undefined, false],
  ['.gz', '.gz', undefined, false],
];

for (const [name, of, backup, gz] of NAMES) {
  test(`${name} is ${backup === undefined ? 'the active file' : `a ${backup.kind} backup`} of ${of}`, () => {
    assert.deepEqual(parseLogFileName(name), { base: of, backup, gz });
  });
}

test('backups of one log are ordered by what their tool writes into the name, the active file comes last', () => {
  const orders: readonly (readonly string[])[] = [
    ['audit-2026-03-04T05-06-07.088.log', 'audit-2026-03-04T05-06-07.089.log.gz', 'audit.log'],
    ['audit.log.10.gz', 'audit.log.9', 'audit.log.1', 'audit.log'],
    ['audit.log-20251231', 'audit.log-20260304', 'audit.log'],
    ['audit.log-20260304-1772600000', 'audit.log-20260304-1772600001', 'audit.log'],
  ];
  for (const order of orders) {
    const ages = order.map((name) => ({ name, backup: parseLogFileName(name).backup, mtimeMs: 0 }));
    const sorted = ages.toReversed().sort(compareAge);
    assert.deepEqual(
      sorted.map(({ name }) => name),
      order,
    );
  }
});

test('names of two tools beside each other are ordered by time', () => {
  const numbered: Age = { backup: { kind: 'numbered', number: 1 }, mtimeMs: EPOCH_MS + HOUR_MS };
  const timed: Age = { backup: lumberjack, mtimeMs: EPOCH_MS + 2 * HOUR_MS };
  assert.ok(compareAge(timed, numbered) < 0);
  assert.ok(compareAge(numbered, timed) > 0);
});

test('the order within one kind of name is a total one', () => {
  const age = (backup: BackupName | undefined): Age => ({ backup, mtimeMs: 0 });
  const kinds: readonly fc.Arbitrary<BackupName>[] = [
    fc.nat({ max: 3 }).map((epochMs) => ({ kind: 'lumberjack', epochMs })),
    fc.nat({ max: 3 }).map((number) => ({ kind: 'numbered', number })),
    fc.constantFrom('20260304', '20260305').map((stamp) => ({ kind: 'dated', stamp })),
  ];
  for (const kind of kinds) {
    const file = fc.option(kind, { nil: undefined }).map(age);
    fc.assert(
      fc.property(file, file, file, (a, b, c) => {
        assert.equal(Math.sign(compareAge(a, b)), -Math.sign(compareAge(b, a)) + 0);
        if (compareAge(a, b) <= 0 && compareAge(b, c) <= 0) assert.ok(compareAge(a, c) <= 0);
      }),
    );
  }
});

test('which names say that they hold audit events', () => {
  const audit = [
    'audit.log',
    'kubernetes.audit',
    'kubernetes-audit',
    'kube-apiserver-audit.log',
    'AUDIT.jsonl',
  ];
  const other = [
    'kube-apiserver.log',
    'audit-policy.yaml',
    'audit-webhook.conf',
    '.audit.log.swp',
    'messages',
  ];
  for (const name of audit) assert.equal(isAuditLogName(name), true, name);
  for (const name of other) assert.equal(isAuditLogName(name), false, name);
});
