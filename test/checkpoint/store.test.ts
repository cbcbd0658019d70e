/**
 * The checkpoint file on disk: whatever fails, and whenever the process dies, it is wholly old or wholly new.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fileSystem, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Checkpoint, CheckpointFile } from '../../src/checkpoint/format.ts';
import { CHECKPOINT_FILE, CheckpointStore, StateError } from '../../src/checkpoint/store.ts';
import { NOTHING_SETTLED } from '../../src/deliver/chunk.ts';
import { fillDisk, smallFileSystem, temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

function checkpointsAt(offset: number, count = 3): CheckpointFile {
  const checkpoints = Array.from({ length: count }, (_, index): Checkpoint => {
    const path = `/var/log/kubernetes/audit-${index}.log`;
    const updated = '2026-03-04T05:06:07.089Z';
    const accounts = { ...NOTHING_SETTLED, lostBytes: offset };
    const file = {
      path,
      fingerprint: `f${index}`,
      dev: 1,
      ino: index,
      time: undefined,
      gone: undefined,
    };
    return { ...file, offset, size: offset, updated, accounts };
  });
  return { checkpoints, problems: [], losses: [], outlooks: [] };
}

const OLD = checkpointsAt(1000);
const NEW = checkpointsAt(2000, 5);

function fileIn(directory: string): string {
  return join(directory, CHECKPOINT_FILE);
}

const stateError = (pattern: RegExp) => (error: unknown) =>
  error instanceof StateError && pattern.test(error.message);

describe('a state directory', () => {
  it('is made with its parents, for its owner only', async (t) => {
    const directory = join(temporaryDirectory(t), 'a', 'b', 'c');
    await new CheckpointStore(directory).prepare();
    assert.equal(statSync(directory).mode & 0o777, 0o700);
  });

  it('stays as it is when it is there', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'file'), 'x');
    await new CheckpointStore(`${directory}/`).prepare();
    assert.deepEqual(readdirSync(directory), ['file']);
  });

  it('may be made by several at once', async (t) => {
    const directory = join(temporaryDirectory(t), 'a', 'b');
    await Promise.all(Array.from({ length: 8 }, () => new CheckpointStore(directory).prepare()));
  });

  it('cannot be made where nothing can, and the message says what to do', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('nowhere', join(directory, 'link'));
    const impossible = [
      [join(directory, 'file'), 'EEXIST'],
      [join(directory, 'file', 'below'), 'ENOTDIR'],
      [join(directory, 'link'), 'EEXIST'],
      // `recursive` of Node 20 never comes back from here.
      ['/proc/audit-shipper', 'ENOENT'],
      ['/proc/audit-shipper/below', 'ENOENT'],
      [`/${'x'.repeat(300)}`, 'ENAMETOOLONG'],
    ] as const;
    for (const [path, code] of impossible) {
      const pattern = new RegExp(`^cannot make the state directory .*\\(${code}\\); make it`);
      await assert.rejects(new CheckpointStore(path).prepare(), stateError(pattern));
    }
  });
});

describe('loading', () => {
  it('finds nothing where nothing was saved', async (t) => {
    const store = new CheckpointStore(temporaryDirectory(t));
    assert.deepEqual(await store.load(), {
      checkpoints: [],
      problems: [],
      losses: [],
      outlooks: [],
    });
  });

  it('finds what was saved last', async (t) => {
    const directory = temporaryDirectory(t);
    const store = new CheckpointStore(directory);
    await store.save(OLD);
    await store.save(NEW);
    assert.deepEqual(await new CheckpointStore(directory).load(), NEW);
    assert.deepEqual(readdirSync(directory), [CHECKPOINT_FILE]);
    assert.equal(statSync(fileIn(directory)).mode & 0o777, 0o600);
  });

  const unusable: readonly (readonly [string, string | Buffer, RegExp])[] = [
    [
      'cut in half',
      '{"version":1,"checkpoints":[{"path":"/var',
      /it may have been cut off; put back/,
    ],
    ['empty', '', /it may have been cut off; put back/],
    ['a newer version', '{"version":99,"checkpoints":[]}', /newer version.*run that version/],
    ['of wrong types', '{"version":1,"checkpoints":[{"path":1}]}', /checkpoint 1 has no path/],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x00]), /not JSON/],
    ['made of NULs', Buffer.alloc(4096), /not JSON/],
  ];
  for (const [name, content, pattern] of unusable) {
    it(`refuses a file that is ${name}, says what to do, and leaves it alone`, async (t) => {
      const directory = temporaryDirectory(t);
      writeFileSync(fileIn(directory), content);
      const message = new RegExp(`^cannot use ${fileIn(directory)}: .*${pattern.source}`);
      await assert.rejects(new CheckpointStore(directory).load(), stateError(message));
      assert.deepEqual(readFileSync(fileIn(directory)), Buffer.from(content));
    });
  }

  it('refuses a file that cannot be read', async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(fileIn(directory));
    const message = /^cannot read .*checkpoints\.json \(EISDIR\); check who owns it$/;
    await assert.rejects(new CheckpointStore(directory).load(), stateError(message));
  });
});

// --- what goes wrong while saving ---

interface Steps {
  /** What was done, in order; the last one failed when it was the one to fail. */
  readonly done: string[];
}

