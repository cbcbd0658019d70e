/** The key `shipper`: what it holds and in which order, and that the same event gets the same one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { mapHeader, str } from '../../src/msgpack.ts';
import { idPrefix, Shipper } from '../../src/event/shipper.ts';
import { pairsText } from '../../src/event/wrap.ts';
import { blockOf, FINGERPRINT, LOG } from '../support/blocks.ts';

const BLOCK = blockOf('{}\n{}\n', { log: '/var/log/audit.log', fingerprint: 'f00d', start: 40 });
const PLACE = { log: '/var/log/audit.log', offset: 42, id: 'f00d-42' };

test('nothing is added when nothing is asked for', () => {
  assert.equal(new Shipper({ fields: {}, coordinates: false }).addsToEvents, false);
  assert.equal(new Shipper({ fields: {}, coordinates: true }).addsToEvents, true);
  assert.equal(new Shipper({ fields: { a: '' }, coordinates: false }).addsToEvents, true);
});

test('fields come first, then where the event stands, then what is wrong', () => {
  const shipper = new Shipper({ fields: { node: 'm1', cluster: 'c' }, coordinates: true });
  assert.deepEqual(
    shipper.forRecord(PLACE, [
      ['error', 'bad'],
      ['lost', 5],
    ]),
    [
      ['node', 'm1'],
      ['cluster', 'c'],
      ['file', '/var/log/audit.log'],
      ['offset', 42],
      ['id', 'f00d-42'],
      ['error', 'bad'],
      ['lost', 5],
    ],
  );
});

test('an event has coordinates only where they are asked for, a bad line always', () => {
  const fields = { node: 'm1' };
  const shipper = new Shipper({ fields, coordinates: false });
  assert.equal(shipper.hasCoordinates, false);
  assert.deepEqual(shipper.shared(BLOCK.log), [['node', 'm1']]);
  const located = new Shipper({ fields, coordinates: true });
  assert.equal(located.hasCoordinates, true);
  assert.deepEqual(located.shared(BLOCK.log), [
    ['node', 'm1'],
    ['file', BLOCK.log],
  ]);
  assert.deepEqual(shipper.forRecord(PLACE, []), [
    ['node', 'm1'],
    ['file', BLOCK.log],
    ['offset', 42],
    ['id', 'f00d-42'],
  ]);
});

test('the id of an event says in which generation it stands', () => {
  assert.equal(idPrefix(BLOCK), 'f00d-');
});

test('what is said to be the most is never exceeded, in either format', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'x'.repeat(70_000)));
  const file = fc.constantFrom('', LOG, '/\u0001'.repeat(2048), 'ö'.repeat(2048));
  fc.assert(
    fc.property(fc.dictionary(text, text), file, fc.boolean(), (fields, log, coordinates) => {
      const shipper = new Shipper({ fields, coordinates });
      const pairs = shipper.shared(log);
      const json = `"shipper":{${pairsText(pairs)},"offset":,"id":"${FINGERPRINT}-"}`;
      assert.ok(Buffer.byteLength(json) <= shipper.maxBytes);
      const packed = [str('shipper'), mapHeader(pairs.length + 2), str('offset'), str('id')];
      packed.push(...pairs.flat().map(str), str(FINGERPRINT));
      assert.ok(Buffer.concat(packed).length <= shipper.maxBytes);
    }),
    { numRuns: 200 },
  );
});
