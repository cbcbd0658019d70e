/** An audit log is told by what it holds: JSON in any order of keys, the legacy text, plain or compressed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { sniff, sniffText, type Sniffed } from '../../src/tail/sniff.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { asStranger } from '../support/stranger.ts';

const EVENT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1"}\n';

const TEXTS: readonly (readonly [string, string, Sniffed])[] = [
  ['an event', EVENT, 'audit'],
  ['an older event', '{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}', 'audit'],
  ['an event whose kind comes last', '{"auditID":"1","stage":"Panic","kind":"Event"}', 'audit'],
  ['an event behind a torn one', `oot"}\n${EVENT}`, 'audit'],
  ['an event behind a hole', `${'\0'.repeat(1000)}${EVENT}`, 'audit'],
  [
    'a legacy line',
    '2026-03-04T05:06:07.000000Z AUDIT: id="1" stage="Panic" ip="10.0.0.1"\n',
    'audit',
  ],
  ['half an event', EVENT.slice(0, 30), 'unknown'],
  ['half a legacy line', '2026-03-04T05:06:07.0', 'unknown'],
  ['a line that begins like an event', `${EVENT.slice(0, 30)}\n`, 'other'],
  ['half a line of something else', 'I0304 05:06:07.089 1 serv', 'other'],
  ['nothing', '', 'unknown'],
  ['blanks', '\n \n', 'unknown'],
  ['a hole', '\0\0\0', 'unknown'],
  ['a policy', 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n', 'other'],
  ['an event of another kind', '{"kind":"Event","apiVersion":"v1","reason":"Started"}\n', 'other'],
  ['a log of kube-apiserver itself', 'I0304 05:06:07.089 1 server.go:1] starting\n', 'other'],
];

for (const [what, text, expected] of TEXTS) {
  test(`${what} is ${expected}`, (t) => {
    const directory = new LogDirectory(t);
    assert.equal(sniffText(text), expected);
    assert.equal(sniff(directory.write('plain', text), false), expected);
    assert.equal(sniff(directory.write('packed.gz', gzipSync(text)), true), expected);
  });
}

test('only the beginning of a large file is looked at', (t) => {
  const directory = new LogDirectory(t);
  const far = `${'x'.repeat(70_000)}\n${EVENT}`;
  assert.equal(sniff(directory.write('far.log', far), false), 'other');
  assert.equal(sniff(directory.write('far.log.gz', gzipSync(far)), true), 'other');
});

test('a small gzip file that holds very much takes little memory', (t) => {
  const directory = new LogDirectory(t);
  const mib = gzipSync(Buffer.alloc(1024 * 1024));
  const path = directory.write('bomb.gz', Buffer.concat(Array.from({ length: 200 }, () => mib)));
  const before = process.resourceUsage().maxRSS;
  assert.equal(sniff(path, true), 'unknown');
  const grownMiB = (process.resourceUsage().maxRSS - before) / 1024;
  assert.ok(grownMiB < 40, `it took ${grownMiB} MiB`);
});

test('what is missing or not readable is unknown', (t) => {
  const directory = new LogDirectory(t);
  assert.equal(sniff(directory.file('missing'), false), 'unknown');
  assert.equal(sniff(directory.path, false), 'unknown', 'a directory');
  const path = directory.write('hidden.log', EVENT);
  directory.hide('hidden.log');
  assert.equal(
    asStranger(() => sniff(path, false)),
    'unknown',
  );
});

test('a gzip file is unknown while it is written, and other when it is none', (t) => {
  const directory = new LogDirectory(t);
  const packed = gzipSync(EVENT);
  for (let length = 0; length <= packed.length; length++) {
    const sniffed = sniff(directory.write('growing.gz', packed.subarray(0, length)), true);
    assert.ok(sniffed !== 'other', `at ${length} bytes`);
  }
  assert.equal(sniff(directory.write('none.gz', EVENT), true), 'other');
});

test('whatever a file holds, there is an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      assert.match(sniffText(text), /^(?:audit|other|unknown)$/);
    }),
  );
});