/** From now on every step of a save is noted, and the one with the given number (from 0) fails. */
function failAt(t: TestContext, failing: number): Steps {
  const done: string[] = [];
  const step = (name: string): void => {
    if (done.push(name) - 1 === failing) {
      throw Object.assign(new Error(`${name} fails`), { code: 'EIO' });
    }
  };
  const { open, rename } = fileSystem;
  t.mock.method(fileSystem, 'open', async (path: string, flags: string, mode?: number) => {
    step(`open ${basename(path)} ${flags}`);
    return noted(await open(path, flags, mode), step);
  });
  t.mock.method(fileSystem, 'rename', async (from: string, to: string) => {
    step('rename');
    await rename(from, to);
  });
  syncBuiltinESMExports();
  return { done };
}

function noted(handle: FileHandle, step: (name: string) => void): FileHandle {
  const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
  const sync = handle.sync.bind(handle);
  const close = handle.close.bind(handle);
  return Object.assign(handle, {
    write: async (...args: unknown[]) => {
      step('write');
      return write(...args);
    },
    sync: async () => {
      step('sync');
      await sync();
    },
    close: async () => {
      // The descriptor is gone also when closing fails.
      await close();
      step('close');
    },
  });
}

function repair(t: TestContext): void {
  t.mock.restoreAll();
  syncBuiltinESMExports();
}

describe('saving', () => {
  const STEPS = 8;

  it('syncs the new file before it takes the old one’s place, and the directory after', async (t) => {
    const directory = temporaryDirectory(t);
    const store = new CheckpointStore(directory);
    const steps = failAt(t, Infinity);
    t.after(() => repair(t));
    await store.save(NEW);
    assert.deepEqual(steps.done, [
      `open ${CHECKPOINT_FILE}.new wx`,
      'write',
      'sync',
      'close',
      'rename',
      `open ${basename(directory)} r`,
      'sync',
      'close',
    ]);
    assert.equal(steps.done.length, STEPS);
  });

  for (let failing = 0; failing < STEPS; failing++) {
    it(`leaves a whole file when step ${failing + 1} fails, and works again afterwards`, async (t) => {
      const directory = temporaryDirectory(t);
      const store = new CheckpointStore(directory);
      await store.save(OLD);
      const steps = failAt(t, failing);
      t.after(() => repair(t));
      await assert.rejects(store.save(NEW), { code: 'EIO' });
      repair(t);
      const renamed = steps.done.slice(0, failing).includes('rename');
      assert.deepEqual(await store.load(), renamed ? NEW : OLD);
      await store.save(NEW);
      assert.deepEqual(await store.load(), NEW);
    });
  }

  it('leaves a whole file whenever the process is killed', async (t) => {
    const directory = temporaryDirectory(t);
    const module = new URL('../../src/checkpoint/store.js', import.meta.url).href;
    const program = `
      import { CheckpointStore } from ${JSON.stringify(module)};
      const store = new CheckpointStore(process.argv[1]);
      const one = (offset) => Array.from({ length: 500 }, (_, ino) => ({
        path: '/var/log/audit.log', fingerprint: 'f' + ino, dev: 1, ino, offset, size: offset, updated: '' }));
      for (let offset = 0; ; offset++) await store.save({ checkpoints: one(offset), problems: [], losses: [], outlooks: [] });`;
    let highest = -1;
    for (let round = 0; round < 5; round++) {
      const args = ['--input-type=module', '--eval', program, directory];
      const child = spawn(process.execPath, args, { stdio: 'ignore' });
      t.after(() => child.kill('SIGKILL'));
      const exited = once(child, 'exit');
      const before = statSync(fileIn(directory), { throwIfNoEntry: false })?.ino;
      await until('a save', () => {
        return statSync(fileIn(directory), { throwIfNoEntry: false })?.ino !== before;
      });
      child.kill('SIGKILL');
      await exited;
      const { checkpoints } = await new CheckpointStore(directory).load();
      const offsets = new Set(checkpoints.map(({ offset }) => offset));
      assert.deepEqual([checkpoints.length, offsets.size], [500, 1]);
      highest = Math.max(highest, ...offsets);
    }
    assert.ok(highest >= 0);
  });

  it('fails on a full disk with the old file whole, and works again when there is room', async (t) => {
    const directory = smallFileSystem(t, 64 * 1024);
    if (directory === undefined) return;
    const store = new CheckpointStore(directory);
    await store.save(OLD);
    const ballast = join(directory, 'ballast');
    fillDisk(ballast);
    await assert.rejects(store.save(checkpointsAt(2000, 200)), { code: 'ENOSPC' });
    assert.deepEqual(await store.load(), OLD);
    rmSync(ballast);
    await store.save(NEW);
    assert.deepEqual(await store.load(), NEW);
  });

  it('fails when the directory is gone, and works again when it is back', async (t) => {
    const directory = join(temporaryDirectory(t), 'state');
    const store = new CheckpointStore(directory);
    await assert.rejects(store.save(OLD), { code: 'ENOENT' });
    mkdirSync(directory);
    await store.save(OLD);
    assert.deepEqual(await store.load(), OLD);
  });
});
