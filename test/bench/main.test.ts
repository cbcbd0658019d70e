/**
 * The whole benchmark in small: it runs all its parts, and every event arrives. Speeds are nobody's business here.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';

const run = promisify(execFile);
const MAIN = join(projectRoot(), 'dist', 'bench', 'main.js');
/** Ten times what it takes: on a busy machine this only ends what would hang. */
const TIMEOUT_MS = 180_000;

async function bench(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [MAIN, ...args], {
    cwd: projectRoot(),
    timeout: TIMEOUT_MS,
    // Peers would take their time.
    env: { PATH: '/usr/bin:/bin' },
  });
  return stdout;
}

describe('npm run bench -- --small', () => {
  it('measures everything and judges the targets', async () => {
    const said = await bench('--small');
    const headings = [...said.matchAll(/^## (\w+)$/gm)].map(([, heading]) => heading);
    const parts = ['drain', 'rules', 'latency', 'idle', 'startup', 'growth', 'memory', 'faults'];
    assert.deepEqual(headings, [...parts, 'targets']);
    for (const what of ['audit-shipper, Forward', 'raw relay of the bytes', 'Fluent Bit: not on']) {
      assert.ok(said.includes(what), what);
    }
    assert.ok(!said.includes('NaN'), said);
  });

  it('refuses a part that does not exist', async () => {
    await assert.rejects(bench('--small', '--only', 'dran'), /no part is called dran/);
  });

  it('refuses a number that is none', async () => {
    await assert.rejects(bench('--runs', '0'), /--runs: 0 is no whole number/);
  });
});
