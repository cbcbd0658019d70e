/**
 * The middle of the way: whatever is read comes to exactly one account, and a checkpoint's ledger, a place in the
 * window and the sums move only when the output has a block's bytes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Dispatcher } from '../src/deliver/dispatcher.ts';
import { Window } from '../src/deliver/window.ts';
import type { ByteRange } from '../src/event/block.ts';
import { JsonWriter } from '../src/event/json-writer.ts';
import { Shipper } from '../src/event/shipper.ts';
import { BlockTranscoder } from '../src/event/transcoder.ts';
import { Pipeline } from '../src/pipeline.ts';
import type { Loss } from '../src/tail/tail.ts';
import { blockOf, FINGERPRINT, LOG, type BlockOptions } from './support/blocks.ts';
import { HeldOutput } from './support/held-output.ts';
import { RecordingLog } from './support/recording-log.ts';
import { makeBufferSlab } from './support/slabs.ts';

const PLACES = 4;
const patient = new AbortController().signal;

interface Settings {
  readonly remembers?: boolean;
  /** None: each block goes out at once. */
  readonly lingerMs?: number;
  readonly chunkBytes?: number;
  readonly fields?: Readonly<Record<string, string>>;
}

function setUp({ remembers = true, lingerMs = 0, chunkBytes = 4096, fields = {} }: Settings = {}) {
  const output = new HeldOutput();
  const log = new RecordingLog();
  const window = new Window({ places: PLACES, slabBytes: 4096, makeSlab: makeBufferSlab });
  const dispatcher = new Dispatcher({ output, log });
  const transcoder = new BlockTranscoder(
    new JsonWriter(new Shipper({ fields, coordinates: false })),
  );
  let filesChanges = 0;
  let progress = 0;
  const pipeline = new Pipeline({
    window,
    transcoder,
    dispatcher,
    log,
    onFilesChanged: () => (filesChanges += 1),
    onProgress: () => (progress += 1),
    chunkBytes,
    lingerMs,
    remembers,
    timeBefore: () => undefined,
  });
  const running = dispatcher.run();
  const accept = async (content: string, options?: BlockOptions): Promise<void> => {
    pipeline.accept(blockOf(content, options), await pipeline.reserve(patient, LOG));
  };
  const end = async (): Promise<void> => {
    pipeline.flush();
    output.takeAll();
    assert.equal(await dispatcher.drained(patient), true);
    dispatcher.stop();
    await running;
  };
  const told = () => ({ filesChanges, progress });
  return { output, log, window, pipeline, accept, end, told };
}

function rangeOf(start: number, end: number, generation = 1): ByteRange {
  return { generation, log: LOG, fingerprint: FINGERPRINT, start, end };
}

function positionOf(pipeline: Pipeline, generation: number): number | undefined {
  return pipeline.ledgers.get(generation)?.ledger.position;
}

