/**
 * Standard output: every byte of a chunk once and in order, whatever the kernel takes at a time, and an answer only
 * when it has all of them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { Chunk } from '../../src/deliver/chunk.ts';
import { OutputClosedError, type Output } from '../../src/output/output.ts';
import { stdoutOutput, type StdoutStream } from '../../src/output/stdout.ts';
import { fillDisk, smallFileSystem, temporaryDirectory } from '../support/temporary.ts';

let chunks = 0;

function chunkOf(...payload: readonly Buffer[]): Chunk {
  const none = { events: 0, bytes: 0 };
  const payloadBytes = payload.reduce((sum, { length }) => sum + length, 0);
  const accounts = { delivered: none, filtered: none };
  return { id: `chunk-${++chunks}`, payload, payloadBytes, accounts };
}

/** Bytes of which each part differs from the others. */
function noise(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7) % 251));
}

const noStream = (): StdoutStream => assert.fail('no stream is wanted');

describe('a file as standard output', () => {
  function outputTo(t: TestContext, path: string): Output {
    const fd = openSync(path, 'a');
    t.after(() => closeSync(fd));
    return stdoutOutput(fd, noStream);
  }

  it('gets every byte once, in order', async (t) => {
    const path = join(temporaryDirectory(t), 'out');
    const output = outputTo(t, path);
    const pieces = [noise(1), noise(200_000), Buffer.alloc(0), noise(65_536), noise(3)];
    await output.deliver(chunkOf(...pieces));
    await output.deliver(chunkOf());
    await output.deliver(chunkOf(noise(10)));
    await output.close();
    assert.ok(readFileSync(path).equals(Buffer.concat([...pieces, noise(10)])));
  });

  it('is appended to', async (t) => {
    const path = join(temporaryDirectory(t), 'out');
    await outputTo(t, path).deliver(chunkOf(Buffer.from('first\n')));
    await outputTo(t, path).deliver(chunkOf(Buffer.from('second\n')));
    assert.equal(readFileSync(path, 'utf8'), 'first\nsecond\n');
  });

  it('may be a device that swallows everything', async (t) => {
    await outputTo(t, '/dev/null').deliver(chunkOf(noise(200_000)));
  });

  it('may be a device that is full: that is an error, and not the end', async (t) => {
    const output = outputTo(t, '/dev/full');
    const chunk = chunkOf(noise(10));
    await assert.rejects(output.deliver(chunk), { code: 'ENOSPC' });
    await assert.rejects(output.deliver(chunk), { code: 'ENOSPC' });
  });

  it('goes on behind what it took when its disk was full, so that no line is torn', async (t) => {
    const directory = smallFileSystem(t, 256 * 1024);
    if (directory === undefined) return;
    const path = join(directory, 'out');
    const output = outputTo(t, path);
    await output.deliver(chunkOf(noise(1000)));
    const ballast = join(directory, 'ballast');
    const chunk = chunkOf(noise(50_000), noise(70_000), noise(30_000));
    // Room for a part of the chunk only.
    writeFileSync(join(directory, 'room'), noise(80_000));
    fillDisk(ballast);
    rmSync(join(directory, 'room'));
    await assert.rejects(output.deliver(chunk), { code: 'ENOSPC' });
    const taken = readFileSync(path).length - 1000;
    assert.ok(taken > 0 && taken < 150_000, `${taken} bytes were taken`);
    rmSync(ballast);
    await output.deliver(chunk);
    assert.ok(readFileSync(path).equals(Buffer.concat([noise(1000), ...chunk.payload])));
  });
});

/** A pipe, as far as the output sees it: it takes when the test says so. */
class ScriptedStream implements StdoutStream {
  readonly written: Buffer[] = [];
  readonly #waiting: ((error?: Error | null) => void)[] = [];
  #onError: ((error: Error) => void) | undefined;

  write(bytes: Uint8Array, done: (error?: Error | null) => void): boolean {
    this.written.push(Buffer.from(bytes));
    this.#waiting.push(done);
    return false;
  }

  on(_event: 'error', listener: (error: Error) => void): this {
    this.#onError = listener;
    return this;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  take(): void {
    this.#waiting.shift()?.();
  }

  /** The write under way fails. */
  fail(code: string): Error {
    const error = Object.assign(new Error(code), { code });
    this.#waiting.shift()?.(error);
    return error;
  }

  /** The stream itself is done for. */
  break(code: string): void {
    this.#onError?.(this.fail(code));
  }
}

describe('a pipe as standard output', () => {
  function pipe(t: TestContext): { readonly output: Output; readonly stream: ScriptedStream } {
    const path = join(temporaryDirectory(t), 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, 'r+');
    t.after(() => closeSync(fd));
    const stream = new ScriptedStream();
    return { output: stdoutOutput(fd, () => stream), stream };
  }

  it('has a chunk when its last byte was taken, and not before', async (t) => {
    const { output, stream } = pipe(t);
    const chunk = chunkOf(noise(100_000), noise(10));
    let delivered = false;
    const delivering = output.deliver(chunk).then(() => (delivered = true));
    for (let write = 0; write < 2; write++) {
      await turn();
      assert.deepEqual([delivered, stream.waiting], [false, 1]);
      stream.take();
    }
    await delivering;
    assert.ok(Buffer.concat(stream.written).equals(Buffer.concat(chunk.payload)));
  });

  it('never has more than 64 KiB waiting: a slow reader costs no memory', async (t) => {
    const { output, stream } = pipe(t);
    const size = fc.oneof(fc.integer({ min: 0, max: 150_000 }), fc.constantFrom(0, 1, 65_536));
    const sizes = fc.array(size, { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, async (given) => {
        stream.written.length = 0;
        const chunk = chunkOf(...given.map(noise));
        const delivering = output.deliver(chunk);
        await turn();
        while (stream.waiting > 0) {
          assert.equal(stream.waiting, 1);
          stream.take();
          await turn();
        }
        await delivering;
        // Small pieces go together: each write but the last is a full one.
        assert.ok(stream.written.every(({ length }) => length > 0 && length <= 64 * 1024));
        assert.ok(stream.written.slice(0, -1).every(({ length }) => length === 64 * 1024));
        assert.ok(Buffer.concat(stream.written).equals(Buffer.concat(chunk.payload)));
      }),
      { numRuns: 20 },
    );
  });

  it('goes on behind what was taken after an error', async (t) => {
    const { output, stream } = pipe(t);
    const chunk = chunkOf(noise(70_000));
    const delivering = output.deliver(chunk);
    stream.take();
    await turn();
    stream.written.length = 0;
    const failing = assert.rejects(delivering, { code: 'EIO' });
    stream.fail('EIO');
    await failing;
    stream.written.length = 0;
    const again = output.deliver(chunk);
    await turn();
    stream.take();
    await again;
    assert.ok(Buffer.concat(stream.written).equals(noise(70_000).subarray(65_536)));
  });

  for (const code of ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']) {
    it(`is closed for good with ${code}`, async (t) => {
      const { output, stream } = pipe(t);
      const chunk = chunkOf(noise(10));
      const closed = assert.rejects(output.deliver(chunk), OutputClosedError);
      stream.break(code);
      await closed;
      await assert.rejects(output.deliver(chunk), OutputClosedError);
      assert.equal(stream.written.length, 1, 'nothing is written to what is closed');
    });
  }

  it('keeps an error between two chunks for the next one', async (t) => {
    const { output, stream } = pipe(t);
    stream.break('EPIPE');
    await assert.rejects(output.deliver(chunkOf(noise(10))), OutputClosedError);
  });
});
