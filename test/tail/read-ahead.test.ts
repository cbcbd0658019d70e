/** A block is handed on while the next one is read: never late, never twice, and never at the price of a place. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Window, type Place } from '../../src/deliver/window.ts';
import type { Block } from '../../src/event/block.ts';
import { LogTail } from '../../src/tail/log-tail.ts';
import type { LogTailOptions } from '../../src/tail/tail.ts';
import { ACTIVE } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { makeBufferSlab } from '../support/slabs.ts';
import { FOLLOWING, testParts } from '../support/tail-parts.ts';
import { until } from '../support/until.ts';

const LINES = Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join('');
const ONCE: LogTailOptions = { ...FOLLOWING, follow: false };

/** A tail in front of a window with so many places; a place is free again a while after its block came. */
function setUp(t: TestContext, content: string, places: number, options = ONCE) {
  const directory = new LogDirectory(t);
  directory.write(ACTIVE, content);
  const window = new Window({ places, slabBytes: 64, makeSlab: makeBufferSlab });
  const parts = testParts();
  const texts: string[] = [];
  const usedPlaces: number[] = [];
  const sink = Object.assign(parts.sink, {
    reserve: async (signal: AbortSignal) => window.reserve(signal),
    accept: ({ bytes }: Block, place: Place) => {
      texts.push(bytes.toString());
      usedPlaces.push(window.used);
      setTimeout(() => place.release(), 1);
    },
  });
  Object.defineProperty(sink, 'isFull', { get: () => window.isFull });
  const tail = new LogTail({ directory: directory.path, base: ACTIVE }, [], options, parts);
  return { tail, window, texts, usedPlaces, parts };
}

test('the next block is being read when one is handed on', async (t) => {
  const { tail, texts, usedPlaces } = setUp(t, LINES, 100);
  await tail.run(new AbortController().signal);
  assert.equal(texts.join(''), LINES);
  const [first = 0, second = 0] = usedPlaces;
  assert.ok(first >= 2 && second >= 2, 'its place is taken already');
});

test('a single place is enough', async (t) => {
  const { tail, texts, window } = setUp(t, LINES, 1);
  await tail.run(new AbortController().signal);
  assert.equal(texts.join(''), LINES);
  await until('the last place', () => window.used === 0);
});

test('what was read is handed on when reading ends', async (t) => {
  const { tail, texts } = setUp(t, LINES, 100, FOLLOWING);
  const stop = new AbortController();
  const done = tail.run(stop.signal);
  await until('all blocks', () => texts.join('').length === LINES.length);
  stop.abort();
  await done;
  assert.equal(texts.join(''), LINES);
});

test('waiting for memory for a long line ends quietly with reading', async (t) => {
  const { tail, window, texts, parts } = setUp(t, `${'x'.repeat(500)}\n`, 5);
  const stop = new AbortController();
  const others = await Promise.all([window.reserve(stop.signal), window.reserve(stop.signal)]);
  await Promise.all(others.map((place) => place.enlarge(200)));
  const done = tail.run(stop.signal);
  await until('the tail waits', () => window.used === 3);
  stop.abort();
  await done;
  assert.deepEqual(texts, []);
  assert.equal(window.used, 2, 'its place came back');
  assert.deepEqual(
    parts.log.entries.filter(({ level }) => level !== 'info'),
    [],
  );
});
