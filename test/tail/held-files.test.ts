/** Descriptors on log files: what is held keeps a deleted file readable, all are counted, and there is a limit. */
import assert from 'node:assert/strict';
import { fstatSync, mkdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Descriptors } from '../../src/tail/descriptors.ts';
import { Harvester } from '../../src/tail/generation.ts';
import {
  ACTIVE,
  backup,
  LATER_MS,
  readAll,
  rotate,
  scanAll,
  watched,
} from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { asStranger } from '../support/stranger.ts';
import { FOLLOWING, type TestParts } from '../support/tail-parts.ts';
import { BufferSlab } from '../support/slabs.ts';

function codesOf({ problems }: TestParts): readonly string[] {
  return problems.list().map(({ code }) => code);
}

const ONCE = { follow: false, remembers: false };
const MAX_HELD = 5;
const NUMBERS = Array.from({ length: 20 }, (_, index) => index);
const BACKLOG = {
  ...Object.fromEntries(NUMBERS.map((number) => [backup(number), `${number}\n`])),
  [ACTIVE]: 'last\n',
};

describe('Descriptors', () => {
  it('count what is open, and say when the limit is reached, which does not keep from opening', (t) => {
    const path = new LogDirectory(t).write(ACTIVE, 'a\n');
    const descriptors = new Descriptors({ limit: 2 });
    const open = [descriptors.open(path), descriptors.open(path)];
    assert.equal(descriptors.full, true);
    open.push(descriptors.open(path));
    assert.equal(descriptors.held, 3);
    for (const { fd } of open) descriptors.close(fd);
    assert.equal(descriptors.held, 0);
    assert.equal(descriptors.full, false);
  });

  it('count nothing when a file cannot be opened', (t) => {
    const descriptors = new Descriptors({ limit: 2 });
    const path = new LogDirectory(t).file('missing');
    assert.throws(() => descriptors.open(path), { code: 'ENOENT' });
    assert.equal(descriptors.held, 0);
  });
});

describe('a harvester', () => {
  it('that is released while it reads closes when the read is over', async (t) => {
    const path = new LogDirectory(t).write(ACTIVE, 'a\n');
    const descriptors = new Descriptors({ limit: 2 });
    const { fd, stats } = descriptors.open(path);
    const file = { fd, dev: stats.dev, ino: stats.ino, gz: false };
    const harvester = new Harvester(file, FOLLOWING, descriptors);
    const reading = harvester.read(new BufferSlab(10), 0, false);
    harvester.release();
    harvester.release();
    assert.equal(harvester.isReleased, true);
    assert.equal(descriptors.held, 1, 'the descriptor may be in use');
    const result = await reading;
    assert.equal(result.kind, 'block');
    assert.equal(descriptors.held, 0);
    assert.throws(() => fstatSync(fd), { code: 'EBADF' });
  });
});

describe('held files (invariant 8)', () => {
  it('are no more than the limit, however long the backlog, and all is read in order', async (t) => {
    for (const options of [{}, ONCE]) {
      const { set, parts } = watched(t, { files: BACKLOG, maxHeld: MAX_HELD, options });
      const { held } = parts.descriptors;
      assert.ok(held <= MAX_HELD + 1, `${held} after the scan: the active file is always held`);
      let most = 0;
      const blocks = await readAll(set, 0, () => (most = Math.max(most, parts.descriptors.held)));
      assert.deepEqual(blocks, [...NUMBERS.map((number) => `${number}\n`), 'last\n']);
      // The one that is read may come on top, and so may the active file.
      assert.ok(most <= MAX_HELD + 2, `${most} while reading`);
    }
  });

  it('are the oldest unread ones, which are deleted first, and the active one', async (t) => {
    const { directory, set, parts } = watched(t, { files: BACKLOG, maxHeld: MAX_HELD });
    for (const number of NUMBERS) directory.remove(backup(number));
    const blocks = await readAll(set);
    const expected = NUMBERS.slice(0, blocks.length - 1).map((number) => `${number}\n`);
    assert.deepEqual(blocks, [...expected, 'last\n']);
    assert.ok(blocks.length >= MAX_HELD - 1, `${blocks.length} of ${MAX_HELD}`);
    assert.ok(parts.descriptors.held >= 1);
  });

  it('stay readable when they are renamed and deleted, until they were read to the end', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.append(ACTIVE, 'a2\n');
    rotate(directory, 1, 'b1\n');
    directory.remove(backup(1));
    scanAll(set);
    set.releaseIdle(performance.now() + LATER_MS);
    assert.deepEqual(await readAll(set), ['a2\n', 'b1\n']);
    assert.equal(parts.descriptors.held, 2);
    set.releaseIdle(performance.now() + LATER_MS);
    assert.equal(parts.descriptors.held, 1, 'only the active file');
    assert.deepEqual(
      [...set.views()].map(({ path }) => path),
      [directory.file(ACTIVE)],
    );
  });

  it('stay readable when they are deleted with half a line at their end', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a1\na2' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.remove(ACTIVE);
    directory.write(ACTIVE, 'b1\n');
    scanAll(set);
    set.releaseIdle(performance.now() + LATER_MS);
    assert.deepEqual(await readAll(set, LATER_MS), ['a2', 'b1\n']);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('are kept for a while after their end, for an older writer', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    rotate(directory, 1);
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a1\n']);
    set.releaseIdle(performance.now());
    assert.equal(parts.descriptors.held, 2);
    directory.append(backup(1), 'a2\n');
    directory.remove(backup(1));
    assert.deepEqual(await readAll(set), ['a2\n']);
  });

  it('are closed at once when everything is read once', async (t) => {
    const { set, parts } = watched(t, { files: BACKLOG, options: ONCE });
    await readAll(set);
    assert.ok(parts.descriptors.held <= 1, 'at most the active file');
  });

  it('are only files: a directory with the name of a backup is left alone', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    mkdirSync(directory.file(backup(1)));
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a1\n']);
  });
});

