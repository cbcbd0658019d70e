/** Where reading begins: at the end, at a time, at a checkpoint, and never twice at the same bytes. */
import assert from 'node:assert/strict';
import { closeSync, openSync, utimesSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { SeenFile } from '../../src/tail/file-set.ts';
import { positionAtEnd } from '../../src/tail/start.ts';
import type { Remembered, StartAt } from '../../src/tail/tail.ts';
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
import { LogDirectory } from '../support/log-directory.ts';

const FROM_END = { from: { kind: 'end' } satisfies StartAt };
const LOOK_BACK_BYTES = 64 * 1024;

describe('the end of a file', () => {
  it('is behind the last newline of the active file, wherever that is', (t) => {
    const directory = new LogDirectory(t);
    const around = fc.integer({ min: LOOK_BACK_BYTES - 2, max: LOOK_BACK_BYTES + 2 });
    const length = fc.oneof(fc.nat({ max: 5 }), around, fc.constant(2 * LOOK_BACK_BYTES));
    fc.assert(
      fc.property(length, length, (before, behind) => {
        const content = `${'x'.repeat(before)}\n${'y'.repeat(behind)}`;
        assert.equal(positionOf(directory, content, true), before + 1);
        assert.equal(positionOf(directory, 'y'.repeat(behind), true), 0, 'no newline at all');
        assert.equal(positionOf(directory, content, false), content.length, 'of a backup');
      }),
      { numRuns: 50 },
    );
  });
});

function positionOf(directory: LogDirectory, content: string, active: boolean): number {
  const path = directory.write(ACTIVE, content);
  const size = content.length;
  const id = { path, backup: undefined, gz: false, dev: 0, ino: 0, mtimeMs: 0 };
  const file: SeenFile = { ...id, size, contentBytes: size, fingerprint: 'f' };
  const fd = openSync(path, 'r');
  try {
    return positionAtEnd(fd, file, active);
  } finally {
    closeSync(fd);
  }
}

describe('from the end', () => {
  it('what is there is left out, backups too, and told to the sink', async (t) => {
    const { directory, set, parts } = watched(t, {
      options: FROM_END,
      files: {
        [`${backup(1)}.gz`]: gzipSync('a1\na2\n'),
        [backup(2)]: 'b1\nb2',
        [ACTIVE]: 'c1\nc2',
      },
    });
    assert.deepEqual(await readAll(set), []);
    directory.append(ACTIVE, '2\nc3\n');
    assert.deepEqual(await readAll(set), ['c22\nc3\n'], 'a line that was begun is whole');
    assert.ok(parts.sink.skipped.every(({ start }) => start === 0));
    const ends = parts.sink.skipped.map(({ end }) => end);
    assert.deepEqual(
      ends.toSorted((a, b) => a - b),
      [3, 5, 6],
    );
  });

  it('all of many backups are left out', async (t) => {
    const backups = Array.from(
      { length: 200 },
      (_, index) => [backup(index), `${index}\n`] as const,
    );
    const { set, parts } = watched(t, {
      options: FROM_END,
      files: { ...Object.fromEntries(backups), [ACTIVE]: 'last\n' },
    });
    assert.deepEqual(await readAll(set), []);
    assert.equal(parts.sink.skipped.length, 201);
  });

  it('what appears later is read from its beginning', async (t) => {
    const { directory, set } = watched(t, { options: FROM_END, files: { [ACTIVE]: 'a1\n' } });
    rotate(directory, 1, 'b1\n');
    directory.append(backup(1), 'a2\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a2\n', 'b1\n']);
  });

  it('the first line of an active file that is not complete yet is read', async (t) => {
    const { directory, set } = watched(t, { options: FROM_END, files: { [ACTIVE]: 'a' } });
    directory.append(ACTIVE, '1\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), ['a1\n']);
  });

  it('does not concern a log that a checkpoint stands for: what it has besides was written since', async (t) => {
    for (const from of [FROM_END.from, { kind: 'time', epochMs: Date.now() + LATER_MS }] as const) {
      const { set, parts } = watched(t, {
        options: { from },
        files: { [backup(1)]: 'a1\na2\n', [backup(2)]: 'b1\n', [ACTIVE]: 'c1\n' },
        remembered: (directory) => [checkpoint(directory, backup(1), 3)],
      });
      assert.deepEqual(await readAll(set), ['a2\n', 'b1\n', 'c1\n']);
      assert.deepEqual(parts.sink.skipped, []);
    }
  });

  it('concerns a log of which nothing is remembered, whatever is of others', async (t) => {
    const { set } = watched(t, {
      options: FROM_END,
      files: { [ACTIVE]: 'b1\n' },
      remembered: (directory) => {
        directory.write(backup(1), 'a1\n');
        const { path, ...other } = checkpoint(directory, backup(1), 0);
        directory.remove(backup(1));
        return [{ ...other, path: path.replace('logs', 'gone'), orphan: true }];
      },
    });
    assert.deepEqual(await readAll(set), []);
  });
});

describe('from a time', () => {
  it('older backups are left out whole, the others are looked through', (t) => {
    const from = { kind: 'time', epochMs: Date.UTC(2026, 2, 4) } satisfies StartAt;
    const { set, parts } = watched(t, {
      options: { from },
      files: { [backup(1)]: 'a1\n', [backup(2)]: 'b1\n', [ACTIVE]: 'c1\n' },
      remembered: (directory) => {
        // File times may be two seconds older than the clock.
        const [before, after] = [new Date(from.epochMs - 2001), new Date(from.epochMs - 2000)];
        utimesSync(directory.file(backup(1)), before, before);
        utimesSync(directory.file(backup(2)), after, after);
        return [];
      },
    });
    assert.deepEqual(
      parts.sink.skipped.map(({ start, end }) => [start, end]),
      [[0, 3]],
    );
    const next = set.nextUnread(performance.now());
    assert.equal(next?.lastSeen?.backup?.kind, 'lumberjack');
    assert.equal(next?.position, 0);
    assert.equal(next?.seekEpochMs, from.epochMs);
  });
});

describe('from a checkpoint', () => {
  it('every offset is gone on from, plain and compressed', async (t) => {
    const content = 'a1\na2\na3\n';
    for (const compressed of [false, true]) {
      for (const offset of [0, 3, 6, 9]) {
        const { set } = watched(t, {
          files: { [backup(1)]: content, [ACTIVE]: '' },
          remembered: (directory) => {
            const remembered = checkpoint(directory, backup(1), offset);
            if (compressed) directory.gzip(backup(1));
            return [remembered];
          },
        });
        assert.equal((await readAll(set)).join(''), content.slice(offset));
      }
    }
  });

  it('that stands behind the end of its file says nothing: the file was cut and written anew', async (t) => {
    const { set } = watched(t, {
      files: { [ACTIVE]: 'a1\na2\n' },
      remembered: (directory) => {
        const remembered = checkpoint(directory, ACTIVE, 6);
        directory.write(ACTIVE, 'a1\n');
        return [remembered];
      },
    });
    assert.deepEqual(await readAll(set), ['a1\n']);
  });

  it('a log whose directory was moved is known by its content', async (t) => {
    const files = { [backup(1)]: 'a1\na2\n', [ACTIVE]: 'b1\nb2\n' };
    const orphans: Remembered[] = [];
    watched(t, {
      files,
      remembered: (directory) => {
        for (const [name, offset] of [
          [backup(1), 6],
          [ACTIVE, 3],
        ] as const) {
          orphans.push({ ...checkpoint(directory, name, offset), orphan: true });
        }
        return [];
      },
    });
    const moved = watched(t, { files, remembered: () => orphans });
    assert.deepEqual(await readAll(moved.set), ['b2\n']);
    const paths = [...moved.set.views()].map(({ path }) => path);
    assert.deepEqual(paths, [moved.directory.file(backup(1)), moved.directory.file(ACTIVE)]);
  });
});
