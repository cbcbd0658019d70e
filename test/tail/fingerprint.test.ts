/** A generation is known by its first line: plain, compressed, behind a hole, long, or not there yet. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, openSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import {
  FINGERPRINT_LINE_BYTES,
  gzContentSize,
  headUnchanged,
  readGzHead,
  readHead,
  type Head,
  type HeadResult,
} from '../../src/tail/fingerprint.ts';
import { LogDirectory } from '../support/log-directory.ts';

const NEWLINE = Buffer.from('\n');
const FIRST = '{"kind":"Event","auditID":"1"}';

function withFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function open(t: TestContext, path: string): number {
  const fd = openSync(path, 'r');
  t.after(() => closeSync(fd));
  return fd;
}

function plain(path: string, ended = false): HeadResult {
  return withFile(path, (fd) => readHead(fd, ended));
}

function gz(path: string): HeadResult {
  return withFile(path, readGzHead);
}

function headOf(result: HeadResult): Head {
  if (typeof result === 'string') assert.fail(`no head: ${result}`);
  return result;
}

/** What the documents promise: 128 bits of the SHA-256 of the first line. */
function hashOf(line: string): string {
  return createHash('sha256').update(line).digest('hex').slice(0, 32);
}

/** Text of which gzip saves about a third only. */
function incompressible(length: number): string {
  let text = '';
  for (let part = 0; text.length < length; part++) text += hashOf(String(part));
  return text;
}

describe('the head of a plain file', () => {
  it('is the hash of the first line, and stays so while the file grows and is renamed', (t) => {
    const directory = new LogDirectory(t);
    const path = directory.write('audit.log', `${FIRST}\n`);
    const head = headOf(plain(path));
    assert.equal(head.fingerprint, hashOf(FIRST));
    assert.equal(head.start, 0);
    directory.append('audit.log', 'second\nthird');
    const renamed = directory.file('audit-2026-03-04T05-06-07.089.log');
    renameSync(path, renamed);
    assert.deepEqual(plain(renamed), head);
  });

  it('is incomplete without a newline, unless the file has ended', (t) => {
    const path = new LogDirectory(t).write('audit.log', FIRST);
    assert.equal(plain(path), 'incomplete');
    assert.equal(headOf(plain(path, true)).fingerprint, hashOf(FIRST));
  });

  it('of an empty file is incomplete, ended or not', (t) => {
    const path = new LogDirectory(t).write('audit.log', '');
    assert.equal(plain(path), 'incomplete');
    assert.equal(plain(path, true), 'incomplete');
  });

  it('of a line of exactly 64 KiB, or longer, is known without its newline, by its first 64 KiB', (t) => {
    const directory = new LogDirectory(t);
    const line = 'x'.repeat(FINGERPRINT_LINE_BYTES);
    const expected = hashOf(line);
    assert.equal(plain(directory.write('shorter', line.slice(1))), 'incomplete');
    assert.equal(headOf(plain(directory.write('exact', line))).fingerprint, expected);
    assert.equal(headOf(plain(directory.write('ended', `${line}\n`))).fingerprint, expected);
    assert.equal(headOf(plain(directory.write('longer', `${line}yyy\n`))).fingerprint, expected);
    const compressed = gzipSync(`${line}yyy\n`);
    assert.equal(headOf(gz(directory.write('longer.gz', compressed))).fingerprint, expected);
  });

  it('of a first line that is empty is known too', (t) => {
    const path = new LogDirectory(t).write('audit.log', '\nsecond\n');
    assert.equal(headOf(plain(path)).fingerprint, hashOf(''));
  });

  it('begins behind a hole of NULs, however long', (t) => {
    const directory = new LogDirectory(t);
    for (const hole of [1, 256 * 1024 - 1, 256 * 1024, 600_000]) {
      const content = `${'\0'.repeat(hole)}${FIRST}\n`;
      const expected = { fingerprint: hashOf(FIRST), start: hole };
      for (const head of [
        plain(directory.write('audit.log', content)),
        gz(directory.write('audit.log.gz', gzipSync(content))),
      ]) {
        const { fingerprint, start } = headOf(head);
        assert.deepEqual({ fingerprint, start }, expected);
      }
    }
  });

  it('of nothing but NULs is incomplete', (t) => {
    const path = new LogDirectory(t).write('audit.log', '\0'.repeat(300_000));
    assert.equal(plain(path), 'incomplete');
    assert.equal(plain(path, true), 'incomplete');
  });

  it('is the same plain and compressed, whatever the file holds', (t) => {
    const directory = new LogDirectory(t);
    const bytes = fc.uint8Array({ maxLength: 300 });
    const content = fc
      .tuple(fc.nat({ max: 3 }), bytes, bytes)
      .map(([nuls, first, rest]) => Buffer.concat([Buffer.alloc(nuls), first, NEWLINE, rest]));
    fc.assert(
      fc.property(content, (text) => {
        const head = plain(directory.write('audit.log', text));
        assert.deepEqual(gz(directory.write('audit.log.gz', gzipSync(text))), head);
      }),
    );
  });
});