describe('a file that cannot be read', () => {
  it('is said once, tried again, and said to be over', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'b\n' } });
    directory.write(backup(1), 'a\n');
    directory.hide(backup(1));
    for (let look = 0; look < 3; look++) asStranger(() => scanAll(set, true));
    assert.deepEqual(await readAll(set), ['b\n']);
    assert.deepEqual(codesOf(parts), ['EACCES']);
    assert.equal(parts.log.messages('warn').length, 1);
    directory.show(backup(1));
    asStranger(() => scanAll(set));
    assert.deepEqual(parts.problems.list(), []);
    assert.deepEqual(await readAll(set), ['a\n']);
  });

  it('is said again when it could be read in between', (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'b\n' } });
    directory.write('audit.log.1', 'a\n');
    for (const round of [1, 2]) {
      directory.hide('audit.log.1');
      directory.append('audit.log.1', 'more\n');
      asStranger(() => scanAll(set, true));
      assert.equal(parts.log.messages('warn').length, round);
      directory.show('audit.log.1');
      asStranger(() => scanAll(set, true));
      set.releaseAll();
    }
  });

  it('is no problem any more when it is gone', (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'b\n' } });
    directory.write(backup(1), 'a\n');
    directory.hide(backup(1));
    asStranger(() => scanAll(set));
    assert.equal(parts.problems.list().length, 1);
    directory.remove(backup(1));
    asStranger(() => scanAll(set));
    assert.deepEqual(parts.problems.list(), []);
  });

  it('may be any that logrotate has moved there since', async (t) => {
    const { directory, set, parts } = watched(t, {
      files: { [ACTIVE]: 'c\n', 'audit.log.1': 'b\n' },
    });
    assert.deepEqual(await readAll(set), ['b\n', 'c\n']);
    set.releaseIdle(performance.now() + LATER_MS);
    directory.write('audit.log.2', 'a\n');
    directory.hide('audit.log.2');
    asStranger(() => scanAll(set));
    directory.remove('audit.log.2');
    directory.rename('audit.log.1', 'audit.log.2');
    directory.hide('audit.log.2');
    asStranger(() => scanAll(set));
    set.concludeMissing(performance.now() + LATER_MS);
    assert.deepEqual(codesOf(parts), ['EACCES']);
    directory.show('audit.log.2');
    scanAll(set);
    assert.deepEqual(await readAll(set), [], 'it was read before');
  });

  it('that was identified before does not stop the younger ones, and is read when it can be', async (t) => {
    const files = { [backup(1)]: 'a\n', [backup(2)]: 'b\n', [ACTIVE]: 'c\n' };
    const { directory, set, parts } = watched(t, { files, maxHeld: 1 });
    directory.hide(backup(2));
    const first = set.nextUnread(performance.now());
    assert.ok(first !== undefined);
    set.advance(first, first.contentBytes());
    const second = set.nextUnread(performance.now());
    assert.ok(second !== undefined);
    const harvester = asStranger(() => set.hold(second));
    assert.equal(harvester, undefined);
    assert.deepEqual(codesOf(parts), ['EACCES']);
    assert.deepEqual(await readAll(set), ['c\n']);
    assert.ok(set.nextDeadline(performance.now()) < performance.now() + LATER_MS, 'tried again');
    directory.show(backup(2));
    assert.deepEqual(await readAll(set, LATER_MS), ['b\n']);
    assert.deepEqual(parts.problems.list(), []);
  });
});
