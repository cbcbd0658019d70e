/**
 * One agent per state directory: the second hears who holds it, and a holder that died, however it died, holds
 * nothing. Other agents are processes of their own here.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import split from 'split2';
import { currentHolder, StateLock } from '../../src/checkpoint/lock.ts';
import { StateError } from '../../src/checkpoint/store.ts';
import { fillDisk, smallFileSystem, temporaryDirectory } from '../support/temporary.ts';

const MODULE = new URL('../../src/checkpoint/lock.js', import.meta.url).href;

/** Says `ready`, waits for a line, tries to take the lock, says `held` or why not; holds it while it lives. */
const PROGRAM = `
  import { once } from 'node:events';
  import { StateLock } from ${JSON.stringify(MODULE)};
  console.log('ready');
  await once(process.stdin, 'data');
  try {
    await StateLock.acquire(process.argv[1]);
    console.log('held');
  } catch (error) {
    console.log(error.constructor.name + ': ' + error.message);
  }
  process.stdin.resume();`;

class Rival {
  readonly pid: number;
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  private constructor(t: TestContext, directory: string) {
    const args = ['--input-type=module', '--eval', PROGRAM, directory];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = this.#child.stdout.pipe(split())[Symbol.asyncIterator]() as AsyncIterator<string>;
    this.pid = this.#child.pid ?? -1;
    t.after(async () => this.kill());
  }

