/** The key `shipper`: it is always JSON, and the same event gets the same one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Shipper } from '../../src/event/shipper.ts';

const AT = { file: '/var/log/audit.log', fingerprint: 'f00d', offset: 42 };

const parsed = (text: string): unknown => (JSON.parse(`{${text}}`) as { shipper: unknown }).shipper;

test('nothing is added when nothing is asked for', () => {
  assert.equal(new Shipper({ fields: {}, coordinates: false }).addsToEvents, false);
  assert.equal(new Shipper({ fields: {}, coordinates: true }).addsToEvents, true);
  assert.equal(new Shipper({ fields: { a: '' }, coordinates: false }).addsToEvents, true);
});

test('fields come first, then where the event stands, then what is wrong', () => {
  const shipper = new Shipper({ fields: { node: 'm1', cluster: 'c' }, coordinates: true });
  assert.equal(
    shipper.forInvalid(AT, { error: 'bad' }),
    '"shipper":{"node":"m1","cluster":"c","file":"/var/log/audit.log","offset":42,"id":"f00d-42","error":"bad"}',
  );
});

test('an event has coordinates only where they are asked for, a bad line always', () => {
  const shipper = new Shipper({ fields: { node: 'm1' }, coordinates: false });
  assert.deepEqual(parsed(shipper.forEvent(AT)), { node: 'm1' });
  assert.deepEqual(parsed(shipper.forInvalid(AT, {})), {
    node: 'm1',
    file: AT.file,
    offset: 42,
    id: 'f00d-42',
  });
});

test('any field and any path is JSON', () => {
  const fields = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), {
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(fields, fc.string({ unit: 'binary' }), fc.nat(), (given, file, offset) => {
      const shipper = new Shipper({ fields: given, coordinates: true });
      const own = { file, offset, id: `f00d-${offset}` };
      const expected = JSON.parse(JSON.stringify(Object.entries({ ...given, ...own }))) as [];
      const value = parsed(shipper.forEvent({ file, fingerprint: 'f00d', offset }));
      assert.deepEqual(new Map(Object.entries(value as object)), new Map(expected));
    }),
  );
});