describe('a block', () => {
  it('settles everywhere when the output has it, and nowhere before', async () => {
    const { output, pipeline, window, accept, end } = setUp();
    await accept('{"a":1}\nbad\n', { start: 100 });
    const { accounts } = pipeline;
    assert.deepEqual([accounts.inFlightBytes, positionOf(pipeline, 1), window.used], [12, 100, 1]);
    await output.take();
    assert.deepEqual([accounts.inFlightBytes, positionOf(pipeline, 1), window.used], [0, 112, 0]);
    const { deliveredEvents, deliveredBytes, invalidLines } = accounts.totals();
    assert.deepEqual(
      { deliveredEvents, deliveredBytes, invalidLines },
      { deliveredEvents: 2, deliveredBytes: 12, invalidLines: { 'not-json': 1 } },
    );
    await end();
  });

  it('becomes a chunk that names its generation and its bytes', async () => {
    const { output, accept, end } = setUp();
    await accept('{"a":1}\n', { start: 100 });
    await output.take();
    const [chunk] = output.delivered;
    assert.equal(chunk?.id, `${FINGERPRINT}-100-108`);
    assert.equal(chunk.payloadBytes, 8);
    assert.equal(Buffer.concat(chunk.payload).toString(), '{"a":1}\n');
    await end();
  });

  it('that is a part of a line moves no checkpoint until the last part is settled', async () => {
    const { output, pipeline, accept, end } = setUp();
    await accept('{"a":1}\n');
    await accept('xxxx', { start: 8, kind: 'part' });
    await accept('xx\n', { start: 12, kind: 'last-part' });
    await output.take();
    await output.take();
    assert.equal(positionOf(pipeline, 1), 8);
    await output.take();
    assert.equal(positionOf(pipeline, 1), 15);
    assert.equal(pipeline.accounts.totals().deliveredEvents, 2);
    await end();
  });

  it('that is what is left of a line settles the whole line, and is told of', async () => {
    const { output, log, pipeline, end } = setUp();
    const block = { ...blockOf('{"a":1}\n', { start: 100, kind: 'reduced' as const }), end: 5100 };
    pipeline.accept(block, await pipeline.reserve(patient, LOG));
    assert.equal(pipeline.accounts.inFlightBytes, 5000);
    await output.take();
    assert.equal(positionOf(pipeline, 1), 5100);
    const { deliveredEvents, deliveredBytes, truncatedEvents } = pipeline.accounts.totals();
    assert.deepEqual([deliveredEvents, deliveredBytes, truncatedEvents], [1, 5000, 1]);
    const [entry] = log.entries;
    assert.deepEqual(entry?.fields, { path: LOG, offset: 100, bytes: 5000 });
    await end();
  });

  it('that would be more than a chunk goes in pieces, and its place is free when all are settled', async () => {
    const { output, pipeline, window, accept, end } = setUp({ chunkBytes: 20 });
    const lines = ['{"a":1}\n', '{"b":"longer than a chunk"}\n', '{"c":3}\n', '{"d":4}\n', 'bad\n'];
    await accept(lines.join(''), { start: 100 });
    assert.equal(window.used, 1);
    for (let taken = 0; taken < lines.length; taken++) {
      assert.equal(window.used, 1, `${taken} are settled`);
      await output.take();
    }
    assert.equal(window.used, 0);
    const delivered = output.delivered.map(({ payload }) => Buffer.concat(payload).toString());
    assert.deepEqual(delivered.slice(0, 4), lines.slice(0, 4));
    assert.deepEqual(
      output.delivered.map(({ id }) => id.slice(FINGERPRINT.length)),
      ['-100-108', '-108-136', '-136-144', '-144-152', '-152-156'],
    );
    assert.equal(positionOf(pipeline, 1), 156);
    const { deliveredEvents, deliveredBytes, invalidLines } = pipeline.accounts.totals();
    assert.deepEqual([deliveredEvents, deliveredBytes, invalidLines], [5, 56, { 'not-json': 1 }]);
    await end();
  });

  it('is no chunk that is too large, whatever comes before and behind it', async () => {
    const lengths = fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 10, max: 200 }), async (blocks, chunkBytes) => {
        const { output, window, accept, end } = setUp({
          chunkBytes,
          fields: { added: 'x'.repeat(20) },
        });
        let start = 0;
        for (const line of blocks) {
          const content = line.map((length) => `{"a":"${'y'.repeat(length)}"}\n`).join('');
          await accept(content, { start });
          start += content.length;
          while (window.used > 0) await output.take();
        }
        await end();
        const sizes = output.delivered.map(({ payloadBytes, accounts }) => ({
          payloadBytes,
          events: accounts.delivered.events,
        }));
        for (const { payloadBytes, events } of sizes) {
          assert.ok(payloadBytes <= chunkBytes || events === 1, JSON.stringify(sizes));
        }
        const events = sizes.reduce((sum, one) => sum + one.events, 0);
        assert.equal(events, blocks.flat().length);
      }),
      { numRuns: 100 },
    );
  });

  it('that holds only blank lines settles as well, also while an older one waits', async () => {
    const { pipeline, window, accept, end } = setUp();
    await accept('{"a":1}\n');
    await accept('\n\n', { start: 8 });
    const { accounts } = pipeline;
    assert.deepEqual([accounts.inFlightBytes, positionOf(pipeline, 1), window.used], [8, 0, 1]);
    await end();
    assert.equal(positionOf(pipeline, 1), 10);
  });

  it('that holds only blank lines settles by itself', async () => {
    const { pipeline, accept, end } = setUp();
    await accept('\n\r\n');
    await end();
    assert.equal(positionOf(pipeline, 1), 3);
    assert.equal(pipeline.accounts.inFlightBytes, 0);
  });

  it('waits for room: there is never more than the window holds', async () => {
    const { output, window, accept, end } = setUp();
    for (let number = 0; number < PLACES; number++) await accept('{}\n', { start: number * 3 });
    let accepted = false;
    const waiting = accept('{}\n', { start: PLACES * 3 }).then(() => (accepted = true));
    assert.deepEqual([accepted, window.used], [false, PLACES]);
    await output.take();
    await waiting;
    assert.equal(window.used, PLACES);
    await end();
  });
});

