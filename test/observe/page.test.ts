/** The status page says what is, in words, and nothing of what others chose becomes HTML. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escape, statusPage } from '../../src/observe/page.ts';
import { LOG_VITALS, SUMS, vitalsOf } from '../support/vitals.ts';

test('an agent that is well says so', () => {
  const page = statusPage(vitalsOf());
  assert.match(page, /Everything on disk is delivered\./);
  assert.match(page, /<td class="n">300<\/td>/);
  assert.doesNotMatch(page, /class="verdict bad"|Receivers|of late/);
});

test('what is behind, lost, held or down is told', () => {
  const page = statusPage(
    vitalsOf({
      sums: { ...SUMS, lostBytes: { deleted: 1024, cut: 1024 } },
      logs: [
        {
          ...LOG_VITALS,
          lagBytes: 2048,
          lagSeconds: 300,
          bytesPerSecond: 1024,
          secondsToLoss: 7200,
          heldDeletedBytes: 3072,
          otherFiles: 7,
        },
      ],
      upstreams: [{ name: 'b:24224', isUp: false }],
      said: [{ time: '2026-03-04T05:06:07.000Z', level: 'warn', text: 'careful' }],
    }),
  );
  for (const told of [
    '2.0 KiB, 5 min',
    '1.0 KiB/s',
    '<dd>2 h</dd>',
    '3.0 KiB',
    'And 7 that are delivered.',
    'receiver b:24224 is down',
    'b:24224: down',
    'warn: careful',
    'class="verdict bad"',
  ]) {
    assert.ok(page.includes(told), told);
  }
});

test('nothing that others chose becomes a tag, an attribute or a control character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const hostile = `${text}"'><script>alert(1)</script>\u001b[31m\u202e`;
      const page = statusPage(
        vitalsOf({
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
      assert.ok(!page.includes('<script'));
      assert.doesNotMatch(page, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      assert.equal(page.split('aria-label="').length, 2);
      assert.ok(page.includes(`aria-label="${escape(hostile)}"`));
    }),
  );
});
