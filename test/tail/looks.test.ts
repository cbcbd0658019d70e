/**
 * A busy log is looked at from time to time instead of watched: nothing of it is missed, and the watch is back with
 * anything that looks may be too slow for.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { LogTail } from '../../src/tail/log-tail.ts';
import { ACTIVE, rotate } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { FOLLOWING, testParts } from '../support/tail-parts.ts';
import { until } from '../support/until.ts';

const skip = process.platform !== 'linux' && 'what is watched stands in /proc/self/fdinfo';

/** Whether this process watches the directory: man 5 proc, "inotify wd:1 ino:<hex> …". */
function isWatched(directory: string): boolean {
  const inode = `ino:${statSync(directory).ino.toString(16)} `;
  return readdirSync('/proc/self/fdinfo').some((fd) => {
    return infoOf(fd)
      .split('\n')
      .some((line) => line.startsWith('inotify ') && line.includes(inode));
  });
}

/** The descriptor of the listing itself is closed by now. */
function infoOf(fd: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  } catch {
    return '';
  }
}

/** A log that grows with every look of the test, until it is not watched any more. */
async function startBusy(t: TestContext) {
  const directory = new LogDirectory(t);
  directory.write(ACTIVE, '');
  const parts = testParts({ slabBytes: 256 * 1024 });
  const site = { directory: directory.path, base: ACTIVE };
  const tail = new LogTail(site, [], FOLLOWING, parts);
  const stop = new AbortController();
  const done = tail.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await done;
    assert.equal(parts.descriptors.held, 0, 'every descriptor comes back');
  });
  let written = '';
  const write = (text: string): void => {
    written += text;
    directory.append(ACTIVE, text);
  };
  let number = 0;
  const grow = (): void => write(`${number++}\n`);
  const isDelivered = async (): Promise<void> => {
    await until(`${written.length} bytes`, () => parts.sink.text.length >= written.length);
    assert.equal(parts.sink.text, written);
  };
  const watched = async (): Promise<void> => {
    await until('a watch', () => isWatched(directory.path));
  };
  await watched();
  await until('looks instead of the watch', () => {
    grow();
    return !isWatched(directory.path);
  });
  return { directory, parts, tail, write, grow, isDelivered, watched };
}

describe('a busy log', { skip }, () => {
  it('is read without a watch, and watched again when it is quiet', async (t) => {
    const { directory, tail, grow, isDelivered, watched } = await startBusy(t);
    assert.equal(tail.watchedDirectory, directory.path, 'nobody else need watch it');
    for (let round = 0; round < 5; round++) {
      grow();
      await isDelivered();
      assert.equal(isWatched(directory.path), false);
    }
    await watched();
    grow();
    await isDelivered();
  });

  it('is watched again when it is rotated, and nothing of it is missed', async (t) => {
    const { directory, parts, grow, isDelivered, watched } = await startBusy(t);
    const { filesChanges } = parts.observer;
    grow();
    rotate(directory, 1, '');
    grow();
    // Quiet would bring the watch back, too, but not before all is delivered.
    await until('news of the files', () => parts.observer.filesChanges > filesChanges);
    assert.equal(isWatched(directory.path), true);
    assert.equal(parts.observer.rotations, 1);
    await watched();
    await isDelivered();
  });

  it('is watched again when it is written anew, and has more by then than was read', async (t) => {
    const { directory, parts, grow, isDelivered } = await startBusy(t);
    grow();
    await isDelivered();
    const { filesChanges } = parts.observer;
    const anew = 'another life\n'.repeat(1000);
    assert.ok(anew.length > parts.sink.text.length);
    directory.write(ACTIVE, anew);
    await until('another life', () => parts.sink.text.endsWith(anew));
    assert.ok(parts.observer.filesChanges > filesChanges, 'and it is told');
  });

  it('is watched again when much comes at once', async (t) => {
    const { directory, parts, write, isDelivered } = await startBusy(t);
    let watchedAt = Infinity;
    const before = parts.sink.text.length;
    parts.sink.onDelivered = () => {
      if (isWatched(directory.path)) watchedAt = Math.min(watchedAt, parts.sink.text.length);
    };
    write(`${'x'.repeat(1023)}\n`.repeat(1024));
    await isDelivered();
    assert.ok(watchedAt - before < 1024 * 1024, 'before all of it was read');
  });

  it('is watched again before its reader waits for room', async (t) => {
    const { directory, parts, grow, isDelivered } = await startBusy(t);
    let watchedThen: boolean | undefined;
    const reserve = parts.sink.reserve.bind(parts.sink);
    parts.sink.reserve = (signal) => {
      watchedThen ??= isWatched(directory.path);
      return reserve(signal);
    };
    parts.sink.isFull = true;
    grow();
    await isDelivered();
    assert.equal(watchedThen, true);
  });
});
