/** The generations of one log on a real disk: rotated, compressed, copied and cut, each read once and in order. */
import assert from 'node:assert/strict';
import { linkSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  ACTIVE,
  backup,
  checkpoint,
  LATER_MS,
  readAll,
  rotate,
  scanAll,
  watched,
} from '../support/hand-driven.ts';

const LONG_AGO = new Date(2026, 0, 1);

describe('generations of one log', () => {
  it('are read oldest first, plain or compressed, the active file last', async (t) => {
    const { set } = watched(t, {
      files: {
        [ACTIVE]: 'e\n',
        [`${backup(3)}.gz`]: gzipSync('c\n'),
        [backup(4)]: 'd\n',
        [backup(2)]: 'b\n',
        [`${backup(1)}.gz`]: gzipSync('a\n'),
      },
    });
    assert.deepEqual(await readAll(set), ['a\n', 'b\n', 'c\n', 'd\n', 'e\n']);
  });

  it('of logrotate are read by falling number', async (t) => {
    const { set } = watched(t, {
      files: {
        [ACTIVE]: 'd\n',
        'audit.log.1': 'c\n',
        'audit.log.2.gz': gzipSync('b\n'),
        'audit.log.10.gz': gzipSync('a\n'),
      },
    });
    assert.deepEqual(await readAll(set), ['a\n', 'b\n', 'c\n', 'd\n']);
  });

  it('that follow each other while nobody looks are read in order, before the active one', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a\n' } });
    for (const [index, content] of ['b\n', 'c\n', 'd\n'].entries())
      rotate(directory, index, content);
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a\n', 'b\n', 'c\n', 'd\n']);
    assert.equal(parts.observer.rotations, 3);
  });

  for (const [what, isDeleted] of [
    ['that are too many for one look are read in order all the same', false],
    [
      'that are too many for one look are read in order also when the first is deleted already',
      true,
    ],
  ] as const) {
    it(what, async (t) => {
      const { directory, set } = watched(t, { files: { [ACTIVE]: '0\n' } });
      const numbers = Array.from({ length: 200 }, (_, index) => index + 1);
      for (const number of numbers) rotate(directory, number, `${number}\n`);
      if (isDeleted) directory.remove(backup(1));
      set.scan(false);
      assert.equal(set.complete, false, 'more files than one look may take');
      const blocks = await readAll(set);
      for (let steps = 0; !set.complete && steps < numbers.length; steps++) {
        set.scanOn();
        blocks.push(...(await readAll(set)));
      }
      assert.deepEqual(blocks.map(Number), [0, ...numbers]);
    });
  }

  for (const known of [false, true]) {
    const what = known ? 'of which a checkpoint knows' : 'of which nobody knows';
    it(`wait for the older ones of a first look that is not over: the active one, ${what}, rotated and deleted`, async (t) => {
      const names = Array.from({ length: 300 }, (_, index) => index);
      const { directory, set } = watched(t, {
        remembered: (place) => {
          place.write(ACTIVE, 'newest\n');
          const remembered = known ? [checkpoint(place, ACTIVE, 0)] : [];
          place.remove(ACTIVE);
          return remembered;
        },
      });
      for (const name of names) directory.write(backup(name), `${name}\n`);
      directory.write(ACTIVE, 'newest\n');
      set.scan(false);
      assert.equal(set.complete, false);
      // lumberjack compresses the youngest backup first.
      rotate(directory, names.length, 'now\n');
      directory.remove(backup(names.length));
      set.scan(false);
      assert.equal(set.complete, false);
      const blocks = await readAll(set);
      scanAll(set);
      blocks.push(...(await readAll(set)));
      assert.deepEqual(blocks, [...names.map((name) => `${name}\n`), 'newest\n', 'now\n']);
    });
  }

  it('have their numbers of bytes, places and positions in the views', async (t) => {
    const { directory, set } = watched(t, { files: { [backup(1)]: 'a\n', [ACTIVE]: 'bb\n' } });
    await readAll(set);
    const views = [...set.views()].map(({ path, size, position, present }) => ({
      path,
      size,
      position,
      present,
    }));
    assert.deepEqual(views, [
      { path: directory.file(backup(1)), size: 2, position: 2, present: true },
      { path: directory.file(ACTIVE), size: 3, position: 3, present: true },
    ]);
  });
});

