/**
 * Fuzzes what reads gzip files: the fingerprint, the look into files whose name says nothing, and the source of
 * blocks. A file gives what zlib gives of it, or that and a DamagedGzipError; nothing else is thrown, nothing waits
 * for ever, and a bad file does not spoil the next one.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import type { Random } from '../../src/commands/simulate/random.ts';
import { gzContentSize, readGzHead } from '../../src/tail/fingerprint.ts';
import { sniff } from '../../src/tail/sniff.ts';
import { DamagedGzipError, gzSource, type ByteSource } from '../../src/tail/source.ts';
import { lineMaterial } from './corpus.ts';
import type { Fuzzer, Reader } from './fuzz.ts';
import { mutated, randomBytes, wordsOf, type Material } from './mutate.ts';

/** Shrinks to a few KB. */
const LARGE_BYTES = 4 * 1024 * 1024;
const EVENTS = 40;
/** A byte of deflate becomes 1,032 at most (zlib.net, "zlib Technical Details"). */
const EXPANSION_MAX = 1032;
const READ_BYTES = [1000, 64 * 1024, 300_000] as const;

export const gz: Fuzzer = {
  name: 'gz',
  cases: 250,
  open: () => new GzReader(),
};

class GzReader implements Reader {
  readonly #directory = mkdtempSync(join(tmpdir(), 'audit-shipper-fuzz-'));
  readonly #path = join(this.#directory, 'audit.log.gz');
  readonly #material = gzMaterial();

  async check(random: Random): Promise<void> {
    const bytes =
      random.below(10) === 0 ? randomBytes(random, 100) : mutated(random, this.#material);
    writeFileSync(this.#path, bytes);
    assertHead(this.#path);
    const readBytes = random.pick(READ_BYTES);
    const { content, damage } = await readWhole(this.#path, readBytes);
    assert.ok(content.length <= EXPANSION_MAX * bytes.length, 'it is no larger than it can be');
    assertAsZlib(bytes, content, damage);
    writeFileSync(this.#path, GOOD);
    const good = await readWhole(this.#path, readBytes);
    assert.ok(good.damage === undefined && good.content.equals(GOOD_CONTENT), 'the next is well');
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }
}

const GOOD_CONTENT = Buffer.from(lineMaterial().corpus.slice(0, EVENTS).join('\n'));
const GOOD = gzipSync(GOOD_CONTENT);

function gzMaterial(): Material {
  const head = (flags: number): Buffer => Buffer.of(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3);
  const body = GOOD.subarray(10);
  const corpus = [
    GOOD,
    gzipSync(GOOD_CONTENT, { level: 0 }),
    gzipSync(GOOD_CONTENT, { level: 9 }),
    gzipSync(''),
    gzipSync('\n'),
    gzipSync(Buffer.alloc(LARGE_BYTES)),
    gzipSync(Buffer.alloc(LARGE_BYTES, 'a')),
    gzipSync(Buffer.alloc(LARGE_BYTES, '\n')),
    Buffer.concat([GOOD, GOOD, gzipSync('{"a":1}\n')]),
    Buffer.concat([GOOD, Buffer.alloc(1000)]),
    Buffer.concat([GOOD, Buffer.from('garbage behind it')]),
    // A name, a comment, an extra field, a checksum of the head.
    Buffer.concat([head(8), Buffer.from('audit.log\0'), body]),
    Buffer.concat([head(16), Buffer.from('said\0'), body]),
    Buffer.concat([head(4), Buffer.of(2, 0, 1, 2), body]),
    Buffer.concat([head(2), Buffer.of(0, 0), body]),
    Buffer.from('not compressed\n'),
  ];
  return { corpus, words: [...wordsOf('\x1f', '\0\0\0\0', '\n'), GOOD.subarray(0, 10), GOOD] };
}

/** Whatever they find, they do not throw. */
function assertHead(path: string): void {
  const fd = openSync(path, 'r');
  try {
    const head = readGzHead(fd);
    if (typeof head === 'object') assert.match(head.fingerprint, /^[0-9a-f]{32}$/);
    else assert.ok(head === 'incomplete' || head === 'damaged');
    const size = gzContentSize(fd);
    assert.ok(size === undefined || (size >= 0 && size < 2 ** 32));
    assert.ok(['audit', 'other', 'unknown'].includes(sniff(path, true)));
  } finally {
    closeSync(fd);
  }
}

interface Whole {
  readonly content: Buffer;
  readonly damage: DamagedGzipError | undefined;
}

async function readWhole(path: string, readBytes: number): Promise<Whole> {
  const fd = openSync(path, 'r');
  const source = gzSource(fd);
  try {
    return await readToEnd(source, readBytes);
  } finally {
    source.close();
    closeSync(fd);
  }
}

async function readToEnd(source: ByteSource, readBytes: number): Promise<Whole> {
  const pieces: Buffer[] = [];
  let position = 0;
  for (;;) {
    const into = Buffer.alloc(readBytes);
    try {
      const length = await source.read(into, position);
      if (length === 0) return { content: Buffer.concat(pieces), damage: undefined };
      pieces.push(into.subarray(0, length));
      position += length;
    } catch (error) {
      assert.ok(error instanceof DamagedGzipError, `it threw ${String(error)}`);
      assert.ok(error.readableBytes >= position, 'what was read is readable');
      return { content: Buffer.concat(pieces), damage: error };
    }
  }
}

/** What a cut file gives is as far as it goes; of a damaged one everything is the beginning of what was meant. */
function assertAsZlib(bytes: Buffer, content: Buffer, damage: DamagedGzipError | undefined): void {
  let expected: Buffer;
  try {
    expected = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    assert.ok(damage !== undefined, 'what zlib does not take is damaged');
    return;
  }
  assert.equal(damage, undefined, 'what zlib takes is not damaged');
  assert.ok(content.equals(expected), 'it gives what zlib gives');
}
