/**
 * What a receiver of the torture writes down is what it was sent, and what a crash cut off is no batch.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { encode, ExtData } from '@msgpack/msgpack';
import { readEntries } from '../../torture/entries.ts';
import { encodeBatch, readJournal, type Batch } from '../../torture/journal.ts';
import { eventOf } from '../support/numbered-events.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { batchOf, fingerprintOf } from './parts.ts';

const TIME = new ExtData(0, new Uint8Array(8));

function entryOf(record: object): Uint8Array {
  return encode([TIME, record]);
}

function numbered(number: number, shipper: object): Uint8Array {
  return entryOf({ ...(JSON.parse(eventOf(number)) as object), shipper });
}

describe('the journal of a receiver', () => {
  const batches: readonly Batch[] = [
    batchOf(1, 3),
    { receipts: [], others: [{ a: 'ä' }] },
    { receipts: [{ ...batchOf(4, 4).receipts[0], number: 2 ** 40 } as never], others: [] },
  ];
  const whole = Buffer.concat(batches.map(encodeBatch));

  it('gives back what was written down', (t) => {
    const path = join(temporaryDirectory(t), 'journal');
    writeFileSync(path, whole);
    assert.deepEqual([...readJournal(path)], batches);
  });

  it('leaves out what was cut off, wherever it was', (t) => {
    const path = join(temporaryDirectory(t), 'journal');
    const lengths = batches.map((batch) => encodeBatch(batch).length);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      let [end, complete] = [0, 0];
      for (const bytes of lengths) {
        end += bytes;
        if (end <= length) complete += 1;
      }
      assert.deepEqual([...readJournal(path)], batches.slice(0, complete), `${length} bytes`);
    }
  });
});

describe('the entries of a message', () => {
  const fingerprint = fingerprintOf(7);
  const good = numbered(9, { file: '/a', offset: 800, id: `${fingerprint}-800` });

  it('are taken apart into events and other records', () => {
    const record = { shipper: { id: 'x-0-lost', lost: 5 } };
    const { receipts, others } = readEntries(Buffer.concat([good, entryOf(record), good]));
    const [first, second, ...more] = receipts;
    assert.deepEqual(more, []);
    assert.deepEqual(
      { ...first, checksum: 0 },
      { number: 9, fingerprint, offset: 800, checksum: 0 },
    );
    assert.deepEqual(second, first);
    assert.deepEqual(others, [record]);
  });

  it('have another checksum when a byte differs', () => {
    const other = numbered(9, { file: '/b', offset: 800, id: `${fingerprint}-800` });
    const [a, b] = [good, other].map((entry) => readEntries(Buffer.from(entry)).receipts[0]);
    assert.notEqual(a?.checksum, b?.checksum);
    assert.equal(a?.number, b?.number);
  });

  it('are no events without the coordinates that belong together', () => {
    for (const shipper of [
      { offset: 800 },
      { offset: 800, id: `${fingerprint}-801` },
      { offset: 800, id: `${fingerprint}x-800` },
      { offset: 800, id: `${fingerprint}-800-lost` },
    ]) {
      const { receipts, others } = readEntries(Buffer.from(numbered(9, shipper)));
      assert.deepEqual([receipts.length, others.length], [0, 1], JSON.stringify(shipper));
    }
  });

  it('are not guessed when they are cut off', () => {
    assert.throws(() => readEntries(Buffer.from(good.subarray(0, -1))));
  });
});
