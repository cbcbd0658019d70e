/**
 * A look at a directory: which file stands for a generation, which events are due without a state directory, and what
 * belongs to the question.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Checkpoint, SavedLoss } from '../../../src/checkpoint/format.ts';
import { CheckpointStore } from '../../../src/checkpoint/store.ts';
import { look } from '../../../src/commands/verify/look.ts';
import { Progress } from '../../../src/commands/verify/progress.ts';
import { totalsOf } from '../../../src/commands/verify/report.ts';
import { NOTHING_SETTLED } from '../../../src/deliver/chunk.ts';
import { LogDirectory } from '../../support/log-directory.ts';
import { eventOf, eventsOf } from '../../support/numbered-events.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { MIDDLE, OLDEST } from '../../support/verifying.ts';

const SILENT = new Progress({ write: () => true });
const LINE_BYTES = eventOf(1).length + 1;

/** As tail/fingerprint.ts has it: of the first line. */
function fingerprintOf(content: string): string {
  const [line = ''] = content.split('\n');
  return createHash('sha256').update(line).digest('hex').slice(0, 32);
}

/** Delivered lines of the events of a content, by their numbers in it. */
function deliveryOf(content: string, ...events: readonly number[]): string {
  const id = (event: number): string => `${fingerprintOf(content)}-${event * LINE_BYTES}`;
  return events.map((event) => `{"shipper":{"id":"${id(event)}"}}\n`).join('');
}

function checkpointOf(path: string, content: string): Checkpoint {
  const { length: offset } = content;
  const delivered = { events: content.split('\n').length - 1, bytes: offset };
  const place = { path, fingerprint: fingerprintOf(content), dev: 1, ino: 1, updated: '' };
  return { ...place, offset, size: offset, accounts: { ...NOTHING_SETTLED, delivered } };
}

interface Given {
  readonly delivered?: string;
  readonly paths?: readonly string[];
  readonly checkpoints?: readonly Checkpoint[];
  readonly losses?: readonly SavedLoss[];
}

async function lookAt(t: TestContext, logs: LogDirectory, given: Given = {}) {
  const { delivered, checkpoints, losses = [] } = given;
  const directory = temporaryDirectory(t);
  const deliveries = join(directory, 'delivered');
  if (delivered !== undefined) writeFileSync(deliveries, delivered);
  const stateDir = checkpoints && join(directory, 'state');
  if (stateDir !== undefined && checkpoints !== undefined) {
    mkdirSync(stateDir);
    const file = { checkpoints, problems: [], losses, outlooks: [] };
    await new CheckpointStore(stateDir).save(file);
  }
  const { paths = stateDir === undefined ? [logs.path] : [] } = given;
  const options = { stateDir, paths, delivered: delivered === undefined ? [] : [deliveries] };
  const verification = await look(options, SILENT);
  const totals = totalsOf(verification);
  const { generations, obstacles, notes } = verification;
  const files = generations.map(({ path, isOnDisk }) => {
    return path.slice(logs.path.length + 1) + (isOnDisk ? '' : ' gone');
  });
  const { missing, notYet } = totals.delivery;
  return { ...totals, missing, notYet, fileNames: files, obstacles, notes, verification };
}

const [OLD, MID, NEW] = [eventsOf(1, 4), eventsOf(11, 14), eventsOf(21, 24)];

function threeFiles(t: TestContext): LogDirectory {
  const logs = new LogDirectory(t);
  logs.write(OLDEST, OLD);
  logs.write(MIDDLE, MID);
  logs.write('audit.log', NEW);
  return logs;
}