describe('blocks that wait for company', () => {
  const FOR_EVER_MS = 1_000_000_000;

  it('become one chunk, and settle together', async () => {
    const { output, pipeline, window, accept, end } = setUp({ lingerMs: FOR_EVER_MS });
    await accept('{"a":1}\n');
    await accept('\n', { start: 8 });
    await accept('{"a":2}\n', { start: 9 });
    await output.take();
    assert.deepEqual([output.delivered.length, window.used], [0, 3]);
    pipeline.flush();
    await output.take();
    assert.deepEqual(
      output.delivered.map(({ id, payload }) => [id, Buffer.concat(payload).toString()]),
      [[`${FINGERPRINT}-0-17`, '{"a":1}\n{"a":2}\n']],
    );
    assert.deepEqual([positionOf(pipeline, 1), window.used], [17, 0]);
    assert.equal(pipeline.accounts.inFlightBytes, 0);
    await end();
  });

  it('wait for what is in flight, and no longer, when their log has nothing more', async () => {
    const { output, pipeline, accept, end } = setUp({ lingerMs: FOR_EVER_MS });
    for (let number = 0; number < 2; number++) {
      await accept('{}\n', { start: number * 3 });
      pipeline.caughtUp(LOG);
    }
    assert.equal(pipeline.isFull, false);
    await output.take();
    assert.equal(output.delivered.length, 1);
    await output.take();
    assert.deepEqual(
      output.delivered.map(({ id }) => id),
      [`${FINGERPRINT}-0-3`, `${FINGERPRINT}-3-6`],
    );
    await end();
  });

  it('wait no longer when there is no room for more', async () => {
    const { output, window, accept, end } = setUp({ lingerMs: FOR_EVER_MS });
    for (let number = 0; number < PLACES; number++) await accept('{}\n', { start: number * 3 });
    const waiting = accept('{}\n', { start: PLACES * 3 });
    await output.take();
    await waiting;
    assert.deepEqual([output.delivered.length, window.used], [1, 1]);
    await end();
  });
});

describe('the sums of a pipeline', () => {
  const line = fc.constantFrom('{"a":1}', '{}', 'bad', '', '{"a":1}{"b":2}', '\0\0', '[1]');
  const step = fc.oneof(
    fc.record({ generation: fc.integer({ min: 1, max: 3 }), lines: fc.array(line) }),
    fc.constant('take' as const),
  );

  it('hold at every moment: read = delivered + in flight, and each ledger says the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { output, pipeline, window, accept, end } = setUp();
        const ends = new Map<number, number>();
        for (const what of steps) {
          if (what === 'take') await output.take();
          else if (window.used < PLACES) {
            const { generation, lines } = what;
            const content = lines.map((text) => `${text}\n`).join('');
            const start = ends.get(generation) ?? generation * 1000;
            await accept(content, { generation, start, fingerprint: `f${generation}` });
            ends.set(generation, start + content.length);
          }
          const { readBytes, deliveredBytes, filteredBytes } = pipeline.accounts.totals();
          const inFlight = [...pipeline.ledgers.values()].map(({ ledger }) => ledger.inFlightBytes);
          const sum = inFlight.reduce((one, other) => one + other, 0);
          assert.equal(readBytes, deliveredBytes + filteredBytes + sum);
          assert.equal(pipeline.accounts.inFlightBytes, sum);
        }
        await end();
        for (const [generation, at] of ends) assert.equal(positionOf(pipeline, generation), at);
        const outputs = output.delivered.map(({ payload }) => Buffer.concat(payload).toString());
        const lines = outputs.join('').split('\n').length - 1;
        assert.equal(pipeline.accounts.totals().deliveredEvents, lines);
      }),
      { numRuns: 50 },
    );
  });

  it('count what a tail tells', async () => {
    const { pipeline, told, end } = setUp();
    pipeline.skip(rangeOf(10, 30));
    pipeline.rotated('renamed');
    pipeline.filesChanged();
    const { skippedBytes, rotations } = pipeline.accounts.totals();
    assert.deepEqual([skippedBytes, rotations], [20, { renamed: 1 }]);
    assert.deepEqual(told(), { filesChanges: 1, progress: 3 });
    const { position, accounts } = pipeline.ledgers.get(1)?.ledger ?? {};
    assert.deepEqual([position, accounts?.skippedBytes], [30, 20]);
    await end();
  });
});

describe('the time of the last settled event', () => {
  it('is that of its log, moves when the output has it, and outlives the ledger', async () => {
    const { output, pipeline, accept, end } = setUp({ remembers: false });
    await accept('{"stageTimestamp":"2026-03-04T05:06:07.123456Z"}\n');
    assert.equal(pipeline.settledMs(LOG), undefined);
    await output.take();
    assert.equal(pipeline.ledgers.size, 0);
    assert.equal(pipeline.settledMs(LOG), Date.parse('2026-03-04T05:06:07.123Z'));
    await accept('no event\n', { generation: 2 });
    await output.take();
    assert.equal(pipeline.settledMs(LOG), Date.parse('2026-03-04T05:06:07.123Z'));
    assert.equal(pipeline.settledMs('/another.log'), undefined);
    await end();
  });
});

