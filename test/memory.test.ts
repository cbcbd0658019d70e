/**
 * What the agent remembers: no checkpoint passes an unsettled byte, also when a file is gone or was lost while its
 * bytes were on their way, and what could not be understood is left alone.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { formatCheckpoints, type Checkpoint } from '../src/checkpoint/format.ts';
import { StateLock } from '../src/checkpoint/lock.ts';
import type { CheckpointSaver } from '../src/checkpoint/saver.ts';
import { CHECKPOINT_FILE, CheckpointStore, StateError } from '../src/checkpoint/store.ts';
import { NOTHING_SETTLED } from '../src/deliver/chunk.ts';
import { Dispatcher } from '../src/deliver/dispatcher.ts';
import { Window } from '../src/deliver/window.ts';
import { JsonWriter } from '../src/event/json-writer.ts';
import { Shipper } from '../src/event/shipper.ts';
import { BlockTranscoder } from '../src/event/transcoder.ts';
import { LossWatch } from '../src/loss-watch.ts';
import { logOf, Memory } from '../src/memory.ts';
import { Pipeline } from '../src/pipeline.ts';
import type { LogTail } from '../src/tail/log-tail.ts';
import { Problems } from '../src/tail/problems.ts';
import type { GenerationView, Loss } from '../src/tail/tail.ts';
import { blockOf, FINGERPRINT, LOG } from './support/blocks.ts';
import { HeldOutput } from './support/held-output.ts';
import { RecordingLog } from './support/recording-log.ts';
import { makeBufferSlab } from './support/slabs.ts';
import { temporaryDirectory } from './support/temporary.ts';

const patient = new AbortController().signal;

/** A tail, as far as memory sees it: the generations that it knows now. */
class FakeTail {
  hasSeenAll = true;
  revision: number | undefined;
  asked = 0;
  #views: readonly GenerationView[] = [];

  views(): readonly GenerationView[] {
    this.asked += 1;
    return this.#views;
  }

  sees(...views: readonly Partial<GenerationView>[]): void {
    this.#views = views.map((view) => ({
      key: 1,
      path: LOG,
      fingerprint: FINGERPRINT,
      dev: 1,
      ino: 2,
      size: 100,
      position: 0,
      present: true,
      ...view,
    }));
  }
}

class Setup {
  readonly directory: string;
  readonly output = new HeldOutput();
  readonly log = new RecordingLog();
  readonly problems = new Problems(this.log);
  readonly tail = new FakeTail();
  readonly pipeline: Pipeline;
  readonly memory: Memory;
  readonly saver: CheckpointSaver;

  private constructor(t: TestContext, directory: string, memory: Memory) {
    this.directory = directory;
    this.memory = memory;
    const dispatcher = new Dispatcher({ output: this.output, log: this.log });
    const shipper = new Shipper({ fields: {}, coordinates: false });
    this.pipeline = new Pipeline({
      window: new Window({ places: 4, slabBytes: 4096, makeSlab: makeBufferSlab }),
      transcoder: new BlockTranscoder(new JsonWriter(shipper)),
      dispatcher,
      log: this.log,
      onFilesChanged: () => undefined,
      chunkBytes: 4096,
      lingerMs: 0,
      timeBefore: (fingerprint, offset) => memory.timeBefore(fingerprint, offset),
      remembers: true,
    });
    const tails = new Map([[LOG, this.tail as unknown as LogTail]]);
    const { pipeline, problems, log } = this;
    const lossWatch = new LossWatch({ tails, pipeline, flags: {}, log });
    this.saver = memory.saver({ tails, pipeline, problems, lossWatch });
    const running = dispatcher.run();
    t.after(async () => {
      this.output.takeAll();
      await dispatcher.drained(patient);
      dispatcher.stop();
      await running;
      await memory.close();
    });
  }

