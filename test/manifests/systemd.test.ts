/** The unit of systemd: systemd takes it, confines it as far as a program on V8 can be, and check takes its configuration. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { check } from '../../src/commands/check.ts';
import { MANIFESTS } from '../support/manifests.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FOLDER = join(MANIFESTS, 'systemd');
/** Tenths of systemd's 0 (confined) to 10; 1.8 is with the right to read, the network and a compiler at run time. */
const EXPOSURE_MAX = 18;

function systemdAnalyze(...args: readonly string[]): string {
  return execFileSync('systemd-analyze', args, { encoding: 'utf8', stdio: 'pipe' });
}

/** The unit with a program that is there; undefined, and the test is marked as skipped, where systemd is not. */
function unitFile(t: TestContext): string | undefined {
  try {
    systemdAnalyze('--version');
  } catch {
    t.skip('systemd-analyze is not on this machine'); // the only thing that asking for a version can mean
    return undefined;
  }
  const unit = readFileSync(join(FOLDER, 'audit-shipper.service'), 'utf8');
  const path = join(temporaryDirectory(t), 'audit-shipper.service');
  writeFileSync(path, unit.replace('ExecStart=audit-shipper ', 'ExecStart=/bin/true '));
  return path;
}

test('systemd takes the unit without a warning', (t) => {
  const unit = unitFile(t);
  if (unit === undefined) return;
  assert.equal(systemdAnalyze('verify', '--man=no', unit), '');
});

test('systemd finds it confined', (t) => {
  const unit = unitFile(t);
  if (unit === undefined) return;
  systemdAnalyze('security', '--offline=yes', '--no-pager', `--threshold=${EXPOSURE_MAX}`, unit);
});

test('it has one capability, one place to write to, and time to stop', () => {
  const unit = readFileSync(join(FOLDER, 'audit-shipper.service'), 'utf8');
  const values = (key: string): string[] =>
    Array.from(unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm')), ([, value = '']) => value);
  assert.deepEqual(values('User'), ['audit-shipper']);
  for (const set of ['AmbientCapabilities', 'CapabilityBoundingSet']) {
    assert.deepEqual(values(set), ['CAP_DAC_READ_SEARCH']);
  }
  assert.deepEqual(values('NoNewPrivileges'), ['yes']);
  assert.deepEqual(values('ProtectSystem'), ['strict']);
  assert.deepEqual([...values('StateDirectory'), ...values('ReadWritePaths')], ['audit-shipper']);
  assert.deepEqual(values('TimeoutStopSec'), ['30s']);
  assert.deepEqual(values('RestartPreventExitStatus'), ['2']);
});

test('check takes its configuration', async () => {
  let out = '';
  let err = '';
  const config = join(FOLDER, 'audit-shipper.yaml');
  const exitCode = await check(
    { config },
    { env: {}, nowMs: 0, out: (text) => (out += text), err: (text) => (err += text) },
  );
  assert.equal(exitCode, 0, err);
  assert.match(out, /^ {2}state_dir +\/var\/lib\/audit-shipper /m);
  assert.match(out, /^ {2}grace +10s /m);
});
