/** The key `shipper`: what it holds and in which order, and that the same event gets the same one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coordinatesIn, Shipper, type Pairs } from '../../src/event/shipper.ts';
import { blockOf, FINGERPRINT, LOG } from '../support/blocks.ts';

const AT = { file: '/var/log/audit.log', fingerprint: 'f00d', offset: 42 };

const all = ({ shared, own }: Pairs): unknown => [...shared, ...own];

test('nothing is added when nothing is asked for', () => {
  assert.equal(new Shipper({ fields: {}, coordinates: false }).addsToEvents, false);
  assert.equal(new Shipper({ fields: {}, coordinates: true }).addsToEvents, true);
  assert.equal(new Shipper({ fields: { a: '' }, coordinates: false }).addsToEvents, true);
});

test('fields come first, then where the event stands, then what is wrong', () => {
  const shipper = new Shipper({ fields: { node: 'm1', cluster: 'c' }, coordinates: true });
  assert.deepEqual(all(shipper.forInvalid(AT, { error: 'bad', part: 'more' })), [
    ['node', 'm1'],
    ['cluster', 'c'],
    ['file', '/var/log/audit.log'],
    ['offset', 42],
    ['id', 'f00d-42'],
    ['error', 'bad'],
    ['part', 'more'],
  ]);
});

test('an event has coordinates only where they are asked for, a bad line always', () => {
  const shipper = new Shipper({ fields: { node: 'm1' }, coordinates: false });
  assert.deepEqual(all(shipper.forEvent(AT)), [['node', 'm1']]);
  assert.deepEqual(all(shipper.forInvalid(AT, {})), [
    ['node', 'm1'],
    ['file', AT.file],
    ['offset', 42],
    ['id', 'f00d-42'],
  ]);
});

test('what all events of a file share is the same array, until the file is another', () => {
  const shipper = new Shipper({ fields: { node: 'm1' }, coordinates: true });
  const { shared } = shipper.forEvent(AT);
  assert.equal(shipper.forEvent({ ...AT, offset: 43, fingerprint: 'cafe' }).shared, shared);
  assert.equal(shipper.forInvalid(AT, { error: 'bad' }).shared, shared);
  assert.deepEqual(shipper.forEvent({ ...AT, file: '/other' }).shared, [
    ['node', 'm1'],
    ['file', '/other'],
  ]);
});

test('an event stands in its file, not in its block', () => {
  const at = coordinatesIn(blockOf('{}\n{}\n', { start: 1000 }), 3);
  assert.deepEqual(at, { file: LOG, fingerprint: FINGERPRINT, offset: 1003 });
});