  static async open(t: TestContext, loaded: readonly Checkpoint[] = []): Promise<Setup> {
    const directory = temporaryDirectory(t);
    const text = [
      ...formatCheckpoints({ checkpoints: loaded, problems: [], losses: [], outlooks: [] }),
    ].join('');
    writeFileSync(join(directory, CHECKPOINT_FILE), text);
    const memory = await Memory.open(directory, new RecordingLog());
    return new Setup(t, directory, memory);
  }

  async accept(content: string, start = 0): Promise<void> {
    this.pipeline.accept(blockOf(content, { start }), await this.pipeline.reserve(patient, LOG));
  }

  /** Saves, and reads back what is on disk. */
  async saved() {
    assert.equal(await this.saver.save(), true);
    return new CheckpointStore(this.directory).load();
  }

  /** The offset on disk. */
  async savedOffset(): Promise<number | undefined> {
    const { checkpoints } = await this.saved();
    return checkpoints.find(({ fingerprint }) => fingerprint === FINGERPRINT)?.offset;
  }
}

function checkpointOf(changes: Partial<Checkpoint> = {}): Checkpoint {
  const updated = '2026-03-04T05:06:07.089Z';
  const position = { path: LOG, fingerprint: FINGERPRINT, dev: 1, ino: 2, offset: 8, size: 100 };
  const accounts = { ...NOTHING_SETTLED, delivered: { events: 1, bytes: 8 } };
  return { ...position, updated, accounts, time: '2026-03-04T05:06:06.000Z', ...changes };
}

describe('the log that a file belongs to', () => {
  it('is the same for the active file and for its backups', () => {
    for (const name of ['audit.log', 'audit-2026-03-04T05-06-07.089.log.gz', 'audit.log.3']) {
      assert.equal(logOf(join('/var/log/kubernetes', name)), LOG);
    }
  });
});

describe('what is saved', () => {
  it('of a log that is idle is not asked for again, until it moves, or a chunk of it', async (t) => {
    const setup = await Setup.open(t);
    const { tail } = setup;
    await setup.accept('{"a":1}\n');
    const asks = async (): Promise<boolean> => {
      const { asked } = tail;
      await setup.saved();
      return tail.asked > asked;
    };
    tail.sees({ position: 8, size: 8 });
    tail.revision = 1;
    assert.equal(await asks(), true);
    assert.equal(await asks(), false);
    await setup.output.take();
    assert.equal(await setup.savedOffset(), 8);
    assert.equal(await asks(), false);
    tail.sees({ position: 8, size: 20 });
    tail.revision = 2;
    assert.equal((await setup.saved()).checkpoints[0]?.size, 20);
    tail.revision = undefined;
    assert.equal(await asks(), true);
    assert.equal(await asks(), true, 'it may move at any time');
    tail.revision = 2;
    assert.equal(await asks(), true, 'and may have');
    assert.equal(await asks(), false);
  });

  it('is what was settled, not what was read', async (t) => {
    const setup = await Setup.open(t);
    await setup.accept('{"a":1}\n');
    await setup.accept('{"b":2}\n', 8);
    setup.tail.sees({ position: 16 });
    assert.equal(await setup.savedOffset(), 0);
    await setup.output.take();
    assert.equal(await setup.savedOffset(), 8);
    await setup.output.take();
    assert.equal(await setup.savedOffset(), 16);
  });

  it('is the position where nothing was read yet', async (t) => {
    const setup = await Setup.open(t);
    setup.tail.sees({ position: 42 });
    const { checkpoints } = await setup.saved();
    const [{ updated, ...rest } = checkpointOf()] = checkpoints;
    assert.deepEqual(rest, {
      path: LOG,
      fingerprint: FINGERPRINT,
      dev: 1,
      ino: 2,
      offset: 42,
      size: 100,
      time: undefined,
      gone: undefined,
      accounts: { ...NOTHING_SETTLED, earlierBytes: 42 },
    });
    assert.ok(Math.abs(Date.now() - Date.parse(updated)) < 60_000);
  });

  it('is not written again when nothing changed', async (t) => {
    const setup = await Setup.open(t);
    setup.tail.sees({ position: 42 });
    await setup.saved();
    const path = join(setup.directory, CHECKPOINT_FILE);
    const { ino } = statSync(path);
    await setup.saved();
    assert.equal(statSync(path).ino, ino);
  });

  it('includes what stands in the way, as it comes and goes', async (t) => {
    const setup = await Setup.open(t);
    const denied = Object.assign(new Error('no'), { code: 'EACCES' });
    setup.problems.report('/x', denied, 'cannot be read');
    assert.deepEqual(
      (await setup.saved()).problems.map(({ path, code }) => [path, code]),
      [['/x', 'EACCES']],
    );
    setup.problems.clear('/x');
    assert.deepEqual((await setup.saved()).problems, []);
  });

  it('includes everything again after a failed attempt', async (t) => {
    const setup = await Setup.open(t);
    setup.tail.sees({ position: 42 });
    const blocker = join(setup.directory, `${CHECKPOINT_FILE}.new`);
    mkdirSync(blocker);
    assert.equal(await setup.saver.save(), false);
    rmSync(blocker, { recursive: true });
    assert.equal(await setup.savedOffset(), 42);
  });

  it('goes on for a file that is nowhere any more, until its last byte is settled', async (t) => {
    const setup = await Setup.open(t);
    await setup.accept('{"a":1}\n');
    setup.tail.sees({ position: 8 });
    assert.equal(await setup.savedOffset(), 0);
    setup.tail.sees();
    assert.equal(await setup.savedOffset(), 0);
    await setup.output.take();
    assert.equal(await setup.savedOffset(), 8);
    assert.equal(setup.pipeline.ledgers.size, 0, 'nothing is kept of what is gone');
    assert.equal(await setup.savedOffset(), 8);
  });
});

