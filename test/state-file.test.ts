/**
 * Files of the state directory: wholly old or wholly new, whatever fails and whenever the process dies. How each step
 * of a save may fail is in checkpoint/store.test.ts.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { makeDirectory, replaceFile } from '../src/state-file.ts';
import { fillDisk, smallFileSystem, temporaryDirectory } from './support/temporary.ts';
import { until } from './support/until.ts';

/** More than one write takes. */
const LARGE = 200_000;

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

describe('replacing a file', () => {
  it('makes it, and makes it anew, for its owner only', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    await replaceFile(path, ['old']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await replaceFile(path, ['n', '', 'ew']);
    assert.equal(read(path), 'new');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await replaceFile(path, []);
    assert.equal(read(path), '');
  });

  it('writes every character of every piece, wherever a write ends', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    const unit = fc.constantFrom('a', 'é', '€', '🚀', '\n');
    const piece = fc.tuple(fc.nat(3), unit, fc.constantFrom(0, 1, 10, 70_000)).map((one) => {
      const [shift, character, count] = one;
      return 'x'.repeat(shift) + character.repeat(count);
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 5 }), async (pieces) => {
        await replaceFile(path, pieces);
        assert.ok(read(path) === pieces.join(''));
      }),
      { numRuns: 30 },
    );
  });

  it('begins anew where a crash left something of it', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'file');
    writeFileSync(`${path}.new`, 'y'.repeat(LARGE));
    await replaceFile(path, ['x']);
    assert.equal(read(path), 'x');
    assert.deepEqual(readdirSync(directory), ['file']);
  });

  it('writes through no link that stands where it begins', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'file');
    const other = join(directory, 'other');
    writeFileSync(other, 'not ours');
    symlinkSync(other, `${path}.new`);
    await replaceFile(path, ['new']);
    assert.equal(read(path), 'new');
    assert.equal(read(other), 'not ours');
    assert.ok(lstatSync(path).isFile());
  });

  it('fails without a trace where the file cannot be', async (t) => {
    const directory = temporaryDirectory(t);
    await assert.rejects(replaceFile(join(directory, 'none', 'file'), ['x']), { code: 'ENOENT' });
    mkdirSync(join(directory, 'file'));
    await assert.rejects(replaceFile(join(directory, 'file'), ['x']), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(directory), ['file']);
  });

  it('fails without a trace when the text cannot be made, and the old one stands', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'file');
    await replaceFile(path, ['old']);
    const broken = function* (): Generator<string> {
      yield 'x'.repeat(LARGE);
      throw new Error('broken');
    };
    await assert.rejects(replaceFile(path, broken()), /broken/);
    assert.equal(read(path), 'old');
    assert.deepEqual(readdirSync(directory), ['file']);
  });

  it('fails on a full disk with the old file whole, and gives back the room it took', async (t) => {
    const directory = smallFileSystem(t, 256 * 1024);
    if (directory === undefined) return;
    const path = join(directory, 'file');
    await replaceFile(path, ['old']);
    await assert.rejects(replaceFile(path, ['x'.repeat(2 * LARGE)]), { code: 'ENOSPC' });
    assert.equal(read(path), 'old');
    writeFileSync(join(directory, 'other'), 'y'.repeat(LARGE));
    const ballast = join(directory, 'ballast');
    fillDisk(ballast);
    await assert.rejects(replaceFile(path, ['new']), { code: 'ENOSPC' });
    assert.equal(read(path), 'old');
    rmSync(ballast);
    await replaceFile(path, ['new']);
    assert.equal(read(path), 'new');
  });

  it('leaves a whole file whenever the process is killed', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    const module = new URL('../src/state-file.js', import.meta.url).href;
    const program = `
      import { replaceFile } from ${JSON.stringify(module)};
      for (let turn = 0; ; turn++) await replaceFile(process.argv[1], Array(9).fill(String(turn % 10).repeat(${LARGE})));`;
    for (let round = 0; round < 4; round++) {
      const args = ['--input-type=module', '--eval', program, path];
      const child = spawn(process.execPath, args, { stdio: 'ignore' });
      t.after(() => child.kill('SIGKILL'));
      const exited = once(child, 'exit');
      const before = statSync(path, { throwIfNoEntry: false })?.ino;
      await until('a save', () => statSync(path, { throwIfNoEntry: false })?.ino !== before);
      child.kill('SIGKILL');
      await exited;
      const text = read(path);
      assert.ok(text === (text[0] ?? '').repeat(9 * LARGE), 'old and new are mixed');
    }
  });
});

describe('making a directory', () => {
  it('makes its parents, all for their owner only, and leaves what is there', async (t) => {
    const top = temporaryDirectory(t);
    const directory = join(top, 'a', 'b');
    await Promise.all([makeDirectory(directory), makeDirectory(directory)]);
    for (const made of ['a', 'a/b']) assert.equal(statSync(join(top, made)).mode & 0o777, 0o700);
    writeFileSync(join(directory, 'file'), 'x');
    await makeDirectory(directory);
    assert.deepEqual(readdirSync(directory), ['file']);
  });

  it('fails where a file stands in the way', async (t) => {
    const file = join(temporaryDirectory(t), 'file');
    writeFileSync(file, '');
    await assert.rejects(makeDirectory(file), { code: 'EEXIST' });
    await assert.rejects(makeDirectory(join(file, 'below')), { code: 'ENOTDIR' });
  });
});
