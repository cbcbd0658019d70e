/** What stands in the way of reading: said once, with what to do about it, and once more when it is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, Problems } from '../../src/tail/problems.ts';
import { RecordingLog } from '../support/recording-log.ts';

const PATH = '/var/log/audit.log';
const WHAT = 'the file cannot be read';

function failure(code: string): Error {
  return Object.assign(new Error('text of the system'), { code });
}

test('a problem is said once, and again when it is another', () => {
  const log = new RecordingLog();
  const problems = new Problems(log);
  problems.report(PATH, failure('EACCES'), WHAT);
  problems.report(PATH, failure('EACCES'), WHAT);
  assert.equal(log.entries.length, 1);
  assert.match(
    log.entries[0]?.message ?? '',
    /^the file cannot be read: permission denied; run as/,
  );
  assert.deepEqual(log.entries[0]?.fields, { path: PATH, code: 'EACCES' });
  problems.report(PATH, failure('EIO'), WHAT);
  assert.match(log.entries[1]?.message ?? '', /check the disk/);
  assert.deepEqual(
    problems.list().map(({ code, path }) => ({ code, path })),
    [{ code: 'EIO', path: PATH }],
  );
});

test('the end of a problem is said once, and what comes back is said again', () => {
  const log = new RecordingLog();
  const problems = new Problems(log);
  problems.clear(PATH);
  assert.equal(log.entries.length, 0, 'nothing was wrong');
  problems.report(PATH, failure('EACCES'), WHAT);
  problems.clear(PATH);
  problems.clear(PATH);
  assert.deepEqual(problems.list(), []);
  problems.report(PATH, failure('EACCES'), WHAT);
  assert.deepEqual(
    log.entries.map(({ level }) => level),
    ['warn', 'info', 'warn'],
  );
});

test('what only slows the reading is not in the way of it', () => {
  const problems = new Problems(new RecordingLog());
  problems.report(PATH, failure('EACCES'), WHAT);
  problems.report('/var/log/', failure('EMFILE'), 'cannot watch', 'slows');
  const pathsOf = (harm?: 'hinders' | 'slows') => problems.list(harm).map(({ path }) => path);
  assert.deepEqual(pathsOf('hinders'), [PATH]);
  assert.deepEqual(pathsOf('slows'), ['/var/log/']);
  assert.deepEqual(pathsOf(), [PATH, '/var/log/']);
});

test('a problem has the time since when it stands', () => {
  const problems = new Problems(new RecordingLog());
  const before = Date.now();
  problems.report(PATH, failure('EACCES'), WHAT);
  const [problem] = problems.list();
  const since = Date.parse(problem?.since ?? '');
  assert.ok(since >= before && since <= Date.now());
  assert.equal(new Date(since).toISOString(), problem?.since);
});

test('a code that has no advice is said as it is', () => {
  const log = new RecordingLog();
  new Problems(log).report(PATH, failure('EWEIRD'), WHAT);
  assert.deepEqual(log.messages('warn'), ['the file cannot be read: EWEIRD']);
});

test('of very many problems the oldest are forgotten', () => {
  const problems = new Problems(new RecordingLog());
  const count = 3000;
  for (let path = 0; path < count; path++) problems.report(`/${path}`, failure('EACCES'), WHAT);
  const list = problems.list();
  assert.ok(list.length <= 1000);
  assert.equal(list.at(-1)?.path, `/${count - 1}`);
});

test('the code of whatever was thrown', () => {
  assert.equal(errorCode(failure('ENOENT')), 'ENOENT');
  assert.equal(errorCode(new TypeError('x')), 'TypeError');
  assert.equal(errorCode('x'), 'UNKNOWN');
  assert.equal(errorCode(Object.assign(new Error('x'), { code: 7 })), 'Error');
});