describe('a loss', () => {
  const UNTIL = '2026-03-04T05:06:08.000Z';
  const LOSS: Loss = {
    generation: 1,
    log: LOG,
    path: '/gone.log',
    fingerprint: FINGERPRINT,
    start: 8,
    end: 100,
    reason: 'deleted',
    isAtLeast: false,
    untilMs: Date.parse(UNTIL),
  };

  it('moves the checkpoint behind what is lost when the receiver was told: it is told once', async (t) => {
    const setup = await Setup.open(t, [checkpointOf()]);
    setup.tail.sees();
    setup.pipeline.lost(LOSS);
    assert.equal(await setup.savedOffset(), 8);
    await setup.output.take();
    const { checkpoints, losses } = await setup.saved();
    const [checkpoint] = checkpoints;
    assert.equal(checkpoint?.offset, 100);
    assert.deepEqual(checkpoint.accounts, {
      ...NOTHING_SETTLED,
      delivered: { events: 1, bytes: 8 },
      lostBytes: 92,
    });
    assert.deepEqual(
      losses.map((loss) => ({ ...loss, noted: '' })),
      [
        {
          log: LOG,
          path: '/gone.log',
          fingerprint: FINGERPRINT,
          offset: 8,
          bytes: 92,
          reason: 'deleted',
          since: '2026-03-04T05:06:06.000Z',
          until: UNTIL,
          noted: '',
        },
      ],
    );
    assert.deepEqual((await setup.saved()).losses, losses, 'it stays in the file');
  });

  it('of a generation that nobody saw before it was gone is remembered as well', async (t) => {
    const setup = await Setup.open(t);
    setup.tail.sees();
    setup.pipeline.lost({ ...LOSS, start: 0, end: 5 });
    await setup.output.take();
    const { checkpoints } = await setup.saved();
    assert.deepEqual(
      checkpoints.map(({ fingerprint, offset, size }) => [fingerprint, offset, size]),
      [[FINGERPRINT, 5, 5]],
    );
  });

  it('moves no checkpoint past bytes in flight, and none back', async (t) => {
    const setup = await Setup.open(t);
    await setup.accept('{"a":1}\n');
    setup.tail.sees({ position: 8 });
    assert.equal(await setup.savedOffset(), 0);
    setup.pipeline.lost(LOSS);
    setup.tail.sees();
    assert.equal(await setup.savedOffset(), 0);
    await setup.output.take();
    assert.equal(await setup.savedOffset(), 8);
    await setup.output.take();
    assert.equal(await setup.savedOffset(), 100);
    assert.equal(await setup.savedOffset(), 100);
  });
});

