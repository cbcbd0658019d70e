/** The rotating writer does on disk what lumberjack does: names, order, limits; and it loses nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import {
  RotatingWriter,
  type RotatingWriterOptions,
} from '../../../src/commands/simulate/rotating-writer.ts';
import { parseLogFileName } from '../../../src/tail/names.ts';
import { contentOf } from '../../support/log-files.ts';

const MAX_BYTES = 100;
const MAXSIZE_MB = MAX_BYTES / (1024 * 1024);
/** The clock stands still: every rotation falls into the same millisecond. */
const NOW = new Date(Date.UTC(2026, 2, 4, 5, 6, 7, 89));
const FIRST_BACKUP = 'audit-2026-03-04T05-06-07.089.log';
const OLD_BACKUP = 'audit-2025-01-01T00-00-00.000.log';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-writer-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function open(directory: string, options: Partial<RotatingWriterOptions> = {}): RotatingWriter {
  return new RotatingWriter({
    path: join(directory, 'audit.log'),
    maxsizeMb: MAXSIZE_MB,
    maxbackup: 0,
    compress: false,
    now: () => NOW,
    onMillError: (error) => assert.fail(`the mill failed: ${String(error)}`),
    ...options,
  });
}

/** A line of `length` bytes including its newline. */
function line(letter: string, length: number): Buffer {
  return Buffer.from(`${letter.repeat(length - 1)}\n`);
}

