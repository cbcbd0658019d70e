/** Saving while the agent runs: nothing to save is no write, and a failure is said once and tried again. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CheckpointFile } from '../../src/checkpoint/format.ts';
import { CheckpointSaver, type CheckpointSource } from '../../src/checkpoint/saver.ts';
import { CHECKPOINT_FILE, CheckpointStore } from '../../src/checkpoint/store.ts';
import { NOTHING_SETTLED } from '../../src/deliver/chunk.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** Has something to save whenever it changed. */
class Source implements CheckpointSource {
  #offset = 0;
  #changed = false;

  change(): void {
    this.#offset += 1;
    this.#changed = true;
  }

  collect(): CheckpointFile | undefined {
    if (!this.#changed) return undefined;
    this.#changed = false;
    return { checkpoints: [this.checkpoint], problems: [], losses: [], outlooks: [] };
  }

  get checkpoint() {
    const offset = this.#offset;
    const accounts = { ...NOTHING_SETTLED, earlierBytes: offset };
    const file = { path: '/a', fingerprint: 'f', dev: 1, ino: 1, time: undefined, gone: undefined };
    return { ...file, offset, size: offset, updated: '', accounts };
  }

  putBack(): void {
    this.#changed = true;
  }
}

function setUp(t: TestContext) {
  const directory = join(temporaryDirectory(t), 'state');
  mkdirSync(directory);
  const store = new CheckpointStore(directory);
  const source = new Source();
  const log = new RecordingLog();
  return { directory, store, source, log, saver: new CheckpointSaver(store, source, log) };
}

test('what changed is saved, and what did not change is not', async (t) => {
  const { directory, store, source, saver } = setUp(t);
  source.change();
  assert.equal(await saver.save(), true);
  assert.deepEqual((await store.load()).checkpoints, [source.checkpoint]);
  const { ino } = statSync(join(directory, CHECKPOINT_FILE));
  assert.equal(await saver.save(), true);
  assert.equal(statSync(join(directory, CHECKPOINT_FILE)).ino, ino);
});

test('a failure is said once, and what is not on disk is saved as soon as it can be', async (t) => {
  const { directory, store, source, log, saver } = setUp(t);
  rmSync(directory, { recursive: true });
  source.change();
  for (let attempt = 0; attempt < 3; attempt++) assert.equal(await saver.save(), false);
  assert.deepEqual(log.messages('error'), [
    'checkpoints cannot be saved: the state directory is gone, make it again; shipping goes on, a restart repeats events',
  ]);
  mkdirSync(directory);
  assert.equal(await saver.save(), true);
  assert.deepEqual((await store.load()).checkpoints, [source.checkpoint]);
  assert.deepEqual(log.messages('info'), ['checkpoints are saved again']);
});

test('another failure is said, too', async (t) => {
  const { directory, source, log, saver } = setUp(t);
  rmSync(directory, { recursive: true });
  source.change();
  await saver.save();
  writeFileSync(directory, '');
  await saver.save();
  await saver.save();
  assert.deepEqual(
    log.entries.map(({ fields }) => fields),
    [{ code: 'ENOENT' }, { code: 'ENOTDIR' }],
  );
});

test('it saves by itself, again and again, until it is stopped', async (t) => {
  const { store, source, saver } = setUp(t);
  const stop = new AbortController();
  const running = saver.run(stop.signal);
  for (let round = 0; round < 2; round++) {
    source.change();
    saver.notify();
    const { offset } = source.checkpoint;
    let saved: number | undefined;
    await until('a save', () => {
      void store.load().then(({ checkpoints }) => (saved = checkpoints[0]?.offset));
      return saved === offset;
    });
  }
  stop.abort();
  await running;
});

test('while nobody says that something changed it sleeps, but not for ever', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { source, saver } = setUp(t);
  const collect = source.collect.bind(source);
  let collected = 0;
  source.collect = () => {
    collected += 1;
    return collect();
  };
  const stop = new AbortController();
  const running = saver.run(stop.signal);
  const pass = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await pass(800);
  assert.equal(collected, 1);
  await pass(4999);
  assert.equal(collected, 1);
  await pass(1);
  await pass(800);
  assert.equal(collected, 2, 'nobody said anything');
  await pass(100);
  saver.notify();
  await pass(0);
  await pass(799);
  assert.equal(collected, 2);
  await pass(1);
  assert.equal(collected, 3, 'as soon as while it is busy');
  stop.abort();
  await running;
});

test('what is on disk has an age from the first change on that is not in it', async (t) => {
  const { source, saver } = setUp(t);
  assert.ok(saver.ageMs > 0);
  await saver.save();
  assert.equal(saver.ageMs, 0);
  source.change();
  saver.notify();
  const first = performance.now();
  while (performance.now() === first);
  saver.notify();
  assert.ok(saver.ageMs > 0);
  assert.equal(await saver.save(), true);
  assert.equal(saver.ageMs, 0);
});
