/** One look at a log's directory: which files it has, who they are, and what was opened to find out. */
import assert from 'node:assert/strict';
import fs, { chmodSync, mkdirSync, renameSync, utimesSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Scanner, type LogSite, type Scan, type ScanOptions } from '../../src/tail/scanner.ts';
import { ACTIVE, backup } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { asStranger } from '../support/stranger.ts';
import { testParts, type TestParts } from '../support/tail-parts.ts';

/** Files that one look opens at most: more would need too many descriptors at a time. */
const MAX_OPENED = 128;
const MAX_LOOKS = 1000;
const OPTIONS: ScanOptions = {
  full: false,
  newestFirst: false,
  isEnded: () => false,
  heldAt: () => undefined,
};

interface Looking {
  readonly directory: LogDirectory;
  readonly parts: TestParts;
  /** Looks until all is identified; closes everything. The last result holds all files. */
  readonly look: (options?: Partial<ScanOptions>) => Scan | undefined;
}

function looking(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
  accepts?: LogSite['accepts'],
): Looking {
  const directory = new LogDirectory(t);
  for (const [name, content] of Object.entries(files)) directory.write(name, content);
  const parts = testParts();
  const site = { directory: directory.path, base: ACTIVE };
  const scanner = new Scanner(
    accepts === undefined ? site : { ...site, accepts },
    parts.descriptors,
    parts.problems,
  );
  const look = (options: Partial<ScanOptions> = {}): Scan | undefined => {
    let scan = scanner.scan({ ...OPTIONS, ...options });
    for (let looks = 1; scan !== undefined; looks++) {
      assert.equal(parts.descriptors.held, scan.opened.size, 'what is open is handed over');
      assert.ok(scan.opened.size <= MAX_OPENED);
      for (const { fd } of scan.opened.values()) parts.descriptors.close(fd);
      if (scan.complete) break;
      assert.ok(looks < MAX_LOOKS, 'a scan comes to its end');
      scan = scanner.goOn({ ...OPTIONS, ...options });
    }
    return scan;
  };
  return { directory, parts, look };
}

function namesOf(scan: Scan | undefined): readonly string[] {
  return (scan?.seen ?? []).map(({ path }) => basename(path));
}

test('the files of the log are seen, and no others', (t) => {
  const files = {
    [ACTIVE]: 'a\n',
    [backup(1)]: 'b\n',
    [`${backup(2)}.gz`]: gzipSync('c\n'),
    'audit.log.1': 'd\n',
    'other.log': 'x\n',
    'audit-policy.yaml': 'x\n',
  };
  const { look, directory } = looking(t, files);
  mkdirSync(directory.file(backup(3)));
  const expected = Object.keys(files).slice(0, 4);
  assert.deepEqual(namesOf(look()).toSorted(), expected.toSorted());
});

test('a site that takes some of the files sees only these', (t) => {
  const files = { [ACTIVE]: 'a\n', [backup(1)]: 'b\n', [backup(2)]: 'c\n' };
  const { look } = looking(t, files, (name) => name === backup(1));
  assert.deepEqual(namesOf(look()), [backup(1)]);
});

test('a gz that is being made beside its plain file is not seen, nor one without a first line', (t) => {
  const packed = gzipSync('b\n');
  const { look, directory } = looking(t, {
    [ACTIVE]: 'a\n',
    [backup(1)]: 'b\n',
    [`${backup(1)}.gz`]: packed,
    [`${backup(2)}.gz`]: packed.subarray(0, 10),
  });
  assert.deepEqual(namesOf(look()), [ACTIVE, backup(1)]);
  directory.remove(backup(1));
  assert.deepEqual(namesOf(look()), [ACTIVE, `${backup(1)}.gz`]);
});

test('a plain file and its gz have the same fingerprint and the same number of bytes', (t) => {
  const { look, directory } = looking(t, { [backup(1)]: 'a1\na2\n' });
  const plain = look()?.seen[0];
  directory.gzip(backup(1));
  const packed = look()?.seen[0];
  assert.ok(plain?.fingerprint !== undefined);
  assert.equal(packed?.fingerprint, plain.fingerprint);
  assert.deepEqual([plain.contentBytes, packed?.contentBytes], [6, 6]);
});

test('many files are identified a few at a time, all of them in the end', (t) => {
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  const files = Object.fromEntries(numbers.map((number) => [backup(number), `${number}\n`]));
  const { look, parts } = looking(t, files);
  const seen = look()?.seen ?? [];
  assert.equal(seen.length, 500);
  assert.equal(new Set(seen.map(({ fingerprint }) => fingerprint)).size, 500);
  assert.equal(parts.descriptors.held, 0);
});

test('a backup whose name holds its time is looked at again only in a full scan', (t) => {
  const { look, directory } = looking(t, { [ACTIVE]: 'x\n', [backup(1)]: 'a\n' });
  const before = look()?.seen[1];
  directory.write(backup(1), 'b is longer\n');
  assert.deepEqual(look()?.seen[1], before);
  const after = look({ full: true })?.seen[1];
  assert.notEqual(after?.fingerprint, before?.fingerprint);
  assert.equal(after?.size, 12);
});