describe('the head of a gzip file', () => {
  it('of a line without newline is known, since nothing will follow', (t) => {
    const path = new LogDirectory(t).write('audit.log.gz', gzipSync(FIRST));
    assert.equal(headOf(gz(path)).fingerprint, hashOf(FIRST));
  });

  it('is the right one or incomplete at every length, as the file is written', (t) => {
    const directory = new LogDirectory(t);
    const content = `${FIRST}\nsecond\n`;
    const compressed = gzipSync(content);
    const found = new Set<string>();
    for (let length = 0; length <= compressed.length; length++) {
      const head = gz(directory.write('audit.log.gz', compressed.subarray(0, length)));
      found.add(typeof head === 'string' ? head : head.fingerprint);
    }
    assert.deepEqual(found, new Set(['incomplete', hashOf(FIRST)]));
  });

  it('is found although the first line needs more than the first read', (t) => {
    const directory = new LogDirectory(t);
    const line = incompressible(60_000);
    const path = directory.write('audit.log.gz', gzipSync(`${line}\nsecond\n`));
    assert.equal(headOf(gz(path)).fingerprint, hashOf(line));
  });

  it('of a file that is no gzip is damaged, of an empty one incomplete', (t) => {
    const directory = new LogDirectory(t);
    assert.equal(gz(directory.write('audit.log.gz', `${FIRST}\n`.repeat(10))), 'damaged');
    assert.equal(gz(directory.write('nul.gz', '\0'.repeat(5000))), 'damaged');
    assert.equal(gz(directory.write('empty.gz', '')), 'incomplete');
    assert.equal(gz(directory.write('nothing.gz', gzipSync(''))), 'incomplete');
  });

  it('does not see damage far behind the first line', (t) => {
    const directory = new LogDirectory(t);
    const compressed = gzipSync(`${FIRST}\n${incompressible(10_000)}\n`);
    compressed.fill(0xff, compressed.length - 100);
    const path = directory.write('audit.log.gz', compressed);
    assert.equal(headOf(gz(path)).fingerprint, hashOf(FIRST));
  });
});

describe('whether a file still begins as it did', () => {
  it('holds while it grows, not when it is rewritten, cut, or has become a hole', (t) => {
    const directory = new LogDirectory(t);
    const path = directory.write('audit.log', `${FIRST}\n`);
    const fd = open(t, path);
    const head = headOf(readHead(fd, false));
    assert.equal(headUnchanged(fd, head), true);
    directory.append('audit.log', 'second\n');
    assert.equal(headUnchanged(fd, head), true);
    for (const content of [`${FIRST}2\n`, `${FIRST.replace('1', '2')}\n`, `\0\0${FIRST}\n`, '']) {
      writeFileSync(path, content);
      assert.equal(headUnchanged(fd, head), false, content);
    }
  });

  it('sees a cut in the first line and looks behind a hole', (t) => {
    const directory = new LogDirectory(t);
    const path = directory.write('audit.log', `\0\0\0${FIRST}\nsecond\n`);
    const fd = open(t, path);
    const head = headOf(readHead(fd, false));
    assert.equal(headUnchanged(fd, head), true);
    truncateSync(path, 3 + FIRST.length);
    assert.equal(headUnchanged(fd, head), false);
  });
});

describe('the content size of a gzip file', () => {
  it('is what its trailer says, undefined while it cannot have one', (t) => {
    const directory = new LogDirectory(t);
    const compressed = gzipSync('x'.repeat(12_345));
    assert.equal(withFile(directory.write('whole.gz', compressed), gzContentSize), 12_345);
    const cut = directory.write('cut.gz', compressed.subarray(0, 17));
    assert.equal(withFile(cut, gzContentSize), undefined);
  });
});
