/** Where bytes come from: plain and gzip files read alike, from any offset, and what a damaged gzip still gives. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { DamagedGzipError, gzSource, plainSource, type ByteSource } from '../../src/tail/source.ts';
import { LogDirectory } from '../support/log-directory.ts';

/** Larger than several of the pieces that zlib hands out, and not a multiple of any. */
const CONTENT_BYTES = 300_007;

/** Bytes that gzip can hardly make smaller, the same each time. */
function noise(length: number): Buffer {
  const parts: Buffer[] = [];
  for (let part = 0; part * 32 < length; part++) {
    parts.push(createHash('sha256').update(String(part)).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

function openSource(t: TestContext, content: Uint8Array, kind: 'plain' | 'gz'): ByteSource {
  const directory = new LogDirectory(t);
  const fd = openSync(directory.write('file', content), 'r');
  const source = kind === 'gz' ? gzSource(fd) : plainSource(fd);
  t.after(() => {
    source.close();
    closeSync(fd);
  });
  return source;
}

async function readAt(source: ByteSource, position: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  const bytes = await source.read(into, position);
  assert.ok(
    into.subarray(bytes).every((byte) => byte === 0xee),
    'nothing behind what was read',
  );
  return into.subarray(0, bytes);
}

/** Reads up to the end, or up to the damage, in pieces of `length`. */
async function readAll(source: ByteSource, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let position = 0;
  for (;;) {
    const piece = await readAt(source, position, length);
    if (piece.length === 0) return Buffer.concat(pieces);
    pieces.push(piece);
    position += piece.length;
  }
}

for (const kind of ['plain', 'gz'] as const) {
  const stored = (content: Buffer): Buffer => (kind === 'gz' ? gzipSync(content) : content);

  test(`${kind}: a small file gives what it holds at every offset and length, in any order`, async (t) => {
    const content = noise(29);
    const source = openSource(t, stored(content), kind);
    for (let start = content.length + 1; start >= 0; start--) {
      for (let length = 1; length <= content.length - start + 2; length++) {
        assert.deepEqual(
          await readAt(source, start, length),
          content.subarray(start, start + length),
        );
      }
    }
  });

  test(`${kind}: a large file gives the same bytes at offsets that go forward and back`, async (t) => {
    const content = noise(CONTENT_BYTES);
    const source = openSource(t, stored(content), kind);
    const read = fc.tuple(
      fc.nat({ max: CONTENT_BYTES + 10 }),
      fc.integer({ min: 1, max: 100_000 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(read, { minLength: 1, maxLength: 6 }), async (reads) => {
        for (const [start, length] of reads) {
          const expected = content.subarray(start, start + length);
          assert.ok((await readAt(source, start, length)).equals(expected), `${start}+${length}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  test(`${kind}: a file is read in pieces of any size`, async (t) => {
    const content = noise(CONTENT_BYTES);
    for (const length of [997, 64 * 1024, CONTENT_BYTES + 1]) {
      const source = openSource(t, stored(content), kind);
      assert.ok((await readAll(source, length)).equals(content), `pieces of ${length}`);
    }
  });
}

test('gz: an empty file, and one that holds nothing, give nothing', async (t) => {
  assert.equal((await readAll(openSource(t, Buffer.alloc(0), 'gz'), 10)).length, 0);
  assert.equal((await readAll(openSource(t, gzipSync(''), 'gz'), 10)).length, 0);
});

test('gz: a file of several members gives them all', async (t) => {
  const content = noise(1000);
  const members = Buffer.concat([gzipSync(content), gzipSync(content)]);
  assert.deepEqual(
    await readAll(openSource(t, members, 'gz'), 300),
    Buffer.concat([content, content]),
  );
});

test('gz: a file that is cut short anywhere gives a beginning of what it held', async (t) => {
  const content = noise(40);
  const compressed = gzipSync(content);
  let longest = 0;
  for (let length = 0; length < compressed.length; length++) {
    const found = await readAll(openSource(t, compressed.subarray(0, length), 'gz'), 16);
    assert.deepEqual(found, content.subarray(0, found.length));
    assert.ok(found.length >= longest, 'more of the file gives more of the content');
    longest = found.length;
  }
  assert.equal(longest, content.length);
});

test('gz: nearly everything of a large file that is cut short can be had', async (t) => {
  const content = noise(CONTENT_BYTES);
  const compressed = gzipSync(content);
  const source = openSource(t, compressed.subarray(0, 200_000), 'gz');
  const found = await readAll(source, 10_000);
  assert.ok(found.equals(content.subarray(0, found.length)));
  assert.ok(found.length > 100_000, `${found.length} bytes`);
});

/** Reads until the damage is told, and then what came before it. */
async function readDamaged(
  source: ByteSource,
  length: number,
): Promise<[DamagedGzipError, Buffer]> {
  const pieces: Buffer[] = [];
  let position = 0;
  let damage: DamagedGzipError | undefined;
  for (;;) {
    try {
      const piece = await readAt(source, position, length);
      if (piece.length === 0) break;
      pieces.push(piece);
      position += piece.length;
    } catch (error) {
      assert.ok(error instanceof DamagedGzipError);
      assert.equal(damage, undefined, 'the damage is told once');
      damage = error;
    }
  }
  assert.ok(damage !== undefined);
  return [damage, Buffer.concat(pieces)];
}

test('gz: damage in the middle is told once, and what lies before it can still be read', async (t) => {
  const content = noise(CONTENT_BYTES);
  const compressed = gzipSync(content, { level: 0 });
  compressed.fill(0xff, 250_000, 250_100);
  // Stored blocks hold the bytes as they are: only the checksum at the end tells.
  const checksum = openSource(t, compressed, 'gz');
  const [{ code, readableBytes }, found] = await readDamaged(checksum, 10_000);
  assert.equal(code, 'DAMAGED_GZIP');
  assert.equal(found.length, readableBytes);
  assert.ok(found.subarray(0, 200_000).equals(content.subarray(0, 200_000)));
});

test('gz: a block that makes no sense ends the content there', async (t) => {
  const text = Buffer.from(noise(200_000).toString('hex'));
  const compressed = gzipSync(text);
  compressed.set(noise(10_000), Math.floor(compressed.length / 2));
  const [{ readableBytes }, found] = await readDamaged(openSource(t, compressed, 'gz'), 50_000);
  assert.equal(found.length, readableBytes);
  assert.ok(found.length > 60_000, `${found.length} bytes before the damage`);
  // Only the last piece may hold what zlib made of the damaged bytes.
  const sound = found.length - 64 * 1024;
  assert.ok(found.subarray(0, sound).equals(text.subarray(0, sound)));
});

test('gz: a source that was read to the damage and goes back tells it again', async (t) => {
  const compressed = gzipSync(Buffer.from(noise(200_000).toString('hex')));
  compressed.set(noise(10_000), Math.floor(compressed.length / 2));
  const source = openSource(t, compressed, 'gz');
  const [first] = await readDamaged(source, 50_000);
  const [again] = await readDamaged(source, 50_000);
  // Where a piece of zlib's output happens to begin decides how much comes out before the damage.
  assert.ok(Math.abs(again.readableBytes - first.readableBytes) < 64 * 1024);
});

test('gz: files that are read one after the other, whole or not, do not mix', async (t) => {
  const files = [0, 1, 2, 3].map((number) => noise(100_000 + number).map((byte) => byte ^ number));
  const damaged = gzipSync(files[3] ?? '');
  damaged.set(noise(1000), 50_000);
  const kind = fc.record({
    file: fc.nat({ max: 2 }),
    bytes: fc.constantFrom(0, 10, 99_000, 200_000),
    breaks: fc.boolean(),
  });
  const directory = new LogDirectory(t);
  const paths = files.map((content, number) => directory.write(`${number}.gz`, gzipSync(content)));
  const broken = directory.write('broken.gz', damaged);
  await fc.assert(
    fc.asyncProperty(fc.array(kind, { maxLength: 10 }), async (uses) => {
      for (const { file, bytes, breaks } of uses) {
        const fd = openSync((breaks ? broken : paths[file]) ?? '', 'r');
        const source = gzSource(fd);
        const into = Buffer.alloc(bytes);
        if (breaks) await source.read(into, 0).catch((error: unknown) => error);
        else {
          const count = await source.read(into, 0);
          assert.ok(into.subarray(0, count).equals(files[file]?.subarray(0, bytes) ?? into));
        }
        source.close();
        closeSync(fd);
      }
    }),
    { numRuns: 40 },
  );
});

test('plain: what was appended is read next, and nothing is there behind the end', async (t) => {
  const directory = new LogDirectory(t);
  const fd = openSync(directory.write('audit.log', 'one\n'), 'r');
  t.after(() => closeSync(fd));
  const source = plainSource(fd);
  assert.equal(String(await readAt(source, 0, 10)), 'one\n');
  assert.equal((await readAt(source, 4, 10)).length, 0);
  directory.append('audit.log', 'two\n');
  assert.equal(String(await readAt(source, 4, 10)), 'two\n');
  directory.write('audit.log', '');
  assert.equal((await readAt(source, 8, 10)).length, 0);
  source.close();
});