describe('one generation under many names (invariant 6)', () => {
  it('is read once when it is renamed between two reads', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.append(ACTIVE, 'a2\n');
    rotate(directory, 1, 'b1\n');
    directory.append(backup(1), 'a3\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a2\na3\n', 'b1\n']);
    assert.equal(parts.observer.rotations, 1);
  });

  it('is read once when it is compressed while it is read, or after', async (t) => {
    const { directory, set } = watched(t, { files: { [backup(1)]: 'a\n', [ACTIVE]: 'b\n' } });
    directory.write(`${backup(1)}.gz`, gzipSync('a\n').subarray(0, 12));
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a\n', 'b\n']);
    directory.gzip(backup(1));
    for (const full of [false, true]) {
      scanAll(set, full);
      set.releaseIdle(performance.now() + LATER_MS);
      assert.deepEqual(await readAll(set), []);
    }
    assert.deepEqual(
      [...set.views()].map(({ present }) => present),
      [true, true],
    );
  });

  it('goes on where the checkpoint stands after it was renamed or compressed while nobody was there', async (t) => {
    for (const compressed of [false, true]) {
      const { set } = watched(t, {
        files: { [ACTIVE]: 'a1\na2\n' },
        remembered: (directory) => {
          const remembered = checkpoint(directory, ACTIVE, 3);
          rotate(directory, 1, 'b1\n');
          if (compressed) directory.gzip(backup(1));
          return [remembered];
        },
      });
      assert.deepEqual(await readAll(set), ['a2\n', 'b1\n']);
    }
  });

  it('is not read again when it was read to its end before it was renamed and compressed', async (t) => {
    const { set } = watched(t, {
      files: { [ACTIVE]: 'a1\na2\n' },
      remembered: (directory) => {
        const remembered = checkpoint(directory, ACTIVE, 6);
        rotate(directory, 1, 'b1\n');
        directory.gzip(backup(1));
        return [remembered];
      },
    });
    assert.deepEqual(await readAll(set), ['b1\n']);
  });

  it('counts once under several links, and beside a symbolic one', async (t) => {
    const { directory, set } = watched(t, { files: { [backup(1)]: 'a\n', [ACTIVE]: 'b\n' } });
    linkSync(directory.file(backup(1)), directory.file(backup(2)));
    symlinkSync(directory.file(backup(1)), directory.file(backup(3)));
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a\n', 'b\n']);
    scanAll(set, true);
    assert.deepEqual(await readAll(set), []);
  });

  it('goes on in the copy of a copytruncate, and a new one begins in the cut file', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.append(ACTIVE, 'a2\n');
    directory.copyTruncate(ACTIVE, 'audit.log.1');
    directory.append(ACTIVE, 'b1\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a2\n', 'b1\n']);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('goes on in the copy, also when all of it was compressed before anybody looked', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.append(ACTIVE, 'a2\n');
    directory.copyTruncate(ACTIVE, backup(1));
    directory.append(ACTIVE, 'b1 is longer than what was read\n');
    rotate(directory, 2, 'c1\n');
    directory.gzip(backup(1));
    directory.gzip(backup(2));
    scanAll(set);
    assert.deepEqual((await readAll(set)).join(''), 'a2\nb1 is longer than what was read\nc1\n');
  });

  it('is not a second one while its copy is being made', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\na2\n' } });
    directory.write('audit.log.1', 'a1');
    scanAll(set);
    directory.write('audit.log.1', 'a1\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a1\na2\n']);
    directory.write('audit.log.1', 'a1\na2\n');
    truncateSync(directory.file(ACTIVE));
    scanAll(set);
    assert.deepEqual(await readAll(set), []);
    assert.equal([...set.views()].length, 1);
  });
});

