/** A line that comes in parts, and its file that is copied, cut or deleted between two of them. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  ACTIVE,
  backup,
  LATER_MS,
  readAll,
  rotate,
  scanAll,
  watched,
} from '../support/hand-driven.ts';
import type { LogDirectory } from '../support/log-directory.ts';

const PART_BYTES = 16;
const FIRST = 'first line\n';
const LONG = `${'0123456789'.repeat(10)}\n`;
const CONTENT = `${FIRST}${LONG}b\n`;

/** Reads until one part of the long line was read; then something happens; then reads the rest. */
async function readAround(t: TestContext, happens: (directory: LogDirectory) => void) {
  const files = { [ACTIVE]: CONTENT };
  const { directory, set, parts } = watched(t, { files, options: { maxEventBytes: PART_BYTES } });
  let hasHappened = false;
  const blocks = await readAll(set, 0, () => {
    const isInside = [...set.views()].some(
      ({ position }) => position === FIRST.length + PART_BYTES,
    );
    if (hasHappened || !isInside) return;
    hasHappened = true;
    happens(directory);
  });
  assert.ok(hasHappened);
  return { set, parts, blocks };
}

const LONG_PARTS = LONG.match(/.{1,16}\n?/g) ?? [];

describe('a line in parts', () => {
  it('goes on in the copy that copytruncate has made', async (t) => {
    const { blocks, parts } = await readAround(t, (directory) => {
      directory.copyTruncate(ACTIVE, backup(1));
    });
    assert.deepEqual(blocks, [FIRST, ...LONG_PARTS, 'b\n']);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('goes on when its file is renamed, and when it is deleted', async (t) => {
    for (const happens of [
      (directory: LogDirectory) => rotate(directory, 1, 'c\n'),
      (directory: LogDirectory) => directory.remove(ACTIVE),
    ]) {
      const { blocks, parts } = await readAround(t, happens);
      assert.deepEqual(blocks.slice(0, LONG_PARTS.length + 2), [FIRST, ...LONG_PARTS, 'b\n']);
      assert.deepEqual(parts.observer.losses, []);
    }
  });

  it('is lost from where its file was cut, and the new file begins with a line', async (t) => {
    const { blocks, parts, set } = await readAround(t, (directory) => {
      directory.write(ACTIVE, 'c\n');
    });
    scanAll(set);
    set.concludeMissing(performance.now() + LATER_MS);
    assert.deepEqual(blocks, [FIRST, LONG_PARTS[0]]);
    assert.deepEqual(await readAll(set), ['c\n']);
    assert.deepEqual(
      parts.observer.losses.map(({ start, end, reason }) => [start, end, reason]),
      [[FIRST.length + PART_BYTES, CONTENT.length, 'cut']],
    );
  });
});
