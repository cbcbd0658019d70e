/**
 * Lines that are too long and cannot be made shorter, in the middle of the way: kept aside where there is a state
 * directory, delivered in parts where there is none. Every byte comes to one account, and a checkpoint passes no line
 * that is not on the disk.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DeadLetters } from '../src/deliver/dead-letter.ts';
import { Dispatcher } from '../src/deliver/dispatcher.ts';
import { LongLines } from '../src/deliver/long-lines.ts';
import { Window } from '../src/deliver/window.ts';
import type { LongLine } from '../src/event/block.ts';
import { JsonWriter } from '../src/event/json-writer.ts';
import { Shipper } from '../src/event/shipper.ts';
import { BlockTranscoder } from '../src/event/transcoder.ts';
import { Pipeline } from '../src/pipeline.ts';
import { blockOf, FINGERPRINT, LOG, type BlockOptions } from './support/blocks.ts';
import { HeldOutput } from './support/held-output.ts';
import { partsOf } from './support/letters.ts';
import { RecordingLog } from './support/recording-log.ts';
import { makeBufferSlab } from './support/slabs.ts';
import { temporaryDirectory } from './support/temporary.ts';

const PLACES = 2;
const patient = new AbortController().signal;
const MIB = 1024 ** 2;

function setUp(t: TestContext, remembers = true) {
  const stateDir = temporaryDirectory(t);
  const output = new HeldOutput();
  const log = new RecordingLog();
  const window = new Window({ places: PLACES, slabBytes: 4096, makeSlab: makeBufferSlab });
  const dispatcher = new Dispatcher({ output, log });
  const shipper = new Shipper({ fields: {}, coordinates: false });
  const letters = new DeadLetters(stateDir);
  const longLines = new LongLines({ deadLetters: letters, log });
  const pipeline = new Pipeline({
    window,
    transcoder: new BlockTranscoder(new JsonWriter(shipper)),
    dispatcher,
    longLines: remembers ? longLines : undefined,
    log,
    onFilesChanged: () => undefined,
    chunkBytes: 4096,
    lingerMs: 0,
    remembers,
    timeBefore: () => undefined,
  });
  const running = dispatcher.run();
  /** @param line what the parts are of. */
  const accept = async (content: string, options: BlockOptions, line?: LongLine): Promise<void> => {
    const place = await pipeline.reserve(patient, LOG);
    pipeline.accept({ ...blockOf(content, options), line }, place);
  };
  const end = async (): Promise<void> => {
    output.takeAll();
    assert.equal(await dispatcher.drained(patient), true);
    dispatcher.stop();
    await running;
  };
  const position = (): number | undefined => pipeline.ledgers.get(1)?.ledger.position;
  const files = (): readonly string[] => readdirSync(join(stateDir, 'dead-letter'));
  return { output, log, window, pipeline, letters, longLines, accept, end, position, files };
}

const lineOf = (start: number, end: number): LongLine => ({ start, end, reason: 'no bodies' });

describe('a line in parts', () => {
  it('is put aside in its place, and settles when it is on the disk', async (t) => {
    const { pipeline, window, longLines, letters, accept, end, position, output } = setUp(t);
    const line = lineOf(8, 19);
    await accept('{"a":1}\n', {});
    await accept('part ', { start: 8, kind: 'part' }, line);
    await accept('part ', { start: 13, kind: 'part' }, line);
    await output.take();
    assert.equal(await longLines.drained(patient), false);
    assert.deepEqual([position(), window.used, pipeline.accounts.inFlightBytes], [8, 0, 10]);
    await accept('\n', { start: 18, kind: 'last-part' }, line);
    await accept('{"a":2}\n', { start: 19 });
    assert.equal(await longLines.drained(patient), true);
    assert.equal(position(), 19);
    await end();
    assert.equal(position(), 27);
    const totals = pipeline.accounts.totals();
    const { deliveredEvents, deadLetterEvents, deadLetterBytes, unaccountedBytes } = totals;
    assert.deepEqual([deliveredEvents, deadLetterEvents, deadLetterBytes], [2, 1, 11]);
    assert.deepEqual([pipeline.accounts.inFlightBytes, unaccountedBytes], [0, 0]);
    assert.equal(output.delivered.length, 2);
    const [path = ''] = await letters.list();
    const parts = await partsOf(letters, path);
    assert.equal(parts.map(({ line: bytes }) => bytes.toString()).join(''), 'part part \n');
  });

  it('holds back its log, and no other, while it is not written', async (t) => {
    const { pipeline, longLines, accept, end } = setUp(t);
    assert.equal(pipeline.isFull, false);
    await accept('xx\n', { kind: 'last-part' }, lineOf(0, 3));
    assert.equal(pipeline.isFull, true);
    let isReady = false;
    const waiting = pipeline.reserve(patient, LOG).then((place) => {
      isReady = true;
      place.release();
    });
    (await pipeline.reserve(patient, '/another.log')).release();
    assert.equal(isReady, false);
    await waiting;
    assert.equal(await longLines.drained(patient), true);
    assert.equal(pipeline.isFull, false);
    await end();
  });

  it('whose rest is lost is put aside as far as it came; the loss follows it', async (t) => {
    const { pipeline, longLines, letters, accept, end, position } = setUp(t);
    await accept('part ', { kind: 'part' }, lineOf(0, 50));
    const loss = { generation: 1, log: LOG, fingerprint: FINGERPRINT, start: 5, end: 50 };
    pipeline.lost({ ...loss, path: LOG, reason: 'deleted', isAtLeast: false, untilMs: 0 });
    assert.equal(position(), 0);
    await end();
    assert.equal(await longLines.drained(patient), true);
    assert.equal(position(), 50);
    const { deadLetterBytes, deadLetterEvents, lostBytes, unaccountedBytes } =
      pipeline.accounts.totals();
    assert.deepEqual([deadLetterEvents, deadLetterBytes, lostBytes], [1, 5, { deleted: 45 }]);
    assert.equal(unaccountedBytes, 0);
    assert.equal((await letters.list()).length, 1);
  });

  it('leaves no trace when the run ends inside of it', async (t) => {
    const { pipeline, longLines, accept, end, position, files } = setUp(t);
    await accept('part ', { kind: 'part' }, lineOf(0, 50));
    assert.equal(await longLines.drained(patient), false);
    assert.equal(files().length, 1);
    await longLines.close();
    await end();
    assert.deepEqual([position(), pipeline.accounts.inFlightBytes, files()], [0, 5, []]);
  });

  for (const [name, remembers, end] of [
    ['without a state directory', false, 9],
    ['that no dead letter has room for', true, 500 * MIB],
  ] as const) {
    it(`goes out in parts ${name}, and is told of once`, async (t) => {
      const setup = setUp(t, remembers);
      const line = lineOf(0, end);
      await setup.accept('part ', { kind: 'part' }, line);
      await setup.accept('end\n', { start: 5, kind: 'last-part' }, line);
      await setup.end();
      assert.deepEqual(await setup.letters.list(), []);
      const parts = setup.output.delivered.map(({ payload }) => Buffer.concat(payload).toString());
      assert.match(parts.join(''), /"part":"more"\},"log":"part ".*"part":"last"\},"log":"end"/s);
      const fields = { path: LOG, offset: 0, bytes: end, reason: 'no bodies' };
      const message = 'a line over max_event_bytes is delivered in parts';
      assert.deepEqual(setup.log.entries, [{ level: 'warn', message, fields }]);
    });
  }
});
