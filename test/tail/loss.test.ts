/** What was deleted before it was read is counted, once; what is only out of sight is not called lost. */
import assert from 'node:assert/strict';
import { statSync, truncateSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  ACTIVE,
  backup,
  checkpoint,
  LATER_MS,
  readAll,
  scanAll,
  watched,
  type Watched,
} from '../support/hand-driven.ts';
import type { LossReason, Remembered } from '../../src/tail/tail.ts';
import type { LogDirectory } from '../support/log-directory.ts';
import { asStranger } from '../support/stranger.ts';
import type { TestParts } from '../support/tail-parts.ts';

/** As the loop does when a second has passed. */
function concludeLater({ set }: Watched): void {
  const later = performance.now() + LATER_MS;
  scanAll(set, true);
  set.concludeMissing(later);
  set.releaseIdle(later);
}

interface Lost {
  readonly path: string;
  readonly from: number;
  readonly bytes: number;
  readonly reason: LossReason;
}

function lossesOf({ observer }: TestParts): readonly Lost[] {
  return observer.losses.map(({ path, start, end, reason }) => {
    return { path, from: start, bytes: end - start, reason };
  });
}

/** Room for the active file and one backup: further backups are not held, and can vanish. */
const FEW_HELD = { maxHeld: 2 };
const BACKUPS = { [backup(1)]: 'a\n', [backup(2)]: 'bb\n', [backup(3)]: 'ccc\n', [ACTIVE]: 'd\n' };

describe('a loss', () => {
  it('is reported when an unread generation vanished that could not be held', async (t) => {
    const log = watched(t, { ...FEW_HELD, files: BACKUPS });
    const { directory, set, parts } = log;
    directory.remove(backup(3));
    scanAll(set);
    assert.equal(set.isDue(performance.now()), false, 'a rename may fall between two looks');
    assert.deepEqual(parts.observer.losses, []);
    assert.equal(set.isDue(performance.now() + LATER_MS), true);
    assert.ok(set.nextDeadline(performance.now()) < performance.now() + LATER_MS);
    concludeLater(log);
    const lost = [{ path: directory.file(backup(3)), from: 0, bytes: 4, reason: 'deleted' }];
    assert.deepEqual(lossesOf(parts), lost);
    concludeLater(log);
    assert.deepEqual(lossesOf(parts), lost, 'once');
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'd\n']);
  });

  it('counts from the last byte that was read', async (t) => {
    const log = watched(t, {
      files: { [backup(1)]: 'a1\na2\n', [ACTIVE]: 'b1\n' },
      remembered: (directory) => {
        const remembered = checkpoint(directory, backup(1), 3);
        directory.remove(backup(1));
        return [remembered];
      },
    });
    concludeLater(log);
    const { directory, set, parts } = log;
    const lost = [{ path: directory.file(backup(1)), from: 3, bytes: 3, reason: 'deleted' }];
    assert.deepEqual(lossesOf(parts), lost, 'deleted while nobody was there');
    assert.deepEqual(await readAll(set), ['b1\n']);
  });

  it('is reported when the file is cut before it was read, and nobody made a copy', async (t) => {
    const log = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    const { directory, set, parts } = log;
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.append(ACTIVE, 'a2\n');
    set.lookAgain();
    assert.equal(set.nextUnread(performance.now())?.position, 3, 'seen, and not read');
    truncateSync(directory.file(ACTIVE));
    directory.append(ACTIVE, 'b1\n');
    scanAll(set);
    concludeLater(log);
    assert.deepEqual(await readAll(set), ['b1\n']);
    assert.deepEqual(lossesOf(parts), [
      { path: directory.file(ACTIVE), from: 3, bytes: 3, reason: 'cut' },
    ]);
  });

  it('counts what was seen when the file was to be read on, and was cut at that moment', async (t) => {
    const log = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    const { directory, set, parts } = log;
    const active = set.nextUnread(performance.now());
    assert.ok(active !== undefined);
    directory.append(ACTIVE, 'a2\na3\n');
    const fresh = set.hold(active)?.readFresh(Buffer.alloc(1), 0);
    assert.equal(fresh, undefined, 'more than there is room for');
    truncateSync(directory.file(ACTIVE));
    concludeLater(log);
    assert.deepEqual(await readAll(set), []);
    assert.deepEqual(lossesOf(parts), [
      { path: directory.file(ACTIVE), from: 0, bytes: 9, reason: 'cut' },
    ]);
  });

  it('is reported when the file is cut, written anew and moved away between two looks', async (t) => {
    for (const content of ['b1\n', 'b1 is longer than what was there\n']) {
      const log = watched(t, { files: { [backup(1)]: 'z\n', [ACTIVE]: 'a1\n' } });
      const { directory, set, parts } = log;
      await readAll(set);
      directory.append(ACTIVE, 'a2\n');
      set.lookAgain();
      assert.equal(set.nextUnread(performance.now())?.position, 3, 'seen, and not read');
      directory.write(ACTIVE, content);
      directory.rename(ACTIVE, 'away');
      concludeLater(log);
      assert.deepEqual(await readAll(set), []);
      assert.deepEqual(lossesOf(parts), [
        { path: directory.file(ACTIVE), from: 3, bytes: 3, reason: 'cut' },
      ]);
    }
  });

  it('is reported at the end of reading once', async (t) => {
    const once = { follow: false, remembers: false };
    const { directory, set, parts } = watched(t, { ...FEW_HELD, files: BACKUPS, options: once });
    directory.remove(backup(3));
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'd\n']);
    scanAll(set);
    set.concludeMissing(performance.now());
    assert.deepEqual(lossesOf(parts), [
      { path: directory.file(backup(3)), from: 0, bytes: 4, reason: 'deleted' },
    ]);
  });
});

