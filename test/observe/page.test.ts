/** The status page says what is, in words, and nothing of what others chose becomes HTML. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escape, statusPage } from '../../src/observe/page.ts';
import { LOG_VITALS, SUMS, vitalsOf } from '../support/vitals.ts';

test('an agent that is well says so', () => {
  const page = statusPage(vitalsOf());
  assert.match(page, /Everything on disk is delivered\./);
  assert.match(page, /<td><data value="300" title="300 bytes">300 B<\/data><\/td>/);
  assert.match(page, /running for 6 min/);
  assert.match(page, /As of <time [^>]+>2026-03-04 05:06:07 UTC<\/time>/);
  assert.doesNotMatch(page, /class="verdict bad"(?! role="alert" hidden)|Receivers|of late|held/);
});

test('what is behind, lost, held or down is told', () => {
  const page = statusPage(
    vitalsOf({
      sums: { ...SUMS, lostBytes: { deleted: 1024, cut: 1024 }, losses: { deleted: 1, cut: 1 } },
      logs: [
        {
          ...LOG_VITALS,
          lagBytes: 2048,
          lagSeconds: 300,
          bytesPerSecond: 1024,
          secondsToLoss: 7200,
          heldDeletedBytes: 3072,
          files: [
            { path: '/var/log/kubernetes/audit-1.log', sizeBytes: 5, offset: 2, isDeleted: true },
            { path: '/elsewhere/audit-2.log', sizeBytes: 5, offset: 5, isDeleted: false },
          ],
          otherFiles: 7,
        },
      ],
      upstreams: [{ name: 'b:24224', isUp: false }],
      said: [{ time: '2026-03-04T05:06:07.000Z', level: 'warn', text: 'careful' }],
    }),
  );
  for (const told of [
    '>2.0 KiB</data>',
    '<dd>5 min</dd>',
    '1.0 KiB/s',
    '<dd>2 h</dd>',
    '>3.0 KiB</data>',
    '<th scope="row">audit-1.log <span class="alarm">deleted, held</span></th>',
    '<th scope="row">/elsewhere/audit-2.log</th>',
    'And 7 more.',
    'Receiver b:24224 is down.',
    'b:24224: <span class="alarm">down</span>',
    '<b class="warn">warn</b>',
    'careful',
    'Events were lost.',
    '<title>At risk – audit-shipper</title>',
  ]) {
    assert.ok(page.includes(told), told);
  }
});

test('what is not known, and what has no end, is said in words', () => {
  const page = statusPage(vitalsOf({ checkpoint: undefined }));
  for (const told of ['<dd>not known yet</dd>', '<dd>nothing</dd>', '<dd>none</dd>']) {
    assert.ok(page.includes(told), told);
  }
  const quiet = statusPage(vitalsOf({ logs: [{ ...LOG_VITALS, secondsToLoss: Infinity }] }));
  assert.match(quiet, /no end, nothing is written/);
});

test('nothing that others chose becomes a tag, an attribute or a control character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const hostile = `${text}"'><script>alert(1)</script>\u001b[31m\u202e`;
      const page = statusPage(
        vitalsOf({
          version: hostile,
          logs: [
            {
              ...LOG_VITALS,
              path: hostile,
              files: [{ path: hostile, sizeBytes: 1, offset: 1, isDeleted: true }],
            },
          ],
          upstreams: [{ name: hostile, isUp: true }],
          troubles: [{ path: hostile, message: hostile, since: hostile }],
          said: [{ time: hostile, level: hostile, text: hostile }],
        }),
      );
      assert.equal(page.split('<script').length, 2, 'its own');
      assert.doesNotMatch(page, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      assert.ok(page.includes(`data-version="${escape(hostile)}"`));
      assert.ok(page.includes('\\x1b[31m\\u202e'), 'what is not seen is made visible');
    }),
  );
});
