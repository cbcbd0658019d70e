/** Reading at once what was written a moment ago: whole lines, few of them, and nothing that the disk may have to bring. */
import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Descriptors } from '../../src/tail/descriptors.ts';
import { Harvester } from '../../src/tail/generation.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { refuser } from '../support/tail-parts.ts';

const KB = 'x'.repeat(1023) + '\n';
const LONG_AGO = new Date('2026-01-01');

function setUp(t: TestContext, content: string | Buffer, { gz = false, maxEventBytes = 1e6 } = {}) {
  const path = new LogDirectory(t).file('audit.log');
  writeFileSync(path, content);
  const descriptors = new Descriptors();
  const { fd, stats } = descriptors.open(path);
  const { dev, ino } = stats;
  const limits = { maxEventBytes, makeReducer: () => refuser };
  const harvester = new Harvester({ fd, dev, ino, gz }, limits, descriptors);
  t.after(() => harvester.release());
  const slab = Buffer.alloc(256 * 1024);
  const fresh = (position = 0, into = slab): string | undefined => {
    const block = harvester.readFresh(into, position);
    if (block !== undefined) assert.deepEqual([block.block, block.start], ['lines', position]);
    return block?.bytes.toString();
  };
  return { path, harvester, slab, fresh };
}

test('whole lines that were just written are there at once', (t) => {
  const { fresh } = setUp(t, 'a\nb\nhalf');
  assert.equal(fresh(), 'a\nb\n');
  assert.equal(fresh(2), 'b\n');
});

test('what is no whole line, or nothing, is for the reader', (t) => {
  const { fresh } = setUp(t, 'a\nhalf');
  for (const position of [2, 6, 7, 100]) assert.equal(fresh(position), undefined);
});

test('what is more than a little, or than the slab holds, is for the reader', (t) => {
  const { fresh, slab } = setUp(t, KB.repeat(65));
  assert.equal(fresh(), undefined);
  assert.equal(fresh(1024)?.length, 64 * 1024);
  assert.equal(fresh(1024, slab.subarray(0, 1024)), undefined);
});

test('what may have left the page cache is for the reader', (t) => {
  const { path, fresh } = setUp(t, 'a\n');
  utimesSync(path, LONG_AGO, LONG_AGO);
  assert.equal(fresh(), undefined);
});

test('a gzip file, and what may hold a line that is too long, is for the reader', (t) => {
  assert.equal(setUp(t, gzipSync('a\n'), { gz: true }).fresh(), undefined);
  const { fresh } = setUp(t, 'x'.repeat(20) + '\na\n', { maxEventBytes: 20 });
  assert.equal(fresh(), undefined);
  assert.equal(fresh(21), 'a\n');
});