describe('no loss', () => {
  it('is what comes back within a second, under whatever name', async (t) => {
    const log = watched(t, { ...FEW_HELD, files: BACKUPS });
    const { directory, set, parts } = log;
    directory.rename(backup(3), 'away');
    scanAll(set);
    directory.write(`${backup(3)}.gz`, gzipSync('ccc\n'));
    scanAll(set);
    concludeLater(log);
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'ccc\n', 'd\n']);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('is a generation that was read to its end and then deleted', async (t) => {
    const log = watched(t, { files: BACKUPS });
    const { directory, set, parts } = log;
    await readAll(set);
    directory.remove(backup(1));
    concludeLater(log);
    assert.deepEqual(parts.observer.losses, []);
    assert.equal([...set.views()].length, 3, 'it is forgotten');
  });

  it('is a generation whose file was deleted while it is held', async (t) => {
    const log = watched(t, { files: BACKUPS });
    const { directory, set, parts } = log;
    for (const name of Object.keys(BACKUPS)) directory.remove(name);
    directory.write(ACTIVE, 'e\n');
    concludeLater(log);
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'ccc\n', 'd\n', 'e\n']);
    concludeLater(log);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('is a directory that went away as a whole, or is empty: it may be a mount', async (t) => {
    const log = watched(t, { ...FEW_HELD, files: BACKUPS });
    const { directory, set, parts } = log;
    directory.vanish();
    concludeLater(log);
    assert.deepEqual(
      parts.problems.list().map(({ path, code }) => ({ path, code })),
      [{ path: directory.path, code: 'ENOENT' }],
    );
    directory.makeEmpty();
    concludeLater(log);
    directory.comeBack();
    concludeLater(log);
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'ccc\n', 'd\n']);
    assert.deepEqual(parts.observer.losses, []);
    assert.deepEqual(parts.problems.list(), []);
  });

  it('is a file that cannot be read just now', async (t) => {
    const log = watched(t, { ...FEW_HELD, files: BACKUPS });
    const { directory, set, parts } = log;
    directory.rename(backup(3), backup(4));
    directory.hide(backup(4));
    asStranger(() => concludeLater(log));
    asStranger(() => concludeLater(log));
    assert.deepEqual(parts.observer.losses, [], 'it may be the unreadable one');
    directory.show(backup(4));
    concludeLater(log);
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'ccc\n', 'd\n']);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('is what a log leaves behind that is not there any more', async (t) => {
    const log = watched(t, {
      files: { [backup(1)]: 'a1\na2\n', [ACTIVE]: 'b1\n' },
      remembered: (directory) => {
        const remembered = { ...checkpoint(directory, backup(1), 3), orphan: true };
        directory.remove(backup(1));
        return [remembered];
      },
    });
    concludeLater(log);
    assert.deepEqual(log.parts.observer.losses, []);
  });
});

it('a loss is still found while a broken file stays in the directory', async (t) => {
  const log = watched(t, {
    ...FEW_HELD,
    files: { ...BACKUPS, [`${backup(0)}.gz`]: 'x'.repeat(100) },
  });
  scanAll(log.set, true);
  log.directory.remove(backup(3));
  concludeLater(log);
  concludeLater(log);
  const path = log.directory.file(backup(3));
  assert.deepEqual(lossesOf(log.parts), [{ path, from: 0, bytes: 4, reason: 'deleted' }]);
});