describe('without a state directory', () => {
  it('all is due that is older than the last delivered event', async (t) => {
    const logs = threeFiles(t);
    const wanting = async (delivered: string) => {
      const { missing, notYet } = await lookAt(t, logs, { delivered });
      return { missing, notYet };
    };
    const old = deliveryOf(OLD, 0, 1, 2, 3);
    assert.deepEqual(await wanting(old), { missing: 0, notYet: 8 });
    assert.deepEqual(await wanting(old + deliveryOf(MID, 0, 2)), { missing: 1, notYet: 5 });
    assert.deepEqual(await wanting(deliveryOf(MID, 0)), { missing: 4, notYet: 7 });
    assert.deepEqual(await wanting(old + deliveryOf(NEW, 0)), { missing: 4, notYet: 3 });
  });

  it('a last line that may still grow is not due before there is a younger file', async (t) => {
    const logs = new LogDirectory(t);
    const content = `${NEW}${eventOf(25)}`;
    logs.write('audit.log', content);
    const delivered = deliveryOf(content, 0, 1, 2, 3);
    assert.deepEqual((await lookAt(t, logs, { delivered })).notYet, 1);
    logs.rename('audit.log', MIDDLE);
    logs.write('audit.log', eventsOf(31, 31));
    const more = delivered + deliveryOf(eventsOf(31, 31), 0);
    assert.deepEqual((await lookAt(t, logs, { delivered: more })).missing, 1);
  });

  it('counts what was delivered of files that are gone', async (t) => {
    const logs = threeFiles(t);
    const gone = deliveryOf(eventsOf(91, 93), 0, 1, 2);
    const { verification } = await lookAt(t, logs, { delivered: gone + deliveryOf(OLD, 0) });
    assert.deepEqual(verification.unknown, { files: 1, events: 3 });
  });
});

describe('a generation', () => {
  it('is its plain file while that is being compressed, and the longer one while it is copied', async (t) => {
    const logs = threeFiles(t);
    const old = eventsOf(1, 4000);
    const half = gzipSync(old);
    logs.write(OLDEST, old);
    logs.write('audit-2026-11-20T00-00-01.000.log.gz', half.subarray(0, half.length / 2));
    logs.write('audit-2026-11-19T00-00-00.000.log', MID.slice(0, 2 * LINE_BYTES));
    const { fileNames, events, obstacles } = await lookAt(t, logs);
    assert.deepEqual(fileNames, [OLDEST, MIDDLE, 'audit.log']);
    assert.deepEqual([events, obstacles], [4008, []]);
  });

  it('that cannot be read to its end is an obstacle', async (t) => {
    const logs = new LogDirectory(t);
    const gz = gzipSync(eventsOf(1, 2000));
    logs.write(`${OLDEST}.gz`, gz.subarray(0, gz.length - 100));
    const { obstacles } = await lookAt(t, logs);
    assert.match(obstacles[0]?.message ?? '', /^the gzip file is damaged behind \d+ bytes/);
  });

  it('has nothing to verify while it has no first line', async (t) => {
    const logs = threeFiles(t);
    logs.rename('audit.log', 'audit-2026-11-22T00-00-00.000.log');
    logs.write('audit.log', '\0\0\0');
    assert.equal((await lookAt(t, logs)).files, 3);
  });
});

describe('with a state directory', () => {
  const all = (logs: LogDirectory) => [
    checkpointOf(logs.file(OLDEST), OLD),
    checkpointOf(logs.file(MIDDLE), MID),
    checkpointOf(logs.file('audit.log'), NEW),
  ];

  it('the logs are those that are remembered, with what is gone before what is there', async (t) => {
    const logs = threeFiles(t);
    const checkpoints = all(logs);
    logs.remove(MIDDLE);
    const { fileNames, contradictions } = await lookAt(t, logs, { checkpoints });
    assert.deepEqual(fileNames, [`${MIDDLE} gone`, OLDEST, 'audit.log']);
    assert.equal(contradictions, 0);
  });

  it('paths leave others out, and a file is known wherever it is', async (t) => {
    const logs = threeFiles(t);
    const checkpoints = [...all(logs), checkpointOf('/elsewhere/audit.log', eventsOf(41, 42))];
    const one = await lookAt(t, logs, { checkpoints, paths: [logs.file(MIDDLE)] });
    assert.deepEqual(one.fileNames, [MIDDLE]);
    assert.match(one.notes.join(), /remembers 3 files of other logs/);
    logs.write('moved/audit.log', eventsOf(41, 42));
    const moved = await lookAt(t, logs, { checkpoints, paths: [logs.file('moved')] });
    assert.deepEqual(moved.fileNames, ['moved/audit.log']);
    assert.equal(moved.accounts.delivered.events, 2);
  });

  it('losses of files that are forgotten still count', async (t) => {
    const logs = threeFiles(t);
    const place = { log: logs.file('audit.log'), path: logs.file(OLDEST), fingerprint: 'ab' };
    const loss = { offset: 5, bytes: 70, reason: 'deleted', until: 'then', noted: 'now' };
    const losses = [{ ...place, ...loss }];
    const { lostBytes } = await lookAt(t, logs, { checkpoints: all(logs), losses });
    assert.equal(lostBytes, 70);
  });
});
