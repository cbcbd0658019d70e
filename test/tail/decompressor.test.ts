/** One decompressor serves many files: whatever the last one was, nothing of it comes out of the next. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { Decompressor } from '../../src/tail/decompressor.ts';

/** Longer than one of zlib's pieces, so that a file can be left in the middle. */
const LONG_BYTES = 150_000;

function contentOf(letter: string): Buffer {
  return Buffer.from(`${letter}${Math.random()}`.repeat(LONG_BYTES / 10));
}

interface Case {
  readonly kind: 'whole' | 'cut' | 'damaged' | 'padded' | 'two members' | 'empty' | 'left half-way';
  readonly letter: string;
}

const cases = fc.array(
  fc.record<Case>({
    kind: fc.constantFrom(
      'whole',
      'cut',
      'damaged',
      'padded',
      'two members',
      'empty',
      'left half-way',
    ),
    letter: fc.constantFrom('a', 'b', 'c'),
  }),
  { minLength: 1, maxLength: 12 },
);

function compress(kind: Case['kind'], content: Buffer): Buffer {
  const compressed = gzipSync(content);
  switch (kind) {
    case 'cut':
      return compressed.subarray(0, compressed.length / 2);
    case 'damaged':
      return Buffer.concat([compressed.subarray(0, -8), Buffer.alloc(8, 0xff)]);
    case 'padded':
      return Buffer.concat([compressed, Buffer.alloc(512)]);
    case 'two members':
      return Buffer.concat([compressed, compressed]);
    case 'empty':
      return Buffer.alloc(0);
    case 'whole':
    case 'left half-way':
    default:
      return compressed;
  }
}

/** Everything up to the end, the damage, or the first piece of a file that is left half-way. */
async function decompress(fd: number, halfWay: boolean): Promise<Buffer> {
  const decompressor = Decompressor.of(fd);
  const pieces: Buffer[] = [];
  try {
    for (;;) {
      const piece = await decompressor.next();
      if (piece === undefined) break;
      // What is handed out is the caller's: it must not change when the next piece comes.
      pieces.push(piece);
      if (halfWay) break;
    }
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error, 'only zlib complains');
  } finally {
    decompressor.close();
  }
  return Buffer.concat(pieces);
}

test('a decompressor gives what the file holds, whatever the files before it were', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-decompressor-'));
  const path = join(directory, 'file.gz');
  try {
    await fc.assert(
      fc.asyncProperty(cases, async (files) => {
        for (const { kind, letter } of files) {
          const content = contentOf(letter);
          writeFileSync(path, compress(kind, content));
          const fd = openSync(path, 'r');
          const found = await decompress(fd, kind === 'left half-way').finally(() => closeSync(fd));
          const twice = kind === 'two members' ? Buffer.concat([content, content]) : content;
          assert.ok(twice.subarray(0, found.length).equals(found), `${kind}: another content`);
          if (['whole', 'padded', 'two members'].includes(kind)) {
            assert.equal(found.length, twice.length, kind);
          }
        }
      }),
      { numRuns: 25 },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
