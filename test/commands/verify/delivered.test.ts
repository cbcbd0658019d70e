/** Reading what was delivered: which lines have an id, which have none, which are no lines at all. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readDelivered, receiptOf } from '../../../src/commands/verify/delivered.ts';
import { Progress } from '../../../src/commands/verify/progress.ts';
import { Receipts } from '../../../src/commands/verify/receipts.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const SILENT = new Progress({ write: () => true });
const LINE = '{"kind":"Event","shipper":{"id":"ab-12"}}\n';

async function read(t: TestContext, content: string | Uint8Array) {
  const path = join(temporaryDirectory(t), 'delivered');
  writeFileSync(path, content);
  const receipts = new Receipts();
  const { path: _, ...counts } = await readDelivered(path, receipts, SILENT);
  return { ...counts, ids: [...(receipts.of('ab')?.distinct() ?? [])] };
}

const NONE = { events: 0, withoutId: 0, unreadable: 0, isCutOff: false, ids: [] };

describe('a delivered file', () => {
  it('is read line by line, with or without a newline at its end', async (t) => {
    const two = LINE + LINE.replace('12', '50');
    assert.deepEqual(await read(t, two), { ...NONE, events: 2, ids: [12, 50] });
    assert.deepEqual(await read(t, two.trimEnd()), { ...NONE, events: 2, ids: [12, 50] });
    assert.deepEqual(await read(t, ''), NONE);
  });

  it('may be compressed, and may still be written', async (t) => {
    const gz = gzipSync(LINE.repeat(5000));
    assert.equal((await read(t, gz)).events, 5000);
    const { events } = await read(t, gz.subarray(0, gz.length - 20));
    assert.ok(events < 5000);
  });

  it('has lines without an id, and lines that are none', async (t) => {
    const { withoutId, unreadable, isCutOff } = await read(
      t,
      `{"a":1}\n\nnot\n[1]\n${LINE}{"shipper":{"id":7}}\n`,
    );
    assert.deepEqual([withoutId, unreadable, isCutOff], [2, 2, false]);
  });

  it('may be cut off in its last line', async (t) => {
    const { events, unreadable, isCutOff } = await read(t, LINE + LINE.slice(0, 20));
    assert.deepEqual([events, unreadable, isCutOff], [1, 0, true]);
    assert.equal((await read(t, `${LINE}{"a\n`)).isCutOff, false);
  });

  it('may be a named pipe', async (t) => {
    const path = join(temporaryDirectory(t), 'pipe');
    execFileSync('mkfifo', [path]);
    const [file] = await Promise.all([
      readDelivered(path, new Receipts(), SILENT),
      writeFile(path, LINE),
    ]);
    assert.equal(file.events, 1);
  });
});

describe('a record', () => {
  const id = `${'a'.repeat(32)}-48210`;

  it('says where it comes from in shipper.id, and nowhere else', () => {
    const fingerprint = 'a'.repeat(32);
    const expected = { kind: 'event', fingerprint, offset: 48210, part: undefined };
    assert.deepEqual(receiptOf({ shipper: { id } }), expected);
    for (const other of [{ id }, { shipper: id }, { shipper: [id] }, { shipper: { id: 'a-x' } }]) {
      assert.equal(receiptOf(other), undefined);
    }
  });

  it('may be a part of a line, with as many bytes as it carries', () => {
    const part = (record: object) => receiptOf({ shipper: { id, part: 'more' }, ...record });
    const bytes = (record: object) => {
      const receipt = part(record);
      return receipt?.kind === 'event' ? receipt.part : undefined;
    };
    assert.deepEqual(bytes({ log: 'größe' }), { bytes: 7, isLast: false });
    assert.deepEqual(bytes({ log_base64: '/wD/' }), { bytes: 3, isLast: false });
    assert.equal(bytes({}), undefined);
  });

  it('may tell of a loss', () => {
    const record = { shipper: { id: 'ab-100-lost', lost: 50 } };
    const loss = { kind: 'loss', fingerprint: 'ab', offset: 100, bytes: 50 };
    assert.deepEqual(receiptOf(record), loss);
  });
});
