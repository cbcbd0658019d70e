/** A look at the directory that is not over has not seen everything: nothing is concluded from what it lacks. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import {
  ACTIVE,
  backup,
  LATER_MS,
  readAll,
  rotate,
  scanAll,
  watched,
  type Setup,
  type Watched,
} from '../support/hand-driven.ts';

/** More than one turn looks at. What is new is looked at first, and all of these are. */
const MANY = Array.from({ length: 300 }, (_, index) => index + 10);
const LINES = MANY.map((number) => `${number}\n`);

/** A backup that was held while it was compressed, which nobody has seen yet. */
function compressedOutOfSight(t: TestContext, setup: Setup): Watched {
  const log = watched(t, { ...setup, files: { [ACTIVE]: 'a\n' } });
  const { directory, set } = log;
  rotate(directory, 1, 'b\n');
  scanAll(set);
  return log;
}

/** As the loop does a long time after: the look is over only then. */
function look({ directory, set }: Watched): void {
  for (const number of MANY) directory.write(backup(number), `${number}\n`);
  set.scan(false);
  assert.equal(set.complete, false);
  set.releaseIdle(performance.now() + LATER_MS);
  set.concludeMissing(performance.now() + LATER_MS);
  scanAll(set);
}

it('what was read is not forgotten, and not read again', async (t) => {
  const log = compressedOutOfSight(t, {});
  assert.deepEqual(await readAll(log.set), ['a\n', 'b\n']);
  log.directory.gzip(backup(1));
  look(log);
  assert.deepEqual(await readAll(log.set), LINES);
});

it('what is held and deleted takes no room that would have to be given up', async (t) => {
  const log = compressedOutOfSight(t, { maxDeletedBytes: 1 });
  log.directory.gzip(backup(1));
  look(log);
  log.set.releaseIdle(performance.now());
  assert.deepEqual(log.parts.observer.losses, []);
  assert.deepEqual(await readAll(log.set), ['a\n', ...LINES, 'b\n']);
});

it('what was missing for long is not lost', async (t) => {
  const files = { [backup(1)]: 'a\n', [backup(2)]: 'b\n', [backup(3)]: 'c\n', [ACTIVE]: 'd\n' };
  const log = watched(t, { files, maxHeld: 2 });
  const { directory, set, parts } = log;
  directory.rename(backup(3), 'away');
  scanAll(set);
  directory.rename('away', backup(4));
  look(log);
  set.concludeMissing(performance.now() + LATER_MS);
  assert.deepEqual(parts.observer.losses, []);
  assert.deepEqual(await readAll(set), ['a\n', 'b\n', 'c\n', ...LINES, 'd\n']);
});