describe('what is recalled', () => {
  it('is what was remembered of the log, and of logs that are nowhere', async (t) => {
    const here = join(temporaryDirectory(t), 'audit.log');
    writeFileSync(here, '');
    const { memory } = await Setup.open(t, [
      checkpointOf(),
      checkpointOf({ path: '/nowhere/audit-2026-03-04T05-06-07.089.log', fingerprint: 'b' }),
      checkpointOf({ path: here, fingerprint: 'c' }),
    ]);
    assert.deepEqual(
      memory.recall(LOG).map(({ fingerprint, orphan }) => [fingerprint, orphan]),
      [
        ['b', true],
        [FINGERPRINT, false],
      ],
    );
  });
});

describe('the time of the last settled event', () => {
  it('is the latest of the log that is remembered', async (t) => {
    const { memory } = await Setup.open(t, [
      checkpointOf({ fingerprint: 'a', time: '2026-03-04T05:06:06.000Z' }),
      checkpointOf({ fingerprint: 'b', time: '2026-03-04T05:06:09.000Z' }),
      checkpointOf({ fingerprint: 'c', time: undefined }),
      checkpointOf({ fingerprint: 'd', time: 'no time' }),
      checkpointOf({ fingerprint: 'e', path: '/another.log', time: '2026-03-04T05:07:00.000Z' }),
      checkpointOf({ fingerprint: 'f', path: '/new.log', time: undefined }),
    ]);
    assert.equal(memory.settledMs(LOG), Date.parse('2026-03-04T05:06:09.000Z'));
    assert.equal(memory.settledMs('/new.log'), undefined);
  });
});

describe('a generation whose log has moved', () => {
  const places = [
    ['is recalled from where it is now', 10, 90, '/var/log/kubernetes/audit.log'],
    ['is recalled from where it was before, when it came further there', 90, 10, '/gone/audit.log'],
  ] as const;
  for (const [name, before, now, expected] of places) {
    it(name, async (t) => {
      const { memory } = await Setup.open(t, [
        checkpointOf({ path: '/gone/audit.log', offset: before }),
        checkpointOf({ path: LOG, offset: now }),
      ]);
      const recalled = memory.recall(LOG).map(({ path, offset }) => [path, offset]);
      assert.deepEqual(recalled, [[expected, 90]]);
    });
  }
});

describe('a state directory', () => {
  it('that cannot be understood is refused, left alone, and not kept locked', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, CHECKPOINT_FILE), '{"version":2}');
    await assert.rejects(Memory.open(directory, new RecordingLog()), StateError);
    assert.deepEqual(readdirSync(directory), [CHECKPOINT_FILE]);
    assert.equal(readFileSync(join(directory, CHECKPOINT_FILE), 'utf8'), '{"version":2}');
    await (await StateLock.acquire(directory)).release();
  });

  it('belongs to one agent until that one ends', async (t) => {
    const directory = join(temporaryDirectory(t), 'state');
    const memory = await Memory.open(directory, new RecordingLog());
    await assert.rejects(Memory.open(directory, new RecordingLog()), /is in use by/);
    await memory.assertHeld();
    await memory.close();
    await (await Memory.open(directory, new RecordingLog())).close();
  });

  it('that somebody else took over is noticed', async (t) => {
    const directory = temporaryDirectory(t);
    const memory = await Memory.open(directory, new RecordingLog());
    rmSync(join(directory, 'lock.sock'));
    await assert.rejects(memory.assertHeld(), StateError);
    await memory.close();
  });
});