test('other files are looked at again whenever they have changed', (t) => {
  const { look, directory } = looking(t, { [ACTIVE]: 'a\n', 'audit.log.1': 'b\n' });
  const before = look()?.seen.map(({ fingerprint }) => fingerprint);
  directory.rename('audit.log.1', 'audit.log.2');
  directory.rename(ACTIVE, 'audit.log.1');
  directory.write(ACTIVE, 'c\n');
  const after = new Map(look()?.seen.map((file) => [basename(file.path), file.fingerprint]));
  assert.deepEqual([after.get('audit.log.1'), after.get('audit.log.2')], before);
  assert.ok(!before?.includes(after.get(ACTIVE)));
});

test('a file without a newline has no fingerprint until it has ended', (t) => {
  const { look } = looking(t, { [ACTIVE]: 'a', [backup(1)]: 'b' });
  assert.deepEqual(
    look()?.seen.map(({ fingerprint }) => fingerprint),
    [undefined, undefined],
  );
  const ended = look({ full: true, isEnded: ({ backup: name }) => name !== undefined })?.seen;
  assert.equal(ended?.[0]?.fingerprint, undefined);
  assert.ok(ended?.[1]?.fingerprint !== undefined);
});

test('what cannot be read is known since when, and all is well again later', (t) => {
  const { look, directory } = looking(t, { [ACTIVE]: 'a\n', [backup(1)]: 'b\n' });
  assert.equal(look()?.unreadableSince, -Infinity);
  directory.write(backup(2), 'c\n');
  directory.hide(backup(2));
  const before = performance.now();
  const since = asStranger(() => look({ full: true }))?.unreadableSince ?? -1;
  assert.ok(since >= before && since <= performance.now());
  const still = asStranger(() => look({ full: true }));
  assert.equal(still?.unreadableSince, since);
  assert.deepEqual(namesOf(still), [ACTIVE, backup(1)]);
  directory.show(backup(2));
  assert.equal(look()?.unreadableSince, -Infinity);
});

test('a directory that is not there is reported, once, and cleared when it is', (t) => {
  const { look, directory, parts } = looking(t, { [ACTIVE]: 'a\n' });
  directory.vanish();
  assert.equal(look(), undefined);
  assert.equal(look(), undefined);
  assert.equal(parts.log.messages('warn').length, 1);
  directory.comeBack();
  assert.deepEqual(namesOf(look()), [ACTIVE]);
  assert.deepEqual(parts.problems.list(), []);
});

/** Puts the test's own call in the place of one of node:fs. */
function replaceCall(
  t: TestContext,
  name: 'readdirSync' | 'statSync',
  call: (...args: readonly unknown[]) => unknown,
): void {
  t.mock.method(fs, name, call as never);
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

/** Counts how often a directory is listed. @param change what becomes of the names, and of the number of the listing */
function countingLists(
  t: TestContext,
  { path }: LogDirectory,
  change: (names: string[], count: number) => string[] = (names) => names,
): () => number {
  let listed = 0;
  const { readdirSync } = fs;
  replaceCall(t, 'readdirSync', (directory) => {
    const names = readdirSync(directory as string);
    if (directory !== path) return names;
    listed += 1;
    return change(names, listed);
  });
  return () => listed;
}

test('a directory that shows no change is not listed again, for a while', (t) => {
  const { directory, look } = looking(t, { [ACTIVE]: 'a\n' });
  const listed = countingLists(t, directory);
  const lists = (expected: readonly string[] = [ACTIVE]): number => {
    const before = listed();
    assert.deepEqual(namesOf(look({ full: true })), expected);
    return listed() - before;
  };
  const isOld = (): void => utimesSync(directory.path, new Date(0), new Date(0));
  assert.ok(lists() > 0);
  assert.ok(lists() > 0, 'just changed: another change may have the same time');
  isOld();
  assert.ok(lists() > 0);
  assert.equal(lists(), 0);
  renameSync(directory.file(ACTIVE), directory.file(backup(1)));
  isOld();
  assert.ok(lists([backup(1)]) > 0, 'the time of the change tells, whatever it was set to');
  assert.equal(lists([backup(1)]), 0);
  chmodSync(directory.path, 0o755);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  lists([backup(1)]);
  t.mock.timers.tick(59_000);
  assert.equal(lists([backup(1)]), 0);
  t.mock.timers.tick(1000);
  assert.ok(lists([backup(1)]) > 0, 'not all file systems can be trusted');
});

test('a directory that lists its names in another order has not changed', (t) => {
  const { directory, look } = looking(t, { [ACTIVE]: 'a\n', [backup(1)]: 'b\n' });
  const listed = countingLists(t, directory, (names, count) =>
    count % 2 === 0 ? names.toReversed() : names,
  );
  assert.deepEqual(namesOf(look()), [ACTIVE, backup(1)]);
  assert.equal(listed(), 2, 'before and after');
});

test('backups whose names hold their time are not looked at to see whether they have shifted', (t) => {
  const { look, directory } = looking(t, {
    [ACTIVE]: 'a\n',
    [backup(1)]: 'b\n',
    'audit.log.1': 'c\n',
  });
  look();
  directory.write(backup(2), 'd\n');
  const { statSync } = fs;
  const looked: string[] = [];
  replaceCall(t, 'statSync', (path, options) => {
    looked.push(basename(String(path)));
    return statSync(path as string, options as object);
  });
  look();
  assert.equal(looked.filter((name) => name === backup(1)).length, 0);
  assert.ok(looked.includes('audit.log.1'));
});
