/** One log followed by its own loop: read once or on and on, woken by the disk, stopped by the signal. */
import assert from 'node:assert/strict';
import fs, { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Harvester } from '../../src/tail/generation.ts';
import { LogTail } from '../../src/tail/log-tail.ts';
import type { LogTailOptions } from '../../src/tail/tail.ts';
import { ACTIVE, backup, rotate } from '../support/hand-driven.ts';
import { LogDirectory } from '../support/log-directory.ts';
import { FOLLOWING, testParts, type TestParts } from '../support/tail-parts.ts';
import { until } from '../support/until.ts';

const ONCE = { follow: false, remembers: false };
/** Of a long line that begins with r its length is left. */
const REDUCING: Partial<LogTailOptions> = {
  ...ONCE,
  maxEventBytes: 16,
  makeReducer: () => {
    const pieces: Buffer[] = [];
    return {
      add: (piece) => void pieces.push(Buffer.from(piece)),
      end: () => {
        const line = Buffer.concat(pieces).toString('latin1');
        return line.startsWith('r') ? { line: Buffer.from(`${line.length}\n`) } : { refusal: 'no' };
      },
    };
  },
};

interface Running {
  readonly tail: LogTail;
  readonly parts: TestParts;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** Waits until exactly this has come. */
  readonly delivers: (text: string) => Promise<void>;
}

interface Setup {
  readonly options?: Partial<LogTailOptions>;
  readonly slabBytes?: number;
  readonly directory?: string;
}

/** Starts the loop on a directory; it is stopped, and gives everything back, when the test is over. */
function start(t: TestContext, directory: LogDirectory, setup: Setup = {}): Running {
  const { options, slabBytes = 4096 } = setup;
  const parts = testParts({ slabBytes });
  const site = { directory: setup.directory ?? directory.path, base: ACTIVE };
  const tail = new LogTail(site, [], { ...FOLLOWING, ...options }, parts);
  const stop = new AbortController();
  const done = tail.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await done;
    assert.equal(parts.descriptors.held, 0, 'every descriptor comes back');
    assert.equal(parts.sink.reserved, 0, 'every slot comes back');
  });
  const delivers = async (text: string): Promise<void> => {
    await until(`${text.length} bytes`, () => parts.sink.text.length >= text.length);
    assert.equal(parts.sink.text, text);
  };
  return { tail, parts, stop, done, delivers };
}

describe('reading once', () => {
  it('ends when all is read, oldest first', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(`${backup(1)}.gz`, gzipSync('a\n'));
    directory.write(backup(2), 'b\n');
    directory.write(ACTIVE, 'c\nd');
    const { done, parts, tail } = start(t, directory, { options: ONCE });
    await done;
    assert.equal(parts.sink.text, 'a\nb\nc\nd');
    assert.equal(tail.hasSeenAll, true);
  });

  it('leaves half a line of the active file to the next run, when there will be one', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'c\nd');
    const { done, parts } = start(t, directory, { options: { ...ONCE, remembers: true } });
    await done;
    assert.equal(parts.sink.text, 'c\n');
  });

  it('ends where nothing is', async (t) => {
    const directory = new LogDirectory(t);
    await start(t, directory, { options: ONCE }).done;
    await start(t, directory, { options: ONCE, directory: directory.file('missing') }).done;
  });

  it('gives what a damaged file holds, says so, and goes on with the next', async (t) => {
    const directory = new LogDirectory(t);
    const content = Array.from({ length: 40_000 }, (_, line) => `${line * 7919}\n`).join('');
    const packed = gzipSync(content);
    packed.set(Buffer.from(content.slice(0, 5000)), Math.floor(packed.length / 2));
    directory.write(`${backup(1)}.gz`, packed);
    directory.write(ACTIVE, 'next\n');
    const { done, parts } = start(t, directory, { options: ONCE });
    await done;
    const { text } = parts.sink;
    assert.ok(text.endsWith('next\n'));
    assert.ok(text.startsWith(content.slice(0, 50_000)));
    assert.deepEqual(
      parts.problems.list().map(({ code }) => code),
      ['DAMAGED_GZIP'],
    );
    assert.equal(parts.log.messages('error').length, 1);
  });

  it('begins with the first line of the time that was asked for', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(backup(1), '{"t":10}\n{"t":20}\n');
    directory.write(ACTIVE, '{"t":30}\n{"t":29}\n');
    const from = { kind: 'time', epochMs: 20 } as const;
    const { done, parts } = start(t, directory, { options: { ...ONCE, from } });
    await done;
    assert.equal(parts.sink.text, '{"t":20}\n{"t":30}\n{"t":29}\n');
    const [first] = parts.sink.delivered;
    assert.equal(first?.start, 9);
    assert.deepEqual(parts.sink.skipped, [{ generation: first.generation, start: 0, end: 9 }]);
  });
});