describe('a loss', () => {
  const UNTIL = '2026-03-04T05:06:08.000Z';
  const loss: Loss = {
    ...rangeOf(8, 100),
    path: '/x.log',
    reason: 'deleted',
    isAtLeast: false,
    untilMs: Date.parse(UNTIL),
  };
  const event = '{"stageTimestamp":"2026-03-04T05:06:07.123456Z"}\n';

  it('is counted and said at once, and told to receiver and checkpoints', async () => {
    const { output, pipeline, log, end } = setUp();
    pipeline.lost(loss);
    assert.deepEqual(pipeline.accounts.totals().lostBytes, { deleted: 92 });
    const [said] = log.entries;
    assert.deepEqual(said?.fields, {
      path: '/x.log',
      from_offset: 8,
      bytes: 92,
      reason: 'deleted',
      since: undefined,
      until: UNTIL,
    });
    assert.deepEqual([positionOf(pipeline, 1), pipeline.takeLosses()], [8, []]);
    await output.take();
    const [record] = output.delivered;
    assert.equal(record?.id, `${FINGERPRINT}-8-lost`);
    assert.deepEqual(JSON.parse(Buffer.concat(record.payload).toString()), {
      shipper: {
        file: LOG,
        offset: 8,
        id: `${FINGERPRINT}-8-lost`,
        error:
          'lost: 92 bytes of audit events were never read, because rotation deleted the file first',
        lost: 92,
        reason: 'deleted',
        path: '/x.log',
        until: UNTIL,
      },
    });
    assert.equal(positionOf(pipeline, 1), 100);
    assert.equal(pipeline.takeLosses().length, 1);
    assert.deepEqual(pipeline.takeLosses(), []);
    await end();
  });

  it('is told behind what was read, with its time, and the checkpoint waits for both', async () => {
    const { output, pipeline, accept, end } = setUp({ lingerMs: 1000 });
    await accept(event);
    const start = event.length;
    pipeline.lost({ ...loss, start, end: start + 10 });
    assert.deepEqual([positionOf(pipeline, 1), pipeline.takeLosses()], [0, []]);
    await output.take();
    assert.equal(positionOf(pipeline, 1), start);
    await output.take();
    assert.equal(positionOf(pipeline, 1), start + 10);
    assert.equal(pipeline.accounts.inFlightBytes, 0);
    assert.equal(pipeline.accounts.totals().unaccountedBytes, 0);
    assert.equal(pipeline.takeLosses()[0]?.since, '2026-03-04T05:06:07.123Z');
    await end();
  });

  it('in another generation is none of its ledger’s business', async () => {
    const { pipeline, accept, end } = setUp();
    await accept('{"a":1}\n');
    pipeline.lost({ ...loss, generation: 2 });
    await end();
    assert.deepEqual([positionOf(pipeline, 1), positionOf(pipeline, 2)], [8, 100]);
  });

  it('is no memory that grows: too many at once are counted and said, and not told', async () => {
    const { output, pipeline, log, end } = setUp();
    const many = 1200;
    for (let generation = 1; generation <= many; generation++) {
      pipeline.lost({ ...loss, generation });
    }
    assert.equal(log.entries.length, many);
    assert.equal(pipeline.takeLosses().length, 200);
    await end();
    assert.equal(output.delivered.length, 1000);
    assert.equal(pipeline.takeLosses().length, 1000);
    assert.deepEqual(pipeline.accounts.totals().lostBytes, { deleted: 92 * many });
  });
});

describe('a pipeline without checkpoints', () => {
  it('settles a line in parts whose last part has no bytes', async () => {
    const { output, pipeline, accept, end } = setUp({ remembers: false });
    await accept('xxxx', { kind: 'part' });
    await accept('', { kind: 'last-part', start: 4 });
    await output.take();
    assert.equal(pipeline.ledgers.size, 1);
    await end();
    assert.equal(output.delivered.length, 2);
    assert.equal(pipeline.ledgers.size, 0);
  });

  it('keeps nothing of what is settled, however often its log rotates', async () => {
    const { output, pipeline, accept, end } = setUp({ remembers: false });
    for (let generation = 1; generation <= 100; generation++) {
      await accept('{}\n', { generation });
      await accept('{}\n', { generation, start: 3 });
      assert.equal(pipeline.ledgers.size, 1);
      await output.take();
      await output.take();
      pipeline.lost({
        ...rangeOf(6, 7, generation),
        path: LOG,
        reason: 'cut',
        isAtLeast: false,
        untilMs: 0,
      });
      await output.take();
    }
    assert.equal(pipeline.ledgers.size, 0);
    assert.equal(pipeline.accounts.totals().deliveredEvents, 200);
    await end();
  });
});
