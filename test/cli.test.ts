/** The command line: which action runs with what, and what is said about wrong usage. No action does anything. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { misspeltCommand, runCli, type CliActions } from '../src/cli.ts';
import { AUDIT_LEVELS } from '../src/commands/simulate/events.ts';
import { FORMATS } from '../src/config/config.ts';
import { LOG_LEVELS } from '../src/observe/log.ts';
import { VERSION } from '../src/version.ts';
import { projectRoot } from './support/project.ts';

interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly called: readonly unknown[];
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  let out = '';
  let err = '';
  const called: unknown[] = [];
  const record =
    (name: string, exitCode: number) =>
    (options: unknown): Promise<number> => {
      called.push([name, options]);
      return Promise.resolve(exitCode);
    };
  const actions: CliActions = {
    ship: record('ship', 0),
    check: record('check', 2),
    status: record('status', 1),
    receive: record('receive', 0),
    replay: record('replay', 1),
    simulate: record('simulate', 0),
    verify: record('verify', 1),
    policyTest: record('policy test', 0),
    policyExplain: record('policy explain', 1),
    policyDiff: record('policy diff', 2),
  };
  const exitCode = await runCli(args, {
    actions,
    env,
    columns: () => 80,
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { exitCode, out, err, called };
}

test('without arguments it ships, with no option set', async () => {
  assert.deepEqual(await run([]), { exitCode: 0, out: '', err: '', called: [['ship', {}]] });
});

test('ship takes paths and options in any order, short and long', async () => {
  const expected = {
    follow: true,
    output: ['stdout', 'x'],
    stateDir: 's',
    from: '15m',
    format: 'json',
    config: 'c.yaml',
    field: ['a=1', 'b=2'],
    logLevel: 'warn',
    grace: '1s',
    paths: ['/a', '/b'],
  };
  const short = await run(
    '/a -f -o stdout -s s --from 15m --format json -c c.yaml --field a=1 -o x --field b=2 --log-level warn --grace 1s /b'.split(
      ' ',
    ),
  );
  assert.deepEqual(short.called, [['ship', expected]]);
  const long = await run(
    '--follow --output=stdout --output=x --state-dir=s --from=15m --format=json --config=c.yaml --field=a=1 --field=b=2 --log-level=warn --grace=1s -- /a /b'.split(
      ' ',
    ),
  );
  assert.deepEqual(long.called, [['ship', expected]]);
});

test('check takes the options of ship, and its exit code is passed on', async () => {
  const { called, exitCode } = await run(['check', '-f', '-c', 'c.yaml', '--field', 'a=1', '/a']);
  assert.deepEqual(called, [
    ['check', { follow: true, config: 'c.yaml', field: ['a=1'], paths: ['/a'] }],
  ]);
  assert.equal(exitCode, 2);
});

test('status needs a state directory, from -s or from the environment', async () => {
  const env = { AUDIT_SHIPPER_STATE_DIR: 'e' };
  assert.deepEqual((await run(['status', '-s', 'd'], env)).called, [
    ['status', { stateDir: 'd', json: false }],
  ]);
  assert.deepEqual((await run(['status', '--json'], env)).called, [
    ['status', { stateDir: 'e', json: true }],
  ]);
  const { exitCode, err, called } = await run(['status'], { AUDIT_SHIPPER_STATE_DIR: '' });
  assert.equal(exitCode, 2);
  assert.match(err, /--state-dir <dir>' not specified/);
  assert.deepEqual(called, []);
});

test('simulate has defaults and units', async () => {
  const defaults = {
    dir: 'd',
    rate: 100,
    maxsizeMb: 100,
    maxbackup: 10,
    compress: false,
    level: 'Metadata',
    forMs: undefined,
    seed: 1,
    fileName: 'audit.log',
  };
  assert.deepEqual((await run(['simulate', 'd'])).called, [['simulate', defaults]]);
  const given =
    'simulate d --rate 0.5 --maxsize 1 --maxbackup 0 --compress --level Request --count 7 --for 10s --seed 3 --file-name k';
  assert.deepEqual((await run(given.split(' '))).called, [
    [
      'simulate',
      {
        dir: 'd',
        rate: 0.5,
        maxsizeMb: 1,
        maxbackup: 0,
        compress: true,
        level: 'Request',
        count: 7,
        forMs: 10_000,
        seed: 3,
        fileName: 'k',
      },
    ],
  ]);
});

test('replay takes what is about delivering, and no paths', async () => {
  const given = 'replay -s s -o forward://a -o forward://b --tag t --field a=1 -c c.yaml';
  const output = ['forward://a', 'forward://b'];
  assert.deepEqual(await run(given.split(' ')), {
    exitCode: 1,
    out: '',
    err: '',
    called: [['replay', { stateDir: 's', output, tag: 't', field: ['a=1'], config: 'c.yaml' }]],
  });
  assert.equal((await run(['replay', '/var/log'])).exitCode, 2);
  assert.equal((await run(['replay', '--follow'])).exitCode, 2);
});

test('receive listens to this machine only, unless it is told otherwise', async () => {
  const defaults = { listen: '127.0.0.1:24224', format: 'auto', forMs: undefined };
  assert.deepEqual((await run(['receive'])).called, [['receive', defaults]]);
  const given =
    'receive --listen [::1]:0 --shared-key-file k --username u --password-file p --tls-cert c --tls-key y --tls-ca a --format wide --count 7 --for 10s';
  assert.deepEqual((await run(given.split(' '))).called, [
    [
      'receive',
      {
        listen: '[::1]:0',
        sharedKeyFile: 'k',
        username: 'u',
        passwordFile: 'p',
        tlsCert: 'c',
        tlsKey: 'y',
        tlsCa: 'a',
        format: 'wide',
        count: 7,
        forMs: 10_000,
      },
    ],
  ]);
});

test('wrong usage ends with 2, a hint, and no action', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['--folow', /unknown option '--folow'\n\(Did you mean --follow\?\)/],
    ['check --grce 1s', /Did you mean --grace\?/],
    ['--grace', /argument missing/],
    ['status -s d extra', /too many arguments/],
    ['simulate', /missing required argument 'dir'/],
    ['simulate d --rate -1', /number from 0/],
    ['simulate d --maxsize 0', /number above 0/],
    ['simulate d --maxbackup 1.5', /whole number from 0/],
    ['simulate d --count 0', /whole number from 1/],
    ['simulate d --level None', /Allowed choices are Metadata, Request, RequestResponse/],
    ['simulate d --for 10', /has no unit/],
    ['simulate d --file-name a/b', /without a directory/],
    ['receive --format xml', /Allowed choices are auto, json, pretty, wide/],
    ['receive --count 1.5', /whole number from 1/],
    ['receive 127.0.0.1:24224', /too many arguments/],
    ['-c x.yaml check', /--config stands before the command; .*audit-shipper check --config/],
    ['-f status -s d', /--follow stands before the command/],
  ];
  for (const [line, expected] of cases) {
    const { exitCode, out, err, called } = await run(line.split(' '));
    assert.deepEqual({ line, exitCode, out, called }, { line, exitCode: 2, out: '', called: [] });
    assert.match(err, expected);
    assert.match(err, /Run "audit-shipper --help"/);
  }
});

test('a complaint repeats no value behind a = and no control character', async () => {
  const { err } = await run(['--shared-key=s3cret\u001b\nx']);
  assert.match(err, /unknown option '--shared-key=…'/);
  assert.doesNotMatch(err, /s3cret|\u001b/);
  assert.doesNotMatch((await run(['--\u001b[2J'])).err, /\u001b/);
});

test('help goes to stdout, with examples, defaults and exit codes, for each command', async () => {
  for (const command of ['', 'check', 'status', 'receive', 'replay', 'simulate']) {
    const words = command === '' ? [] : [command];
    const { exitCode, out, err } = await run([...words, '--help']);
    assert.deepEqual({ exitCode, err }, { exitCode: 0, err: '' });
    assert.match(out, /Examples:\n/);
    assert.match(out, /Exit codes: 0/);
    assert.match(out, /default/);
    assert.deepEqual(
      out.split('\n').filter((line) => line.length > 80),
      [],
    );
    assert.equal((await run(['help', ...words])).out, out);
  }
});

test('help names every word that an option takes', async () => {
  const help = (await run(['--help'])).out.replaceAll(/\s+/g, ' ');
  for (const words of [LOG_LEVELS, FORMATS]) {
    assert.ok(help.includes(`${words.slice(0, -1).join(', ')} or ${words.at(-1)}`));
  }
  const receiveHelp = (await run(['receive', '--help'])).out.replaceAll(/\s+/g, ' ');
  assert.ok(receiveHelp.includes(`choices: ${FORMATS.map((format) => `"${format}"`).join(', ')},`));
  const simulateHelp = (await run(['simulate', '--help'])).out.replaceAll(/\s+/g, ' ');
  assert.ok(simulateHelp.includes(`choices: ${AUDIT_LEVELS.map((l) => `"${l}"`).join(', ')},`));
});

test('verify takes paths, a state directory from its option or its variable, and several delivered files', async () => {
  const nothing = { delivered: [], json: false, strict: false, anyOrder: false };
  const { called, exitCode } = await run(['verify']);
  assert.deepEqual(called, [['verify', { ...nothing, paths: [], stateDir: undefined }]]);
  assert.equal(exitCode, 1);
  const all = '/a -s s --delivered x --delivered - --json --strict --any-order /b'.split(' ');
  const expected = {
    delivered: ['x', '-'],
    json: true,
    strict: true,
    anyOrder: true,
    paths: ['/a', '/b'],
    stateDir: 's',
  };
  const env = { AUDIT_SHIPPER_STATE_DIR: '/state' };
  assert.deepEqual((await run(['verify', ...all], env)).called, [['verify', expected]]);
  const known = await run(['verify'], env);
  assert.deepEqual(known.called, [['verify', { ...nothing, paths: [], stateDir: '/state' }]]);
});

test('policy takes its command, a policy or two, and paths', async () => {
  const tested = await run('policy test p.yaml /a /b --strict --json'.split(' '));
  const options = { policy: 'p.yaml', paths: ['/a', '/b'], strict: true, json: true };
  assert.deepEqual([tested.called, tested.exitCode], [[['policy test', options]], 0]);
  const explained = await run('policy explain --audit-id x p.yaml'.split(' '));
  const wanted = { policy: 'p.yaml', paths: [], auditId: 'x', json: false };
  assert.deepEqual([explained.called, explained.exitCode], [[['policy explain', wanted]], 1]);
  const different = await run('policy diff a.yaml b.yaml /a'.split(' '));
  const both = { a: 'a.yaml', b: 'b.yaml', paths: ['/a'], json: false };
  assert.deepEqual([different.called, different.exitCode], [[['policy diff', both]], 2]);
});

test('policy without a command, a policy, or with an unknown option is wrong usage', async () => {
  for (const args of ['policy', 'policy test', 'policy diff a', 'policy test a --audit-id x']) {
    const { exitCode, err, called } = await run(args.split(' '));
    assert.deepEqual([exitCode, called], [2, []], args);
    assert.notEqual(err, '', args);
  }
});

test('the version is that of package.json', async () => {
  const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  assert.equal(VERSION, version);
  const { out, exitCode } = await run(['--version']);
  assert.deepEqual({ out, exitCode }, { out: `${version}\n`, exitCode: 0 });
});

test('a failing command rejects, for main to explain', async () => {
  const failing = (): Promise<number> => Promise.reject(new Error('no'));
  const actions: CliActions = {
    ship: failing,
    check: failing,
    status: failing,
    receive: failing,
    replay: failing,
    simulate: failing,
    verify: failing,
    policyTest: failing,
    policyExplain: failing,
    policyDiff: failing,
  };
  const ignore = (): void => undefined;
  await assert.rejects(
    runCli([], { actions, env: {}, columns: () => 80, out: ignore, err: ignore }),
    /^Error: no$/,
  );
});

test('a first path that looks like a misspelt command gets a hint, unless it exists', () => {
  const nothing = (): boolean => false;
  assert.match(misspeltCommand(['stauts'], nothing) ?? '', /the command "status".*\.\/stauts/);
  assert.match(misspeltCommand(['simulat', '/tmp/x'], nothing) ?? '', /"simulate"/);
  assert.equal(
    misspeltCommand(['stauts'], () => true),
    undefined,
  );
  for (const path of ['./stauts', '/status', 'audit.log', 'stat*', 'kubernetes', '']) {
    assert.equal(misspeltCommand([path], nothing), undefined, path);
  }
  assert.equal(misspeltCommand([], nothing), undefined);
});
