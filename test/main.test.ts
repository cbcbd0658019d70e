/** The program as a process: exit codes, streams and signals. What the commands do is tested elsewhere. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const ENV = { PATH: process.env['PATH'] };

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-main-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    env: ENV,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

test('a misspelt command ends with 2 and a hint', () => {
  const { status, stdout, stderr } = run('stauts');
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
  assert.match(stderr, /^audit-shipper: there is no file .*did you mean the command "status"/);
});

test('a bad configuration ends with 2 and every problem', () => {
  const { status, stdout, stderr } = run('--grace', 'x', '--from', 'y', '/tmp');
  assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
  assert.match(stderr, /^audit-shipper: 2 problems.*\n {2}--from: .*\n {2}--grace: .*\n$/);
});

test('a command that cannot go on ends with 1 and one line, without a stack', (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  const { status, stderr } = run('simulate', file);
  assert.equal(status, 1);
  assert.match(stderr, /^audit-shipper: [^\n]+\n$/);
});

// V8 says on stderr which flags it does not know, and goes on.
test('all that is said on stderr is the log, whatever Node it is', (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'audit.log'), '{"kind":"Event","apiVersion":"audit.k8s.io/v1"}\n');
  const { status, stderr } = run(directory);
  assert.equal(status, 0);
  const messages = stderr.trimEnd().split('\n');
  assert.deepEqual(
    messages.map((line) => (JSON.parse(line) as { msg: unknown }).msg),
    ['reading', 'stopped'],
  );
});

test('a stdout that nobody reads is a quiet end', async () => {
  const child = spawn(process.execPath, [MAIN, '--help'], {
    env: ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  const stderr = child.stderr.toArray();
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.deepEqual(await stderr, []);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} is a clean stop`, { timeout: 20_000 }, async (t) => {
    const directory = temporaryDirectory(t);
    const watcher = watch(directory);
    t.after(() => watcher.close());
    const written = once(watcher, 'change');
    const child = spawn(process.execPath, [MAIN, 'simulate', directory], {
      env: ENV,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const stderr = child.stderr.setEncoding('utf8').toArray() as Promise<readonly string[]>;
    await written;
    child.kill(signal);
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.match((await stderr).join(''), /"msg":"simulated"/);
  });
}

test('a second signal ends at once what the first could not', { timeout: 20_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  // more than a pipe and the buffers around it take: delivering hangs, since nobody reads
  writeFileSync(join(directory, 'audit.log'), `{"a":"${'x'.repeat(1000)}"}\n`.repeat(5000));
  const child = spawn(process.execPath, [MAIN, '-f', '--grace', '1h', directory], {
    env: ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child.stderr, 'data'); // it logs what it reads: from here on signals are handled
  child.kill('SIGINT');
  child.kill('SIGTERM');
  const [exitCode = null] = (await once(child, 'exit')) as readonly (number | null)[];
  // the process has several threads, and so either may come second
  assert.ok(exitCode === 130 || exitCode === 143, `exit code ${exitCode}`);
});

test('a signal that comes twice at once is one', { timeout: 20_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'audit.log'), '{"a":1}\n');
  const child = spawn(process.execPath, [MAIN, '-f', directory], {
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
