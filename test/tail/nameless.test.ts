/** Files that end in their first line: what they hold says who they are, whatever their names and their inodes say. */
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
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

describe('a file without a newline', () => {
  it('that was delivered as it is, is not delivered again when a clock that was set back makes it young', async (t) => {
    const { set } = watched(t, {
      files: { [backup(1)]: 'a1', [ACTIVE]: 'b1\n' },
      remembered: (directory) => {
        const path = directory.file(backup(1));
        utimesSync(path, LONG_AGO, LONG_AGO);
        const remembered = checkpoint(directory, backup(1), 2);
        utimesSync(path, new Date(), new Date());
        return [remembered];
      },
    });
    scanAll(set, true);
    assert.deepEqual(await readAll(set, LATER_MS), ['b1\n']);
  });

  it('is another one while a checkpoint knows more of such a line than is there', async (t) => {
    const { directory, set } = watched(t, {
      files: { [backup(1)]: 'a1\na2\n', [ACTIVE]: 'b1\n' },
      remembered: (place) => {
        const remembered = checkpoint(place, backup(1), 3);
        place.write(backup(1), 'a1');
        return [remembered];
      },
    });
    assert.deepEqual(await readAll(set), [], 'it may be on its way to be whole');
    directory.append(backup(1), '\na2\n');
    scanAll(set, true);
    assert.deepEqual(await readAll(set), ['a2\n', 'b1\n']);
  });

  it('is read once when it is renamed, compressed and deleted between two looks', async (t) => {
    const { directory, set } = watched(t, { files: { [ACTIVE]: 'a1' } });
    rotate(directory, 1, 'b1\n');
    directory.gzip(backup(1));
    const laterMs = performance.now() + LATER_MS;
    t.mock.method(performance, 'now', () => laterMs);
    scanAll(set);
    assert.deepEqual(await readAll(set, LATER_MS), ['a1', 'b1\n']);
    scanAll(set, true);
    assert.deepEqual(await readAll(set, LATER_MS), []);
  });

  it('keeps its place when another backup is compressed under the name that it had', async (t) => {
    const { directory, set, parts } = watched(t, {
      files: { 'audit.log.2': 'a1', 'audit.log.1': 'b1\n', [ACTIVE]: 'c1\n' },
    });
    directory.rename('audit.log.2', 'audit.log.3');
    directory.write('audit.log.2.gz', gzipSync('b1\n'));
    directory.rename(ACTIVE, 'audit.log.1');
    directory.write(ACTIVE, 'd1\n');
    scanAll(set);
    assert.deepEqual(await readAll(set), [], 'it is waited for');
    assert.deepEqual(await readAll(set, LATER_MS), ['a1', 'b1\n', 'c1\n', 'd1\n']);
    assert.deepEqual(parts.observer.losses, []);
  });
});