describe('another life of a file (invariant 7)', () => {
  it('begins when the file is cut and written anew', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\na2\n' } });
    assert.deepEqual(await readAll(set), ['a1\na2\n']);
    directory.write(ACTIVE, 'b1\n');
    assert.equal(set.activeChanged(), true);
    scanAll(set);
    assert.deepEqual(await readAll(set), ['b1\n']);
  });

  it('begins when the new content is longer than what was read of the old', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    directory.write(ACTIVE, 'b1\nb2\nb3\n');
    assert.equal(set.activeChanged(), true);
    assert.deepEqual(await readAll(set), ['b1\nb2\nb3\n']);
  });

  it('begins when the file is cut below what was read and still begins alike', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\na2\n' } });
    assert.deepEqual(await readAll(set), ['a1\na2\n']);
    truncateSync(directory.file(ACTIVE), 3);
    assert.equal(set.activeChanged(), true);
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a1\n']);
  });

  it('begins behind the hole that a writer leaves which did not notice the cut', async (t) => {
    const { directory, set, parts } = watched(t, { files: { [ACTIVE]: 'a1\na2\n' } });
    assert.deepEqual(await readAll(set), ['a1\na2\n']);
    directory.write(ACTIVE, '\0\0\0\0\0\0b1\n');
    assert.equal(set.activeChanged(), true);
    scanAll(set);
    assert.deepEqual(await readAll(set), ['b1\n']);
    const holes = parts.sink.skipped.map(({ start, end }) => [start, end]);
    assert.deepEqual(holes, [[0, 6]]);
  });

  it('begins when the checkpointed inode has another first line', async (t) => {
    const { set } = watched(t, {
      files: { [ACTIVE]: 'a1\na2\n' },
      remembered: (directory) => {
        const remembered = checkpoint(directory, ACTIVE, 3);
        writeFileSync(directory.file(ACTIVE), 'b1\nb2\n');
        assert.equal(statSync(directory.file(ACTIVE)).ino, remembered.ino);
        return [remembered];
      },
    });
    assert.deepEqual(await readAll(set), ['b1\nb2\n']);
  });

  it('begins when the file is deleted and made again', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\n' } });
    directory.append(ACTIVE, 'a2\n');
    directory.remove(ACTIVE);
    directory.write(ACTIVE, 'b1\n');
    assert.equal(set.activeChanged(), true);
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a1\na2\n', 'b1\n']);
  });
});

describe('a line without its newline', () => {
  it('is waited for in the active file, and read when it is whole', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\na2' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    assert.deepEqual(await readAll(set, LATER_MS), [], 'the active file does not end');
    directory.append(ACTIVE, '2\n');
    assert.deepEqual(await readAll(set), ['a22\n']);
  });

  it('at the end of a backup holds back the younger ones for a while, and then is a line', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\na2' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    rotate(directory, 1, 'b1\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), []);
    assert.ok(set.nextDeadline(performance.now()) < performance.now() + LATER_MS);
    assert.deepEqual(await readAll(set, LATER_MS), ['a2', 'b1\n']);
  });

  it('that is completed by an older writer after the rename is read whole, and first', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1\na2' } });
    assert.deepEqual(await readAll(set), ['a1\n']);
    rotate(directory, 1, 'b1\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), []);
    directory.append(backup(1), '2\n');
    assert.deepEqual(await readAll(set), ['a22\n', 'b1\n']);
  });

  it('is all that a backup has: it is read when the backup is old', async (t) => {
    const files = { [backup(1)]: 'a1', [ACTIVE]: 'b1\n' };
    const { directory, set } = watched(t, { files });
    utimesSync(directory.file(backup(1)), LONG_AGO, LONG_AGO);
    scanAll(set, true);
    assert.deepEqual((await readAll(set, LATER_MS)).toSorted(), ['a1', 'b1\n']);
  });

  it('at the very end is a line when everything is read once and nothing is remembered', async (t) => {
    const once = { follow: false, remembers: false };
    const files = { [backup(1)]: 'a1', [ACTIVE]: 'b1' };
    assert.deepEqual(await readAll(watched(t, { files, options: once }).set), ['a1', 'b1']);
    const next = { follow: false, remembers: true };
    assert.deepEqual(
      await readAll(watched(t, { files, options: next }).set),
      ['a1'],
      'left for the next run',
    );
  });
});

describe('a damaged gzip file', () => {
  it('that is cut short gives what it holds, and that is said once', async (t) => {
    const content = Array.from({ length: 2000 }, (_, line) => `line ${line * 7919}\n`).join('');
    const compressed = gzipSync(content);
    const { set, parts } = watched(t, {
      files: {
        [`${backup(1)}.gz`]: compressed.subarray(0, compressed.length - 1000),
        [ACTIVE]: 'b\n',
      },
    });
    const blocks = await readAll(set);
    assert.equal(blocks.pop(), 'b\n');
    const given = blocks.join('');
    assert.ok(content.startsWith(given) && given.length > 1000, `${given.length} bytes`);
    for (const full of [false, true]) {
      scanAll(set, full);
      assert.deepEqual(await readAll(set), []);
    }
    assert.equal(parts.log.messages('error').length, 1);
  });

  it('that is no gzip is said once, and does not stand in the way', async (t) => {
    const { set, parts } = watched(t, {
      files: { [`${backup(1)}.gz`]: 'x'.repeat(100), [ACTIVE]: 'b\n' },
    });
    assert.deepEqual(await readAll(set), ['b\n']);
    scanAll(set, true);
    assert.deepEqual(
      parts.problems.list().map(({ code }) => code),
      ['DAMAGED_GZIP'],
    );
    assert.equal(parts.log.messages('warn').length, 1);
  });
});
