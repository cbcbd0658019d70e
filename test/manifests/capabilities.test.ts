/**
 * The one capability of the DaemonSet (root) and of the unit of systemd (another user), as the kernel sees it: with it the
 * agent reads audit files of another owner and writes its state, and without it it does not.
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

/** Whoever runs the service of systemd: not root, and not the owner of the files. */
const SERVICE_UID = 65533;
const CAPABILITY = '-all,+dac_read_search';

/** The agent under a bounding set, with no new privileges, as `allowPrivilegeEscalation: false` has it. */
function shipAs(confine: readonly string[], state: string, path: string) {
  const main = join(projectRoot(), 'dist', 'src', 'main.js');
  const agent = [process.execPath, main, '--format', 'json', '--state-dir', state, path];
  return promisify(execFile)('setpriv', [...confine, '--no-new-privs', ...agent]);
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
  const { stdout } = await shipAs(['--bounding-set', CAPABILITY], state, logs);
  assert.equal(stdout, EVENT);
  assert.ok(readdirSync(state).includes('checkpoints.json'));
});

test('so does another user who is given it', async (t) => {
  const logs = strangersLog(t);
  if (logs === undefined) return;
  const state = temporaryDirectory(t);
  chownSync(state, SERVICE_UID, SERVICE_UID);
  const user = ['--reuid', String(SERVICE_UID), '--regid', String(SERVICE_UID), '--clear-groups'];
  const sets = ['--inh-caps', '--ambient-caps', '--bounding-set'].flatMap((set) => [
    set,
    CAPABILITY,
  ]);
  const { stdout } = await shipAs([...user, ...sets], state, logs);
  assert.equal(stdout, EVENT);
  assert.ok(readdirSync(state).includes('checkpoints.json'));
});

test('without it they cannot be read', async (t) => {
  const logs = strangersLog(t);
  if (logs === undefined) return;
  const none = ['--bounding-set', '-all'];
  await assert.rejects(shipAs(none, temporaryDirectory(t), logs), /EACCES|permission/i);
});
