/** Whoever has to act is warned before rotation deletes what is not delivered, once, and told when it is over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LossWatch } from '../src/loss-watch.ts';
import type { Pipeline } from '../src/pipeline.ts';
import type { LogTail } from '../src/tail/log-tail.ts';
import { LOG } from './support/blocks.ts';
import { RecordingLog } from './support/recording-log.ts';

const MB = 1_000_000;
const view = { fingerprint: 'f', dev: 1, ino: 1, present: true };

test('a log that falls behind is warned of, and the warning is taken back', () => {
  const log = new RecordingLog();
  let written = 0;
  let settled = 0;
  const tail = {
    path: LOG,
    hasSeenAll: true,
    heldDeletedBytes: 7,
    forgottenBytes: 0,
    views: () => [
      { ...view, key: 1, path: '/backup', size: 10 * MB, position: 10 * MB },
      { ...view, key: 2, path: LOG, size: written, position: written },
      { ...view, key: 3, path: '/deleted', size: 5, position: 0, present: false },
    ],
  };
  const watch = new LossWatch({
    tails: new Map([[LOG, tail as unknown as LogTail]]),
    pipeline: {
      ledgers: new Map([
        [
          1,
          {
            log: LOG,
            fingerprint: 'f',
            ledger: {
              get position() {
                return settled;
              },
            },
          },
        ],
        [2, { log: LOG, fingerprint: 'f', ledger: { position: 0 } }],
      ]),
    } as unknown as Pipeline,
    flags: { maxFileBytes: 100 * MB, maxBackups: 2 },
    log,
  });
  const said = (): readonly string[] => log.entries.map(({ level }) => level);
  watch.look(0);
  written += MB;
  watch.look(10_000);
  assert.deepEqual(watch.list(), [
    { log: LOG, bytesPerSecond: 100_000, secondsToLoss: 1990, heldDeletedBytes: 7 },
  ]);
  assert.deepEqual(said(), [], 'there is time');
  for (let second = 20; second <= 300; second += 10) {
    written += 10 * MB;
    watch.look(second * 1000);
  }
  assert.deepEqual(said(), ['warn'], 'once');
  const [warning] = log.entries;
  assert.equal(warning?.fields?.['path'], LOG);
  assert.ok(Number(warning.fields['time_to_loss_seconds']) < 600);
  assert.equal(warning.fields['held_deleted_bytes'], 7);
  settled = 10 * MB;
  watch.look(310_000);
  assert.deepEqual(said(), ['warn', 'info']);
});

test('a log of which not every file was looked at yet has no rate', () => {
  const sizes = [10 * MB];
  const tail = {
    path: LOG,
    hasSeenAll: false,
    heldDeletedBytes: 0,
    forgottenBytes: 0,
    views: () => sizes.map((size, key) => ({ ...view, key, path: `/${key}`, size, position: 0 })),
  };
  const watch = new LossWatch({
    tails: new Map([[LOG, tail as unknown as LogTail]]),
    pipeline: { ledgers: new Map() } as unknown as Pipeline,
    flags: { maxFileBytes: 100 * MB, maxBackups: 2 },
    log: new RecordingLog(),
  });
  watch.look(0);
  sizes.push(10 * MB);
  tail.hasSeenAll = true;
  watch.look(10_000);
  assert.equal(watch.of(LOG).bytesPerSecond, undefined);
  sizes.push(MB);
  watch.look(20_000);
  assert.equal(watch.of(LOG).bytesPerSecond, 100_000);
});