describe('a line longer than the limit', () => {
  const options = { ...ONCE, maxEventBytes: 16 };

  it('comes in parts, and its neighbours whole', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, `a\n${'x'.repeat(20)}\nb\n`);
    const { done, parts } = start(t, directory, { options, slabBytes: 8 });
    await done;
    assert.deepEqual(
      parts.sink.delivered.map(({ kind, text }) => [kind, text]),
      [
        ['lines', 'a\n'],
        ['part', 'xxxxxxxx'],
        ['part', 'xxxxxxxx'],
        ['last-part', 'xxxx\n'],
        ['lines', 'b\n'],
      ],
    );
  });

  it('is reduced where it can be, and takes its place in the file', async (t) => {
    const directory = new LogDirectory(t);
    const long = `r${'x'.repeat(100)}\n`;
    directory.write(`${backup(1)}.gz`, gzipSync(`a\n${long}${long}b\n`));
    directory.write(ACTIVE, `c\n${long}d\n`);
    const { done, parts } = start(t, directory, { options: REDUCING, slabBytes: 8 });
    await done;
    assert.deepEqual(
      parts.sink.delivered.map(({ kind, text, start: at, end }) => [kind, text, at, end]),
      [
        ['lines', 'a\n', 0, 2],
        ['reduced', '101\n', 2, 104],
        ['reduced', '101\n', 104, 206],
        ['lines', 'b\n', 206, 208],
        ['lines', 'c\n', 0, 2],
        ['reduced', '101\n', 2, 104],
        ['lines', 'd\n', 104, 106],
      ],
    );
  });

  it('that cannot be reduced is read a second time, also from a gzip file', async (t) => {
    const directory = new LogDirectory(t);
    const content = `a\n${'0123456789'.repeat(20_000)}\nb\n`;
    directory.write(`${backup(1)}.gz`, gzipSync(content));
    directory.write(ACTIVE, 'c\n');
    const { done, parts } = start(t, directory, { options: REDUCING, slabBytes: 1024 });
    await done;
    assert.equal(parts.sink.text, `${content}c\n`);
    assert.deepEqual(parts.problems.list(), []);
  });

  it('is waited for while it grows, and the lines behind it with it', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\nr');
    const following = { options: { ...REDUCING, follow: true }, slabBytes: 8 };
    const { delivers, tail } = start(t, directory, following);
    await delivers('a\n');
    for (let piece = 0; piece < 20; piece++) {
      directory.append(ACTIVE, 'x'.repeat(50));
      await setImmediate();
    }
    await until('a view of all', () => [...tail.views()].some(({ size }) => size === 1003));
    await delivers('a\n');
    directory.append(ACTIVE, '\nb\n');
    await delivers('a\n1001\nb\n');
  });

  it('is left out whole when it is older than what was asked for', async (t) => {
    const directory = new LogDirectory(t);
    const long = `r${'x'.repeat(100)}\n`;
    directory.write(ACTIVE, `{"t":10}\n${long}{"t":20}\n`);
    const from = { kind: 'time', epochMs: 20 } as const;
    const { done, parts } = start(t, directory, { options: { ...REDUCING, from }, slabBytes: 16 });
    await done;
    assert.equal(parts.sink.text, '{"t":20}\n');
    const left = parts.sink.skipped.map(({ start: at, end }) => [at, end]);
    assert.deepEqual(left, [
      [0, 9],
      [9, 111],
    ]);
  });

  it('is not what follows a hole that is longer: the line is whole, at its place', async (t) => {
    const directory = new LogDirectory(t);
    const content = `${'\0'.repeat(100)}a\nb\n`;
    directory.write(`${backup(1)}.gz`, gzipSync(content));
    directory.write(ACTIVE, content.replace('a', 'c'));
    const { done, parts } = start(t, directory, { options, slabBytes: 8 });
    await done;
    const delivered = parts.sink.delivered.map(({ kind, text, start: at }) => [kind, text, at]);
    assert.deepEqual(delivered, [
      ['lines', 'a\nb\n', 100],
      ['lines', 'c\nb\n', 100],
    ]);
    assert.deepEqual(
      parts.sink.skipped.map(({ start: from, end }) => [from, end]),
      [
        [0, 100],
        [0, 100],
      ],
    );
  });

  it('comes to its end also when a backup ends with a whole part and no newline', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(backup(1), 'x'.repeat(24));
    directory.write(ACTIVE, 'b\n');
    const { done, parts } = start(t, directory, { options, slabBytes: 8 });
    await done;
    assert.deepEqual(
      parts.sink.delivered.map(({ kind, text }) => [kind, text]),
      [
        ['part', 'xxxxxxxx'],
        ['part', 'xxxxxxxx'],
        ['last-part', 'xxxxxxxx'],
        ['lines', 'b\n'],
      ],
    );
  });
});

