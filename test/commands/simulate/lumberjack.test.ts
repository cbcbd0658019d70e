/** The rotating writer against lumberjack itself, and the writer on lumberjack that other tests rely on. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { sequenceOf } from '../../../src/commands/simulate/events.ts';
import { RotatingWriter } from '../../../src/commands/simulate/rotating-writer.ts';
import { contentOf, linesOf } from '../../support/log-files.ts';
import { buildLumberjackWriter, startLumberjack } from '../../support/lumberjack.ts';

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-lumberjack-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Backups from old to new, then the active file: `-` sorts before `.`. */
const filesIn = (directory: string): string[] => readdirSync(directory).sort();

describe('a log written by lumberjack', { skip }, () => {
  it('has each number once and the sums that the writer reports', async (t) => {
    const directory = temporary(t);
    const path = join(directory, 'audit.log');
    const run = startLumberjack(binary ?? '', { path, count: 3_000, start: 5, compress: true });
    const done = await run.done;
    assert.deepEqual([done?.written, done?.rotations, done?.last], [3_000, 3, 3_004]);
    const files = filesIn(directory);
    assert.equal(files.length, 4);
    const lines = linesOf(directory, files);
    assert.deepEqual(
      lines.map(sequenceOf),
      Array.from({ length: 3_000 }, (_, index) => index + 5),
    );
    for (const line of lines) JSON.parse(line);
    assert.equal(done?.bytes, lines.join('\n').length + 1);
  });

  it('ends cleanly on SIGTERM and says how far it came', async (t) => {
    const directory = temporary(t);
    const path = join(directory, 'audit.log');
    const run = startLumberjack(binary ?? '', { path, count: 0, rate: 100 });
    // The handler is in place before the first event, and an event in the file means that it was written.
    while (!readdirSync(directory).includes('audit.log')) await new Promise(setImmediate);
    run.kill('SIGTERM');
    const result = await run.done;
    assert.equal(linesOf(directory, filesIn(directory)).length, result?.written);
    assert.equal(result?.last, result?.written);
  });

  it('is divided into files exactly as the rotating writer does it', async (t) => {
    const theirs = temporary(t);
    const path = join(theirs, 'audit.log');
    await startLumberjack(binary ?? '', { path, count: 4_000, padBytes: 333 }).done;
    const ours = temporary(t);
    const writer = new RotatingWriter({
      path: join(ours, 'audit.log'),
      maxsizeMb: 1,
      maxbackup: 0,
      compress: false,
      now: () => new Date(),
      onMillError: (error) => assert.fail(String(error)),
    });
    for (const line of linesOf(theirs, filesIn(theirs))) writer.write(Buffer.from(`${line}\n`));
    await writer.close();
    const contents = (directory: string) =>
      filesIn(directory).map((name) => contentOf(directory, name).toString('utf8'));
    assert.deepEqual(contents(ours), contents(theirs));
  });
});