  static async ready(t: TestContext, directory: string): Promise<Rival> {
    const rival = new Rival(t, directory);
    assert.equal(await rival.#hears(), 'ready');
    return rival;
  }

  async #hears(): Promise<string> {
    const { value } = (await this.#lines.next()) as { value: string | undefined };
    return value ?? 'nothing more';
  }

  /** @returns `held`, or what the error said. */
  async acquire(): Promise<string> {
    this.#child.stdin.write('go\n');
    return this.#hears();
  }

  /** Lets it go on to its end. */
  async leave(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    assert.deepEqual(await exited, [0, null]);
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

const inUse = (error: unknown): boolean =>
  error instanceof StateError && /is in use by another audit-shipper/.test(error.message);

describe('the lock of a state directory', () => {
  it('is held until it is released, and leaves nothing behind', async (t) => {
    const directory = temporaryDirectory(t);
    const lock = await StateLock.acquire(directory);
    assert.equal(await lock.isHeld(), true);
    assert.deepEqual(readdirSync(directory).sort(), ['lock', 'lock.sock']);
    await assert.rejects(StateLock.acquire(directory), inUse);
    await lock.release();
    assert.deepEqual(readdirSync(directory), []);
    await (await StateLock.acquire(directory)).release();
  });

  it('says who holds it, since when, and what to do', async (t) => {
    const directory = temporaryDirectory(t);
    const rival = await Rival.ready(t, directory);
    assert.equal(await rival.acquire(), 'held');
    await assert.rejects(StateLock.acquire(directory), (error: Error) => {
      const who = `${directory} is in use by another audit-shipper: process ${rival.pid} on ${hostname()}, since 20`;
      return (
        error.message.includes(who) && /stop that one, or give.*--state-dir$/.test(error.message)
      );
    });
    const holder = await currentHolder(directory);
    assert.deepEqual([holder?.pid, holder?.host], [rival.pid, hostname()]);
  });

  it('is free when its holder was killed, whatever that one left behind', async (t) => {
    const directory = temporaryDirectory(t);
    for (let round = 0; round < 2; round++) {
      const rival = await Rival.ready(t, directory);
      assert.equal(await rival.acquire(), 'held');
      await rival.kill();
      assert.deepEqual(readdirSync(directory).sort(), ['lock', 'lock.sock']);
      assert.equal(await currentHolder(directory), undefined);
    }
    const lock = await StateLock.acquire(directory);
    assert.equal((await currentHolder(directory))?.pid, process.pid);
    await lock.release();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('is held by a process that stands still', async (t) => {
    const directory = temporaryDirectory(t);
    const rival = await Rival.ready(t, directory);
    assert.equal(await rival.acquire(), 'held');
    rival.freeze();
    await assert.rejects(StateLock.acquire(directory), inUse);
  });

  it('does not keep its holder from ending', async (t) => {
    const directory = temporaryDirectory(t);
    const rival = await Rival.ready(t, directory);
    assert.equal(await rival.acquire(), 'held');
    await rival.leave();
    assert.equal(await currentHolder(directory), undefined);
  });

  for (const stale of [false, true]) {
    const where = stale ? 'that a dead one left behind' : 'that nobody had before';
    it(`goes to exactly one of two that want one ${where} at once`, async (t) => {
      for (let round = 0; round < 5; round++) {
        const directory = temporaryDirectory(t);
        if (stale) await leaveDeadSocket(directory);
        const rivals = await Promise.all([Rival.ready(t, directory), Rival.ready(t, directory)]);
        const answers = await Promise.all(rivals.map(async (rival) => rival.acquire()));
        const [loser, winner] = answers.sort();
        assert.equal(winner, 'held');
        assert.match(loser ?? '', /^StateError: .* is in use by another audit-shipper/);
        await Promise.all(rivals.map(async (rival) => rival.kill()));
      }
    });
  }

  it('works below a path that is too long for a socket', async (t) => {
    const directory = join(temporaryDirectory(t), 'x'.repeat(120), 'y'.repeat(120));
    mkdirSync(directory, { recursive: true });
    const lock = await StateLock.acquire(directory);
    await assert.rejects(StateLock.acquire(directory), inUse);
    await lock.release();
  });

  it('is not fooled by a file that is no socket', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, 'lock.sock'), 'no socket');
    writeFileSync(join(directory, 'lock'), 'no JSON');
    assert.equal(await currentHolder(directory), undefined);
    const lock = await StateLock.acquire(directory);
    assert.equal((await currentHolder(directory))?.pid, process.pid);
    await lock.release();
  });

  for (const name of ['lock', 'lock.sock']) {
    it(`cannot be taken where ${name} is a directory, and the message says so`, async (t) => {
      const directory = temporaryDirectory(t);
      mkdirSync(join(directory, name));
      await assert.rejects(
        StateLock.acquire(directory),
        (error) => error instanceof StateError && error.message.endsWith('are no directories'),
      );
      rmSync(join(directory, name), { recursive: true, force: true });
      await (await StateLock.acquire(directory)).release();
    });
  }

  it('writes who it is through no link', async (t) => {
    const directory = temporaryDirectory(t);
    const other = join(temporaryDirectory(t), 'other');
    writeFileSync(other, 'not ours');
    symlinkSync(other, join(directory, 'lock'));
    const lock = await StateLock.acquire(directory);
    assert.equal(readFileSync(other, 'utf8'), 'not ours');
    assert.equal((await currentHolder(directory))?.pid, process.pid);
    await lock.release();
  });

  it('is held also by one that nothing is known of', async (t) => {
    const directory = temporaryDirectory(t);
    const lock = await StateLock.acquire(directory);
    t.after(async () => lock.release());
    for (const content of ['no JSON', '[]', '{"pid":"1"}', 'null', '']) {
      writeFileSync(join(directory, 'lock'), content);
      await assert.rejects(StateLock.acquire(directory), inUse);
      assert.equal((await currentHolder(directory))?.host, 'unknown');
    }
  });

  it('is not ours any more when somebody has put a socket in its place', async (t) => {
    const directory = temporaryDirectory(t);
    const lock = await StateLock.acquire(directory);
    rmSync(join(directory, 'lock.sock'));
    assert.equal(await lock.isHeld(), false);
    const other = await StateLock.acquire(directory);
    assert.equal(await lock.isHeld(), false);
    await lock.release();
    assert.equal(await other.isHeld(), true, 'releasing what is lost takes nothing from others');
    await other.release();
  });

  it('can be taken on a full disk', async (t) => {
    const directory = smallFileSystem(t, 16 * 1024);
    if (directory === undefined) return;
    fillDisk(join(directory, 'ballast'));
    const lock = await StateLock.acquire(directory);
    await assert.rejects(StateLock.acquire(directory), inUse);
    await lock.release();
  });

  it('cannot be taken where there is no directory, and the message says so', async (t) => {
    const directory = join(temporaryDirectory(t), 'gone');
    await assert.rejects(StateLock.acquire(directory), (error) => {
      return error instanceof StateError && error.message.startsWith('cannot open the state dir');
    });
  });
});

/** The socket of a process that is no more. */
async function leaveDeadSocket(directory: string): Promise<void> {
  const server = createServer();
  server.listen(join(directory, 'other.sock'));
  await once(server, 'listening');
  // Node removes the path that it listened on: keep the socket under another name.
  linkSync(join(directory, 'other.sock'), join(directory, 'lock.sock'));
  server.close();
  await once(server, 'close');
}