describe('deleted files that are held', () => {
  it('are counted by the room they take on the disk', async (t) => {
    const log = watched(t, { files: BACKUPS });
    const { directory, set, parts } = log;
    directory.remove(backup(1));
    directory.remove(backup(2));
    concludeLater(log);
    assert.equal(parts.descriptors.deletedBytes, 5);
    assert.deepEqual(await readAll(set), ['a\n', 'bb\n', 'ccc\n', 'd\n'], 'nothing is lost');
    concludeLater(log);
    assert.equal(parts.descriptors.deletedBytes, 0, 'read to their end, they are closed');
    assert.deepEqual(lossesOf(parts), []);
  });

  it('are given up when they take too much, the oldest first, and that is a loss', async (t) => {
    const log = watched(t, { files: BACKUPS, maxDeletedBytes: 7 });
    const { directory, set, parts } = log;
    for (const number of [1, 2, 3]) directory.remove(backup(number));
    concludeLater(log);
    const lost = [
      { path: directory.file(backup(1)), from: 0, bytes: 2, reason: 'held_limit' },
    ] as const;
    assert.deepEqual(lossesOf(parts), lost);
    assert.equal(parts.descriptors.deletedBytes, 7);
    concludeLater(log);
    assert.deepEqual(lossesOf(parts), lost, 'once');
    assert.deepEqual(await readAll(set), ['bb\n', 'ccc\n', 'd\n']);
  });

  it('are no more when all is closed', (t) => {
    const log = watched(t, { files: BACKUPS });
    log.directory.remove(backup(1));
    concludeLater(log);
    assert.equal(log.parts.descriptors.deletedBytes, 2);
    log.set.releaseAll();
    assert.equal(log.parts.descriptors.deletedBytes, 0);
  });
});

describe('the time of a loss', () => {
  const untilOf = ({ observer }: TestParts): readonly number[] =>
    observer.losses.map(({ untilMs }) => untilMs);

  it('ends where the file was written to last', (t) => {
    const log = watched(t, { ...FEW_HELD, files: BACKUPS });
    const { mtimeMs } = statSync(log.directory.file(backup(3)));
    log.directory.remove(backup(3));
    concludeLater(log);
    assert.deepEqual(untilOf(log.parts), [mtimeMs]);
  });

  it('ends where the next generation begins, when the active file vanished unseen', (t) => {
    const log = watched(t, {
      files: { [ACTIVE]: '{"t":1}\n' },
      remembered: (directory) => {
        const remembered = { ...checkpoint(directory, ACTIVE, 0), size: 20 };
        directory.write(ACTIVE, '{"t":1234}\n');
        return [remembered];
      },
    });
    concludeLater(log);
    assert.deepEqual(untilOf(log.parts), [1234]);
  });
});

describe('an active file that was deleted while nobody was there', () => {
  const rememberedTo = (offset: number, isMissed = false) => ({
    files: { [ACTIVE]: 'a1\na2\n' },
    remembered: (directory: LogDirectory): readonly Remembered[] => {
      const known = { ...checkpoint(directory, ACTIVE, offset), isMissed };
      directory.remove(ACTIVE);
      directory.write(ACTIVE, 'b1\n');
      return [known];
    },
  });
  const told = ({ parts }: Watched) =>
    parts.observer.losses.map(({ start, end, isAtLeast }) => [start, end, isAtLeast]);

  it('may have grown before: nobody knows how far, and that is told', (t) => {
    const log = watched(t, rememberedTo(6));
    concludeLater(log);
    assert.deepEqual(told(log), [[6, 6, true]]);
    concludeLater(log);
    assert.equal(told(log).length, 1, 'once');
  });

  it('has lost what was seen of it, and maybe more', (t) => {
    const log = watched(t, rememberedTo(3));
    concludeLater(log);
    assert.deepEqual(told(log), [[3, 6, true]]);
  });

  it('is told of once, however often the agent starts', (t) => {
    const log = watched(t, rememberedTo(6, true));
    concludeLater(log);
    assert.deepEqual(told(log), []);
  });

  it('is not missed when it was only renamed', (t) => {
    const log = watched(t, {
      files: { [ACTIVE]: 'a1\na2\n' },
      remembered: (directory) => {
        const known = checkpoint(directory, ACTIVE, 6);
        directory.rename(ACTIVE, backup(1));
        return [known];
      },
    });
    concludeLater(log);
    assert.deepEqual(told(log), []);
  });
});
