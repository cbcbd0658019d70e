/**
 * Root with the one capability of the DaemonSet, as the kernel sees it: it reads audit files of another owner and writes
 * its state, and without the capability it does not.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const EVENT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get"}\n';
/** The owner of Talos's audit files. */
const STRANGER_UID = 65534;

/** The agent under a bounding set, with no new privileges, as `allowPrivilegeEscalation: false` has it. */
function shipAs(capabilities: string, state: string, path: string) {
  const main = join(projectRoot(), 'dist', 'src', 'main.js');
  const confine = ['--bounding-set', capabilities, '--no-new-privs'];
  const agent = [process.execPath, main, '--format', 'json', '--state-dir', state, path];
  return promisify(execFile)('setpriv', [...confine, ...agent]);
}

/** Files of another owner, with mode 0600 in a directory with mode 0700; undefined where nobody can make them. */
function strangersLog(t: TestContext): string | undefined {
  if (process.getuid?.() !== 0) {
    t.skip('files of another owner need root');
    return undefined;
  }
  const directory = join(temporaryDirectory(t), 'kube');
  mkdirSync(directory);
  const path = join(directory, 'kube-apiserver.log');
  writeFileSync(path, EVENT, { mode: 0o600 });
  chownSync(path, STRANGER_UID, STRANGER_UID);
  chmodSync(directory, 0o700);
  chownSync(directory, STRANGER_UID, STRANGER_UID);
  return directory;
}

test('DAC_READ_SEARCH alone reads files of another owner, and the state is written', async (t) => {
  const logs = strangersLog(t);
  if (logs === undefined) return;
  const state = temporaryDirectory(t);
  const { stdout } = await shipAs('-all,+dac_read_search', state, logs);
  assert.equal(stdout, EVENT);
  assert.ok(readdirSync(state).includes('checkpoints.json'));
});

test('without it they cannot be read', async (t) => {
  const logs = strangersLog(t);
  if (logs === undefined) return;
  await assert.rejects(shipAs('-all', temporaryDirectory(t), logs), /EACCES|permission/i);
});
