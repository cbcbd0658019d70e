/** `audit-shipper check`: what goes where, and the exit code. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { check } from '../../src/commands/check.ts';
import type { Flags } from '../../src/config/flags.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function run(flags: Flags) {
  let out = '';
  let err = '';
  const exitCode = await check(flags, {
    env: {},
    nowMs: Date.UTC(2026, 2, 4),
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { exitCode, out, err };
}

test('a good configuration: the settings with their sources on stdout, and 0', async () => {
  const { exitCode, out, err } = await run({ paths: [tmpdir()], from: '1d' });
  assert.deepEqual({ exitCode, err }, { exitCode: 0, err: '' });
  assert.match(out, /^configuration ok\n/);
  assert.match(out, /^ {2}from +2026-03-03T00:00:00.000Z +--from$/m);
  assert.match(out, /^ {2}max_event_bytes +16MiB +default$/m);
});

test('a warning does not make a configuration bad', async () => {
  const { exitCode, err } = await run({ paths: ['/does/not/exist'], from: '2027-01-01T00:00:00Z' });
  assert.equal(exitCode, 0);
  assert.match(err, /^warning: --from: lies in the future/);
  assert.match(err, /^warning: \/does\/not\/exist: does not exist/m);
});

test('a bad configuration: every problem on stderr, and 2', async () => {
  const { exitCode, out, err } = await run({ grace: 'x', format: 'prety' });
  assert.deepEqual({ exitCode, out }, { exitCode: 2, out: '' });
  assert.match(err, /^audit-shipper: 2 problems in the configuration\n/);
  assert.match(err, /^ {2}--format: .*; did you mean "pretty"\?$/m);
  assert.match(err, /^ {2}--grace: /m);
});

test('it sees what on this machine is in the way', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-check-'));
  const file = join(directory, 'audit.log');
  const state = join(directory, 'state');
  const follow = { follow: true, paths: [directory] };
  const cases: readonly (readonly [Flags, readonly string[]])[] = [
    [{ paths: [directory, file, `${directory}/*.log`, `${directory}/a{u,b}*.log`] }, []],
    [{ paths: [`${directory}/none/*.log`] }, ['/none: does not exist']],
    [{ ...follow, paths: [`${directory}/none`], stateDir: state }, ['/none: does not exist yet']],
    [follow, ['state_dir: is not set']],
    [{ ...follow, stateDir: state }, []],
    [
      { ...follow, stateDir: join(directory, 'a/b') },
      ['/a/b: the state directory does not exist yet'],
    ],
    [{ ...follow, stateDir: file }, ['/audit.log: the state directory is not a directory']],
    [
      { ...follow, stateDir: join(file, 'x') },
      ['/audit.log/x: the state directory cannot be written'],
    ],
  ];
  try {
    writeFileSync(file, '');
    mkdirSync(state);
    for (const [flags, expected] of cases) {
      const { exitCode, err } = await run(flags);
      const warnings = err.match(/^warning: [^:]*: [^:;(\n]*[^:;( \n]/gm) ?? [];
      assert.deepEqual(
        warnings.map((line) => line.replace('warning: ', '').replace(directory, '')),
        expected,
      );
      assert.equal(exitCode, 0);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('it sees what is wrong with the files of a login', async (t) => {
  const directory = temporaryDirectory(t);
  const place = (name: string, mode: number): string => {
    const path = join(directory, name);
    writeFileSync(path, 'x');
    chmodSync(path, mode);
    return path;
  };
  const config = join(directory, 'c.yaml');
  const warningsFor = async (text: string): Promise<string> => {
    writeFileSync(config, `{paths: [${directory}], output: "forwards://a.example", ${text}}`);
    const { exitCode, err } = await run({ config });
    assert.equal(exitCode, 0);
    return err;
  };
  const own = place('own', 0o600);
  const everybodys = place('everybodys', 0o644);
  assert.equal(await warningsFor(`shared_key_file: ${own}, tls: {ca_file: ${everybodys}}`), '');
  assert.match(
    await warningsFor(`shared_key_file: ${everybodys}`),
    /everybodys: can be read by every user/,
  );
  assert.match(
    await warningsFor(`shared_key_file: ${own}, tls: {ca_file: ${directory}/none}`),
    /none: cannot be read: it does not exist; check the name; nothing can be delivered/,
  );
});