describe('following', () => {
  it('delivers what is written, through rotations, and ends with the signal', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    const { parts, stop, done, delivers } = start(t, directory);
    await delivers('a\n');
    directory.append(ACTIVE, 'b\n');
    rotate(directory, 1, 'c\n');
    await delivers('a\nb\nc\n');
    directory.append(ACTIVE, 'd\n');
    await delivers('a\nb\nc\nd\n');
    assert.equal(parts.observer.rotations, 1);
    stop.abort();
    await done;
  });

  it('says by its revision when something has moved, and when nothing has', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    const { parts, tail, delivers } = start(t, directory);
    assert.equal(tail.revision, undefined, 'it is awake');
    let before: number | undefined;
    const hasMoved = async (): Promise<void> => {
      await until('its sleep', () => tail.revision !== undefined);
      assert.notEqual(tail.revision, before);
      before = tail.revision;
    };
    await delivers('a\n');
    await hasMoved();
    directory.append(ACTIVE, 'b\n');
    await delivers('a\nb\n');
    await hasMoved();
    rotate(directory, 1, '');
    await until('the rotation', () => parts.observer.rotations === 1);
    await hasMoved();
    assert.equal(tail.revision, before);
  });

  it('begins when the file appears, the directory being there or not', async (t) => {
    const directory = new LogDirectory(t);
    const here = start(t, directory);
    const there = start(t, directory, { directory: directory.file('late') });
    await until('a look at the empty directory', () => there.parts.problems.list().length > 0);
    directory.write(ACTIVE, 'a\n');
    directory.write(`late/${ACTIVE}`, 'b\n');
    await here.delivers('a\n');
    await there.delivers('b\n');
    assert.deepEqual(there.parts.problems.list(), []);
  });

  it('goes on when the directory comes back that went away', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(backup(1), 'a\n');
    directory.write(ACTIVE, 'b\n');
    const { parts, delivers } = start(t, directory);
    await delivers('a\nb\n');
    directory.vanish();
    await until('a problem', () => parts.problems.list().length > 0);
    directory.comeBack();
    directory.append(ACTIVE, 'c\n');
    await delivers('a\nb\nc\n');
    rotate(directory, 2, 'd\n');
    await delivers('a\nb\nc\nd\n');
    await until('the end of the problem', () => parts.problems.list().length === 0);
    assert.deepEqual(parts.observer.losses, []);
  });

  it('goes on where the directory cannot be watched, and says that it is only slower', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    // As on a node whose inotify instances are used up.
    const refused = t.mock.method(fs, 'watch', () => {
      throw Object.assign(new Error('no'), { code: 'EMFILE' });
    });
    syncBuiltinESMExports();
    t.after(() => {
      refused.mock.restore();
      syncBuiltinESMExports();
    });
    const { parts, delivers } = start(t, directory);
    await delivers('a\n');
    directory.append(ACTIVE, 'b\n');
    await delivers('a\nb\n');
    rotate(directory, 1, 'c\n');
    await delivers('a\nb\nc\n');
    assert.deepEqual(parts.problems.list('hinders'), []);
    const [slow] = parts.problems.list('slows');
    assert.equal(slow?.path, `${directory.path}/`);
    assert.match(slow.message, /^cannot watch, polling every 250 ms: .*max_user_instances$/);
  });

  it('hears of what is written behind a symbolic link, and follows it to another file', async (t) => {
    const directory = new LogDirectory(t);
    directory.write('real/one', 'a\n');
    mkdirSync(directory.file('links'));
    symlinkSync(directory.file('real/one'), directory.file(`links/${ACTIVE}`));
    const { delivers } = start(t, directory, { directory: directory.file('links') });
    await delivers('a\n');
    directory.append('real/one', 'b\n');
    await delivers('a\nb\n');
    directory.write('real/two', 'c\n');
    symlinkSync(directory.file('real/two'), directory.file('links/next'));
    directory.rename('links/next', `links/${ACTIVE}`);
    await delivers('a\nb\nc\n');
    directory.append('real/two', 'd\n');
    await delivers('a\nb\nc\nd\n');
  });

  it('delivers half a line when its file has ended, and then the next file', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\nb');
    const { delivers } = start(t, directory);
    await delivers('a\n');
    rotate(directory, 1, 'c\n');
    await delivers('a\nbc\n');
  });

  it('delivers a file that ended before its first line did', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, '');
    const { delivers, parts } = start(t, directory);
    await until('the empty file held', () => parts.descriptors.held === 1);
    directory.append(ACTIVE, 'half');
    rotate(directory, 1);
    await delivers('half');
  });

  it('counts what it could not read before it was deleted', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    const { parts, delivers } = start(t, directory);
    await delivers('a\n');
    directory.hide(ACTIVE);
    directory.append(ACTIVE, 'b\n');
    await delivers('a\nb\n');
    directory.write(ACTIVE, '');
    directory.append(ACTIVE, 'c\n');
    await delivers('a\nb\nc\n');
    assert.deepEqual(parts.observer.losses, [], 'all was read before the file was cut');
  });
});

