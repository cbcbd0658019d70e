/** The agent's own log, written to real descriptors: a file, a device without space, a closed and a full pipe. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog, humanLine, type Log, type LogOptions } from '../../src/observe/log.ts';

/** What a log has written by the time its calls return. */
function written(options: Omit<LogOptions, 'fd'>, write: (log: Log) => void): string {
  const directory = mkdtempSync(join(tmpdir(), 'audit-shipper-log-'));
  const path = join(directory, 'log');
  const fd = openSync(path, 'w');
  try {
    write(createLog({ ...options, fd }));
    return readFileSync(path, 'utf8');
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
}

test('a log that is not read on a terminal is one JSON object per line', () => {
  const text = written({ level: 'info' }, (log) => {
    log.warn('file vanished', { path: '/a "b"\n', offset: 7, gone: true, left: undefined });
    log.debug('not shown');
    log.error('and again');
  });
  const [first = '', second = '', ...rest] = text.split('\n');
  const { time, ...warning } = JSON.parse(first) as Record<string, unknown>;
  assert.deepEqual(Object.keys(JSON.parse(first) as object), [
    'level',
    'time',
    'msg',
    'path',
    'offset',
    'gone',
  ]);
  assert.deepEqual(warning, {
    level: 'warn',
    msg: 'file vanished',
    path: '/a "b"\n',
    offset: 7,
    gone: true,
  });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal((JSON.parse(second) as Record<string, unknown>)['level'], 'error');
  assert.deepEqual(rest, ['']);
});

test('each level lets through itself and what is worse', () => {
  const lines = (level: LogOptions['level'], style: 'json' | 'human'): number =>
    written({ level, style }, (log) => {
      log.error('e');
      log.warn('w');
      log.info('i');
      log.debug('d');
    }).split('\n').length - 1;
  for (const style of ['json', 'human'] as const) {
    assert.deepEqual(
      (['error', 'warn', 'info', 'debug'] as const).map((level) => lines(level, style)),
      [1, 2, 3, 4],
    );
  }
});

test('a line for people has the time, the level, the message and the fields', () => {
  const time = new Date(2026, 2, 4, 5, 6, 7);
  assert.equal(
    humanLine(time, 'warn', 'late', { path: '/a b', n: 3, none: undefined, e: '' }, false),
    '05:06:07 warn   late  path="/a b"  n=3  e=""',
  );
});

test('no message and no value can send control characters to the terminal', () => {
  const line = humanLine(new Date(), 'info', 'a\u001b[2J\n', { path: '\u001b]0;x\u0007\n' }, false);
  assert.doesNotMatch(line, /\p{Cc}/u);
  assert.match(line, /a\\x1b\[2J\\n {2}path=\\x1b\]0;x\\x07\\n$/);
});

test('lines for people are coloured only when that is wanted', () => {
  const colored = (env: Record<string, string>): boolean =>
    written({ level: 'info', style: 'human', env }, (log) => log.info('hello')).includes('\u001b[');
  assert.equal(colored({}), false); // a file is no terminal
  assert.equal(colored({ FORCE_COLOR: '1' }), true);
  assert.equal(colored({ FORCE_COLOR: '1', NO_COLOR: '1' }), false);
});

/** Runs a script in which `createLog` is at hand, and fails when it did not reach its end. */
function survives(script: string, stderr: 'ignore' | 'pipe', shellRedirect = ''): void {
  const module = new URL('../../src/observe/log.js', import.meta.url).href;
  const body = `const { createLog } = await import(${JSON.stringify(module)});
    ${script}
    await new Promise((resolve) => setImmediate(resolve));
    process.stdout.write('alive');`;
  const command = `"$NODE" --input-type=module -e "$BODY" ${shellRedirect}`;
  const { stdout, status } = spawnSync('sh', ['-c', command], {
    env: { ...process.env, NODE: process.execPath, BODY: body },
    stdio: ['ignore', 'pipe', stderr],
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.deepEqual({ stdout, status }, { stdout: 'alive', status: 0 });
}

test('a stderr that was closed does not stop the program', () => {
  survives(
    `const log = createLog({ level: 'info' }); log.info('a'); log.info('b');`,
    'ignore',
    '2>&-',
  );
});

test(
  'a stderr on a full disk does not stop the program',
  { skip: !existsSync('/dev/full') && 'needs /dev/full' },
  () => {
    survives(
      `const log = createLog({ level: 'info' });
       for (let i = 0; i < 100; i++) log.info('x'.repeat(10_000));`,
      'ignore',
      '2>/dev/full',
    );
  },
);

test('a reader of stderr that left does not stop the program', () => {
  // the process holds the only writing end of a pipe whose reading end is closed at once
  survives(
    `const { spawn } = await import('node:child_process');
     const child = spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
     const fd = child.stdin._handle.fd;
     await new Promise((resolve) => child.once('exit', resolve));
     const log = createLog({ level: 'info', fd });
     log.info('a'); log.info('b');`,
    'ignore',
  );
});

test('a full pipe that nobody reads holds the program up once, and not for long', () => {
  survives(
    `const { spawn } = await import('node:child_process');
     const child = spawn('sleep', ['15'], { stdio: ['pipe', 'ignore', 'ignore'] });
     const log = createLog({ level: 'info', fd: child.stdin._handle.fd });
     const begin = performance.now();
     for (let i = 0; i < 1000; i++) log.info('x'.repeat(10_000));
     if (performance.now() - begin > 5000) throw new Error('held up');
     child.kill();
     child.stdin.destroy();`,
    'ignore',
  );
});