describe('RotatingWriter', () => {
  it('loses nothing, keeps to maxsize and to the names of lumberjack, whatever is written', async (t) => {
    const root = temporary(t);
    let run = 0;
    const sizes = fc.array(fc.integer({ min: 1, max: MAX_BYTES }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (lengths, compress) => {
        const directory = join(root, String(run++));
        const writer = open(directory, { compress });
        const written = lengths.map((length, index) => line(String(index % 10), length));
        for (const bytes of written) assert.equal(writer.write(bytes), 'written');
        await writer.close();
        if (written.length === 0) return;
        const files = await writer.files();
        assert.deepEqual([...files].sort(), readdirSync(directory).sort());
        assert.equal(files.length, writer.rotations + 1);
        const contents = files.map((name) => contentOf(directory, name));
        assert.deepEqual(Buffer.concat(contents), Buffer.concat(written));
        for (const content of contents) assert.ok(content.length <= MAX_BYTES);
        for (const name of files.slice(0, -1)) {
          const parsed = parseLogFileName(name);
          assert.equal(parsed.base, 'audit.log');
          assert.equal(parsed.backup?.kind, 'lumberjack');
          assert.equal(parsed.gz, compress);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('renames, creates, deletes what is too much, and only then compresses, removing the plain file last', async (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, `${OLD_BACKUP}.gz`), gzipSync('old\n'));
    const seen: string[] = [];
    const watcher = watch(directory, (kind, name) => {
      if (name === 'end') watcher.close();
      else if (kind === 'rename' && name !== null) seen.push(name);
    });
    const watched = once(watcher, 'close');
    const writer = open(directory, { maxbackup: 1, compress: true });
    writer.write(line('a', MAX_BYTES));
    writer.write(line('b', MAX_BYTES));
    await writer.close();
    writeFileSync(join(directory, 'end'), '');
    await watched;
    assert.deepEqual(seen, [
      'audit.log',
      'audit.log',
      FIRST_BACKUP,
      'audit.log',
      `${OLD_BACKUP}.gz`,
      `${FIRST_BACKUP}.gz`,
      FIRST_BACKUP,
    ]);
  });

  it('keeps the inode of the old file in the backup and begins a new one', async (t) => {
    const directory = temporary(t);
    const active = join(directory, 'audit.log');
    const writer = open(directory);
    writer.write(line('a', MAX_BYTES));
    const { ino } = statSync(active);
    writer.write(line('b', 10));
    await writer.close();
    assert.equal(statSync(join(directory, FIRST_BACKUP)).ino, ino);
    assert.notEqual(statSync(active).ino, ino);
  });

  it('gives each rotation of one millisecond a name of its own, also beside the backups of earlier runs', async (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, `${FIRST_BACKUP}.gz`), gzipSync('kept\n'));
    const writer = open(directory);
    for (const letter of 'abc') writer.write(line(letter, MAX_BYTES));
    await writer.close();
    assert.deepEqual(await writer.files(), [
      `${FIRST_BACKUP}.gz`,
      'audit-2026-03-04T05-06-07.090.log',
      'audit-2026-03-04T05-06-07.091.log',
      'audit.log',
    ]);
    assert.equal(contentOf(directory, `${FIRST_BACKUP}.gz`).toString(), 'kept\n');
  });

  it('keeps the newest backups, as many as maxbackup says', async (t) => {
    const directory = temporary(t);
    for (const compress of [false, true]) {
      const path = join(directory, `${compress}`, 'audit.log');
      const writer = open(directory, { path, maxbackup: 2, compress });
      for (const letter of 'abcdef') writer.write(line(letter, MAX_BYTES));
      await writer.close();
      assert.equal(writer.rotations, 5);
      const letters = (await writer.files()).map((name) =>
        contentOf(join(directory, `${compress}`), name).toString('utf8', 0, 1),
      );
      assert.deepEqual(letters, ['d', 'e', 'f']);
    }
  });

  it('refuses a write larger than maxsize and leaves the file as it is', async (t) => {
    const directory = temporary(t);
    const writer = open(directory);
    writer.write(line('a', 10));
    assert.equal(writer.write(line('b', MAX_BYTES + 1)), 'refused');
    await writer.close();
    assert.equal(writer.refused, 1);
    assert.equal(writer.written, 1);
    assert.equal(readFileSync(join(directory, 'audit.log'), 'utf8'), line('a', 10).toString());
  });

  it('appends to a file that is there', async (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, 'audit.log'), 'before\n');
    const writer = open(directory);
    writer.write(Buffer.from('after\n'));
    await writer.close();
    assert.equal(readFileSync(join(directory, 'audit.log'), 'utf8'), 'before\nafter\n');
    assert.equal(writer.rotations, 0);
  });

  it('rotates a file that is there when the first write would fill it', async (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, 'audit.log'), line('a', 60));
    const writer = open(directory);
    writer.write(line('b', 40));
    await writer.close();
    assert.equal(writer.rotations, 1);
    assert.deepEqual(contentOf(directory, FIRST_BACKUP), line('a', 60));
  });

  it('creates with mode 0600 and then keeps the mode that the old file has, compressed too', async (t) => {
    const directory = temporary(t);
    const active = join(directory, 'audit.log');
    const writer = open(directory, { compress: true });
    writer.write(line('a', MAX_BYTES));
    assert.equal(statSync(active).mode & 0o777, 0o600);
    chmodSync(active, 0o640);
    writer.write(line('b', MAX_BYTES));
    await writer.close();
    assert.equal(statSync(active).mode & 0o777, 0o640);
    assert.equal(statSync(join(directory, `${FIRST_BACKUP}.gz`)).mode & 0o777, 0o640);
  });

  it('redoes a .gz that a crash cut short', async (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, OLD_BACKUP), 'whole\n');
    writeFileSync(join(directory, `${OLD_BACKUP}.gz`), gzipSync('whole\n').subarray(0, 8));
    const writer = open(directory, { compress: true });
    writer.write(line('a', 10));
    await writer.close();
    assert.equal(existsSync(join(directory, OLD_BACKUP)), false);
    assert.equal(contentOf(directory, `${OLD_BACKUP}.gz`).toString(), 'whole\n');
  });

  it('reports what the mill cannot do and does the rest', async (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, OLD_BACKUP), 'kept\n');
    mkdirSync(join(directory, `${OLD_BACKUP}.gz`));
    const problems: unknown[] = [];
    const onMillError = (error: unknown): void => void problems.push(error);
    const writer = open(directory, { compress: true, onMillError });
    writer.write(line('a', MAX_BYTES));
    writer.write(line('b', MAX_BYTES));
    await writer.close();
    assert.ok(problems.length > 0);
    assert.equal(readFileSync(join(directory, OLD_BACKUP), 'utf8'), 'kept\n');
    assert.deepEqual(contentOf(directory, `${FIRST_BACKUP}.gz`), line('a', MAX_BYTES));
  });

  it('takes names without extension', async (t) => {
    const directory = temporary(t);
    const writer = open(directory, { path: join(directory, 'kubernetes-audit'), compress: true });
    writer.write(line('a', MAX_BYTES));
    writer.write(line('b', MAX_BYTES));
    await writer.close();
    assert.deepEqual(await writer.files(), [
      'kubernetes-audit-2026-03-04T05-06-07.089.gz',
      'kubernetes-audit',
    ]);
  });
});
