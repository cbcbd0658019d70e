/**
 * Places on disk that a test uses and that are gone after it: a directory, and a file system so small that it is full
 * at once. Knows nothing of what is put there.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Little enough to leave no block free. */
const BALLAST_BYTES = 1024;

/** An empty directory. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * An empty file system of its own. Undefined, and the test is marked as skipped, where mounting is not permitted; in
 * CI (the variable `CI` is set) that is an error instead.
 */
export function smallFileSystem(
  t: TestContext,
  bytes: number,
  access: 'rw' | 'ro' = 'rw',
): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `${access},size=${bytes}`, 'tmpfs', directory], {
      stdio: 'pipe',
    });
  } catch (error) {
    rmSync(directory, { recursive: true });
    const advice = 'a full disk needs a small tmpfs: run the tests as root';
    if (process.env['CI'] !== undefined) throw new Error(advice, { cause: error });
    t.skip(advice);
    return undefined;
  }
  t.after(() => {
    execFileSync('umount', ['--lazy', directory]);
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** Writes to a file until nothing fits on its disk any more. */
export function fillDisk(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(BALLAST_BYTES), { flag: 'a' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}