describe('stopping', () => {
  it('before it began reads nothing', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    const parts = testParts();
    const tail = new LogTail({ directory: directory.path, base: ACTIVE }, [], FOLLOWING, parts);
    await tail.run(AbortSignal.abort());
    assert.equal(parts.sink.text, '');
    assert.equal(parts.descriptors.held, 0);
  });

  it('ends a wait for room in the window', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    const parts = testParts();
    const stop = new AbortController();
    let asked = 0;
    parts.sink.reserve = (signal) => {
      asked += 1;
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    };
    const tail = new LogTail({ directory: directory.path, base: ACTIVE }, [], FOLLOWING, parts);
    const done = tail.run(stop.signal);
    await until('a wait for room', () => asked > 0);
    stop.abort();
    await done;
    assert.equal(asked, 1, 'one slot at a time');
    assert.equal(parts.descriptors.held, 0);
  });

  it('with an error of the sink ends with that error, and gives everything back', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(ACTIVE, 'a\n');
    const parts = testParts();
    const failure = new Error('no window');
    parts.sink.reserve = () => Promise.reject(failure);
    const tail = new LogTail({ directory: directory.path, base: ACTIVE }, [], FOLLOWING, parts);
    await assert.rejects(tail.run(new AbortController().signal), failure);
    assert.equal(parts.descriptors.held, 0);
  });
});

describe('a file that cannot be read', () => {
  const EIO = Object.assign(new Error('i/o error'), { code: 'EIO' });

  it('does not keep whoever reads once from the end, and that is told', async (t) => {
    const directory = new LogDirectory(t);
    directory.write(backup(1), 'a\n');
    directory.write(ACTIVE, 'b\n');
    const failing = statSync(directory.file(backup(1))).ino;
    const readFresh = Object.getOwnPropertyDescriptor(Harvester.prototype, 'readFresh')
      ?.value as Harvester['readFresh'];
    t.mock.method(
      Harvester.prototype,
      'readFresh',
      function (this: Harvester, ...args: Parameters<Harvester['readFresh']>) {
        if (this.ino === failing) throw EIO;
        return readFresh.apply(this, args);
      },
    );
    const { done, parts, tail } = start(t, directory, { options: ONCE });
    await done;
    assert.equal(parts.sink.text, 'b\n');
    assert.equal(tail.hasGivenUp, true);
    assert.equal([...tail.views()].find(({ ino }) => ino === failing)?.position, 0);
  });
});
