/** What `status` says of losses and of what is to come, from a state directory that an agent has left. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatCheckpoints, type CheckpointFile } from '../../src/checkpoint/format.ts';
import { CHECKPOINT_FILE } from '../../src/checkpoint/store.ts';
import { NOTHING_SETTLED } from '../../src/deliver/chunk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const LOG = '/var/log/\u001b[31maudit.log';
const LOSS = {
  log: LOG,
  path: '/var/log/audit-\u001b.log',
  fingerprint: 'f',
  offset: 900,
  bytes: 100,
  reason: 'deleted',
  until: '2026-03-04T05:06:08.088Z',
  noted: '2026-03-04T05:06:09.088Z',
};

function statusOf(t: TestContext, file: Partial<CheckpointFile>, ...args: string[]): string {
  const directory = join(temporaryDirectory(t), 'state');
  mkdirSync(directory);
  const whole = { checkpoints: [], problems: [], losses: [], outlooks: [], ...file };
  writeFileSync(join(directory, CHECKPOINT_FILE), [...formatCheckpoints(whole)].join(''));
  const command = [MAIN, 'status', '-s', directory, ...args];
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout;
}

test('losses are told, and nothing of them reaches the terminal as it is', (t) => {
  const text = statusOf(t, { losses: [LOSS, { ...LOSS, bytes: 11 }] });
  assert.match(text, /^lost: 111 bytes in 2 places, the last in \/var\/log\/audit-.+, noted 2026/m);
  assert.ok(!text.includes('\u001b'));
  assert.doesNotMatch(statusOf(t, {}), /lost:/);
});

for (const [seconds, told] of [
  [90, '90 s'],
  [600, '10 min'],
  [7199, '119 min'],
  [7200, '2 h'],
  [400_000, '4 days'],
] as const) {
  test(`a loss to come in ${seconds} seconds is told as ${told}`, (t) => {
    const outlook = { log: LOG, bytesPerSecond: 5, secondsToLoss: seconds, heldDeletedBytes: 0 };
    const text = statusOf(t, { outlooks: [outlook] });
    assert.match(
      text,
      new RegExp(`^time to loss: ${told} until rotation of .* at 5 bytes/s$`, 'm'),
    );
    assert.doesNotMatch(text, /held:/);
    assert.ok(!text.includes('\u001b'));
  });
}

test('what is held of deleted files is told, and what nobody knows is not', (t) => {
  const text = statusOf(t, { outlooks: [{ log: LOG, heldDeletedBytes: 77 }] });
  assert.match(text, /^held: 77 bytes of deleted files of /m);
  assert.doesNotMatch(text, /time to loss/);
});

test('nothing of the table reaches the terminal as it is', (t) => {
  const text = statusOf(t, {
    checkpoints: [
      {
        path: LOG,
        fingerprint: 'f\u001b',
        dev: 1,
        ino: 2,
        offset: 8,
        size: 9,
        updated: '\u001b[31m2026',
        accounts: NOTHING_SETTLED,
      },
    ],
  });
  assert.match(text, /x1b\[31m2026/);
  assert.ok(!text.includes('\u001b'));
});

test('--json has all of it', (t) => {
  const outlooks = [{ log: LOG, bytesPerSecond: 5, secondsToLoss: 7, heldDeletedBytes: 0 }];
  const found = JSON.parse(statusOf(t, { losses: [LOSS], outlooks }, '--json')) as unknown;
  assert.deepEqual(
    [(found as CheckpointFile).losses, (found as CheckpointFile).outlooks],
    [[LOSS], outlooks],
  );
});
