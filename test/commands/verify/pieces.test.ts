/**
 * A file taken apart: the pieces are those that shipping gives an id, whatever stands in the lines.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { FileWalker, type Piece, type Walk } from '../../../src/commands/verify/pieces.ts';
import { JsonWriter } from '../../../src/event/json-writer.ts';
import { Shipper } from '../../../src/event/shipper.ts';
import { BlockTranscoder } from '../../../src/event/transcoder.ts';
import { blockOf, bodyEvent } from '../../support/blocks.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const walker = new FileWalker();

async function walked(
  t: TestContext,
  content: Buffer,
  offset = 0,
  gz = false,
): Promise<Walk & { readonly pieces: readonly Piece[] }> {
  const path = join(temporaryDirectory(t), 'file');
  writeFileSync(path, content);
  const fd = openSync(path, 'r');
  const pieces: Piece[] = [];
  try {
    const walk = await walker.walk(
      { fd, gz },
      offset,
      (piece) => pieces.push(piece),
      () => {},
    );
    return { ...walk, pieces };
  } finally {
    closeSync(fd);
  }
}

/** The offsets in the ids of everything that shipping makes of it. */
function shippedOffsets(content: Buffer): readonly number[] {
  const writer = new JsonWriter(new Shipper({ fields: {}, coordinates: true }));
  const { payload } = new BlockTranscoder(writer).transcode(blockOf(content));
  const lines = Buffer.concat(payload).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const { shipper } = JSON.parse(line) as { readonly shipper: { readonly offset: number } };
    return shipper.offset;
  });
}

const event = bodyEvent('1');
const LINES = fc.constantFrom(
  event,
  ' {"a":1} ',
  `${event}${event}`,
  `${event.slice(0, 300)}${event}`,
  `${event.slice(0, 80)}\0\0\0${event}\0`,
  `\0\0\0${event}`,
  '\0\0\0',
  '',
  ' \t',
  'no event',
  '[1]',
  '{"a":',
);

describe('a file that is taken apart', () => {
  it('has the pieces that shipping gives an id', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(LINES, { maxLength: 8 }), fc.boolean(), async (lines, isEnded) => {
        const content = Buffer.from(lines.join('\n') + (isEnded ? '\n' : ''));
        const { pieces, size } = await walked(t, content);
        assert.equal(size, content.length);
        assert.deepEqual(
          pieces.map(({ start }) => start),
          content.length === 0 ? [] : shippedOffsets(content),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('has them in a gzip file at the same offsets', async (t) => {
    const content = Buffer.from(`${event}\nbad\n${event}\n`);
    const plain = await walked(t, content);
    assert.equal(plain.pieces.length, 3);
    assert.deepEqual(await walked(t, gzipSync(content), 0, true), plain);
  });

  it('tells of damage, and what stands before it', async (t) => {
    const content = Buffer.from(`${event}\n`.repeat(3000));
    const gz = gzipSync(content);
    const middle = Math.floor(gz.length / 2);
    gz.fill(0xff, middle, middle + 100);
    const { isDamaged, size, pieces } = await walked(t, gz, 0, true);
    assert.ok(isDamaged && size < content.length);
    assert.ok(pieces.length < 3000);
  });

  it('knows whether a line ends at an offset', async (t) => {
    const content = Buffer.from('{"a":1}\n{"b":2}\n{"c":3}');
    const ends = [0, 8, 16, 23];
    for (let offset = 0; offset <= content.length; offset++) {
      const { isBoundary } = await walked(t, content, offset);
      assert.equal(isBoundary, ends.includes(offset), `${offset}`);
    }
  });

  it('names a line that is too long once, from end to end', async (t) => {
    const long = `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`;
    const { pieces, size } = await walked(t, Buffer.from(`{"a":1}\n${long}\n{"c":3}\n`));
    const end = 8 + long.length;
    assert.equal(size, end + 9);
    assert.deepEqual(
      pieces.map(({ start, end: last, isLong }) => [start, last, isLong]),
      [
        [0, 7, false],
        [8, end, true],
        [end + 1, end + 8, false],
      ],
    );
  });
});
