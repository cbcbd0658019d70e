/** While a receiver takes nothing, rotation goes on: what it deletes is held, counted, and given up only beyond the limit. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { LogTail } from '../../src/tail/log-tail.ts';
import type { Slot } from '../../src/tail/tail.ts';
import { ACTIVE, backup, rotate } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { FOLLOWING, testParts } from '../support/tail-parts.ts';
import { until } from '../support/until.ts';

test('files are held, and given up, also while the loop waits for room', async (t) => {
  const directory = new LogDirectory(t);
  directory.write(ACTIVE, 'a\n');
  const parts = testParts({ maxDeletedBytes: 4 });
  const reserve = parts.sink.reserve.bind(parts.sink);
  const room = new AbortController();
  Object.assign(parts.sink, {
    isFull: true,
    reserve: async (signal: AbortSignal): Promise<Slot> => {
      if (!room.signal.aborted) await once(room.signal, 'abort');
      return reserve(signal);
    },
  });
  const stop = new AbortController();
  const tail = new LogTail({ directory: directory.path, base: ACTIVE }, [], FOLLOWING, parts);
  const done = tail.run(stop.signal);
  for (const number of [1, 2, 3]) {
    rotate(directory, number, `${String(number).repeat(number)}\n`);
    await until('the new file is held', () => parts.descriptors.held === number + 1);
  }
  for (const number of [1, 2]) directory.remove(backup(number));
  await until('deleted files', () => parts.descriptors.deletedBytes === 4);
  assert.deepEqual(parts.observer.losses, []);
  directory.remove(backup(3));
  await until('a loss', () => parts.observer.losses.length > 0);
  assert.deepEqual(
    parts.observer.losses.map(({ start, end, reason }) => [start, end, reason]),
    [
      [0, 2, 'held_limit'],
      [0, 2, 'held_limit'],
    ],
  );
  parts.sink.isFull = false;
  room.abort();
  await until('the rest', () => parts.sink.text === '22\n333\n');
  stop.abort();
  await done;
  assert.equal(parts.descriptors.held, 0);
});
