/** Joining parcels to chunks: nothing lost or doubled, in order for each log, no chunk over a gap and none too large. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import type { Chunk } from '../../src/deliver/chunk.ts';
import { Chunker, type Parcel } from '../../src/deliver/chunker.ts';

const LINGER_MS = 20;

interface Emitted {
  readonly chunk: Chunk;
  readonly parcels: readonly Parcel[];
}

function setUp(maxBytes: number, lingerMs: number) {
  const emitted: Emitted[] = [];
  const emit = (chunk: Chunk, parcels: readonly Parcel[]): void => {
    emitted.push({ chunk, parcels });
  };
  const chunker = new Chunker({ maxBytes, lingerMs, emit });
  return { chunker, emitted, ids: () => emitted.map(({ chunk }) => chunk.id) };
}

interface ParcelOptions {
  readonly log?: string;
  readonly generation?: number;
  readonly payloadBytes?: number;
}

/** A parcel of bytes [start, end), whose payload is as long unless told otherwise. */
function parcelOf(start: number, end: number, options: ParcelOptions = {}): Parcel {
  const { log = 'a.log', generation = 1, payloadBytes = end - start } = options;
  const bytes = end - start;
  return {
    log,
    generation,
    fingerprint: `f${generation}`,
    start,
    end,
    payload: payloadBytes === 0 ? [] : [Buffer.alloc(payloadBytes, start % 256)],
    payloadBytes,
    accounts: { delivered: { events: 1, bytes }, filtered: { events: 0, bytes: 0 } },
  };
}

function mockTimers(t: TestContext): void {
  t.mock.timers.enable({ apis: ['setTimeout'] });
}

describe('a chunk', () => {
  it('is of all parcels that follow each other while it lingers', (t) => {
    mockTimers(t);
    const { chunker, emitted } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    chunker.add(parcelOf(10, 30));
    t.mock.timers.tick(LINGER_MS - 1);
    assert.equal(emitted.length, 0);
    t.mock.timers.tick(1);
    const [only] = emitted;
    assert.equal(emitted.length, 1);
    assert.equal(only?.chunk.id, 'f1-0-30');
    assert.equal(only.chunk.payloadBytes, 30);
    assert.deepEqual(only.chunk.accounts.delivered, { events: 2, bytes: 30 });
    const payload = Buffer.concat([Buffer.alloc(10, 0), Buffer.alloc(20, 10)]);
    assert.deepEqual(Buffer.concat(only.chunk.payload), payload);
    assert.equal(only.parcels.length, 2);
  });

  it('lingers from its first parcel on, however many follow', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    for (let at = 0; at < LINGER_MS; at++) {
      chunker.add(parcelOf(at, at + 1));
      t.mock.timers.tick(1);
    }
    assert.deepEqual(ids(), ['f1-0-20']);
    chunker.add(parcelOf(20, 21));
    t.mock.timers.tick(LINGER_MS - 1);
    assert.equal(ids().length, 1, 'the next one has a time of its own');
    t.mock.timers.tick(1);
    assert.deepEqual(ids(), ['f1-0-20', 'f1-20-21']);
  });

  it('that goes early takes its time with it: the next one lingers as long', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    t.mock.timers.tick(LINGER_MS - 1);
    chunker.flush();
    chunker.add(parcelOf(10, 20));
    t.mock.timers.tick(LINGER_MS - 1);
    assert.deepEqual(ids(), ['f1-0-10']);
    t.mock.timers.tick(1);
    assert.deepEqual(ids(), ['f1-0-10', 'f1-10-20']);
  });

  it('goes at once when its log has nothing more, and nothing of it is in flight', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    chunker.add(parcelOf(10, 20));
    assert.deepEqual(ids(), []);
    chunker.caughtUp('a.log');
    assert.deepEqual(ids(), ['f1-0-20']);
    chunker.caughtUp('a.log');
    t.mock.timers.tick(LINGER_MS);
    assert.deepEqual(ids(), ['f1-0-20']);
  });

  it('goes with the block that is the last there is, if nothing of its log is in flight', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    chunker.add(parcelOf(10, 20), true);
    assert.deepEqual(ids(), ['f1-0-20']);
    chunker.add(parcelOf(20, 30), true);
    t.mock.timers.tick(LINGER_MS - 1);
    assert.deepEqual(ids(), ['f1-0-20'], 'the one before it is in flight');
    chunker.settled('a.log');
    assert.deepEqual(ids(), ['f1-0-20', 'f1-20-30']);
    chunker.add(parcelOf(30, 40), true);
    t.mock.timers.tick(LINGER_MS);
    assert.equal(ids().at(-1), 'f1-30-40');
  });

  it('waits for what of its log is in flight, but no longer than it lingers', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    for (const end of [10, 20]) {
      chunker.add(parcelOf(end - 10, end));
      chunker.flush();
    }
    chunker.add(parcelOf(20, 30));
    chunker.caughtUp('a.log');
    chunker.settled('a.log');
    assert.deepEqual(ids(), ['f1-0-10', 'f1-10-20'], 'one is in flight still');
    chunker.settled('a.log');
    assert.deepEqual(ids(), ['f1-0-10', 'f1-10-20', 'f1-20-30']);
    chunker.add(parcelOf(30, 40));
    chunker.caughtUp('a.log');
    t.mock.timers.tick(LINGER_MS - 1);
    assert.equal(ids().length, 3);
    t.mock.timers.tick(1);
    assert.equal(ids().at(-1), 'f1-30-40');
  });

  it('waits for more when its log has more to read, and for no other log', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    chunker.flush();
    chunker.add(parcelOf(10, 20));
    chunker.settled('a.log');
    assert.deepEqual(ids(), ['f1-0-10']);
    chunker.add(parcelOf(0, 5, { log: 'b.log', generation: 2 }));
    chunker.caughtUp('b.log');
    assert.deepEqual(ids(), ['f1-0-10', 'f2-0-5']);
  });

  it('goes at once without a linger', () => {
    const { chunker, ids } = setUp(1000, 0);
    chunker.add(parcelOf(0, 10));
    chunker.add(parcelOf(10, 20));
    assert.deepEqual(ids(), ['f1-0-10', 'f1-10-20']);
  });

  it('goes as soon as it is full, and before it would be too large', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(30, LINGER_MS);
    chunker.add(parcelOf(0, 20));
    chunker.add(parcelOf(20, 31));
    assert.deepEqual(ids(), ['f1-0-20']);
    chunker.add(parcelOf(31, 50));
    assert.deepEqual(ids(), ['f1-0-20', 'f1-20-50']);
    chunker.add(parcelOf(50, 150));
    assert.deepEqual(ids().at(-1), 'f1-50-150', 'a large parcel goes alone');
    t.mock.timers.tick(LINGER_MS);
    assert.equal(ids().length, 3, 'nothing is left');
  });

  it('ends at a gap, and at the end of its generation', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    chunker.add(parcelOf(11, 20));
    chunker.add(parcelOf(20, 30, { generation: 2 }));
    chunker.flush();
    assert.deepEqual(ids(), ['f1-0-10', 'f1-11-20', 'f2-20-30']);
  });

  it('is of one log; another log does not close it', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.add(parcelOf(0, 10));
    chunker.add(parcelOf(0, 5, { log: 'b.log', generation: 2 }));
    chunker.add(parcelOf(10, 20));
    assert.deepEqual(ids(), []);
    chunker.flush();
    assert.deepEqual(ids(), ['f1-0-20', 'f2-0-5']);
  });

  it('is not made of nothing, and not twice', (t) => {
    mockTimers(t);
    const { chunker, ids } = setUp(1000, LINGER_MS);
    chunker.flush();
    chunker.add(parcelOf(0, 10));
    chunker.flush();
    chunker.flush();
    t.mock.timers.tick(LINGER_MS);
    assert.deepEqual(ids(), ['f1-0-10']);
  });

  it('may hold parcels of which a rule left nothing', (t) => {
    mockTimers(t);
    const { chunker, emitted } = setUp(10, LINGER_MS);
    for (let at = 0; at < 50; at += 5) chunker.add(parcelOf(at, at + 5, { payloadBytes: 0 }));
    chunker.flush();
    assert.equal(emitted.length, 1);
    assert.deepEqual([emitted[0]?.chunk.id, emitted[0]?.chunk.payloadBytes], ['f1-0-50', 0]);
  });
});

describe('all chunks together', () => {
  const MAX_BYTES = 40;
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        log: fc.constantFrom('a.log', 'b.log'),
        bytes: fc.nat(60),
        payloadBytes: fc.nat(50),
        gap: fc.constantFrom(0, 0, 0, 7),
        rotates: fc.constantFrom(false, false, false, true),
      }),
    },
    { weight: 1, arbitrary: fc.constant('flush' as const) },
    { weight: 1, arbitrary: fc.constant('tick' as const) },
    { weight: 1, arbitrary: fc.constant('caught up' as const) },
    { weight: 1, arbitrary: fc.constant('settled' as const) },
  );

  it('hold the parcels that were added, each once, in the order of their log', (t) => {
    mockTimers(t);
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.constantFrom(0, LINGER_MS),
        (steps, linger) => {
          const { chunker, emitted } = setUp(MAX_BYTES, linger);
          const added: Parcel[] = [];
          const at = new Map([
            ['a.log', { generation: 1, end: 0 }],
            ['b.log', { generation: 1000, end: 0 }],
          ]);
          for (const what of steps) {
            if (what === 'flush') chunker.flush();
            else if (what === 'tick') t.mock.timers.tick(LINGER_MS / 2);
            else if (what === 'caught up') chunker.caughtUp('a.log');
            else if (what === 'settled') chunker.settled('a.log');
            else {
              const { log, bytes, payloadBytes, gap, rotates } = what;
              const before = at.get(log) ?? { generation: 0, end: 0 };
              const generation = before.generation + (rotates ? 1 : 0);
              const start = rotates ? 0 : before.end + gap;
              at.set(log, { generation, end: start + bytes });
              const parcel = parcelOf(start, start + bytes, { log, generation, payloadBytes });
              added.push(parcel);
              chunker.add(parcel);
            }
          }
          chunker.flush();
          for (const log of at.keys()) {
            const out = emitted.flatMap(({ parcels }) => parcels.filter((one) => one.log === log));
            assert.deepEqual(
              out,
              added.filter((one) => one.log === log),
            );
          }
          for (const one of emitted) checkChunk(one, MAX_BYTES);
        },
      ),
    );
  });
});

/** A chunk is what its parcels say: one range of one generation, and no larger than allowed. */
function checkChunk({ chunk, parcels }: Emitted, maxBytes: number): void {
  assert.ok(parcels.length > 0);
  assert.ok(chunk.payloadBytes <= maxBytes || parcels.length === 1);
  assert.equal(new Set(parcels.map(({ log, generation }) => `${log} ${generation}`)).size, 1);
  for (const [index, { start }] of parcels.entries()) {
    if (index > 0) assert.equal(start, parcels[index - 1]?.end);
  }
  const payload = parcels.flatMap((parcel) => parcel.payload);
  assert.deepEqual(chunk.payload, payload);
  assert.equal(chunk.payloadBytes, Buffer.concat(payload).length);
  const bytes = parcels.reduce((sum, { start, end }) => sum + end - start, 0);
  assert.deepEqual(chunk.accounts.delivered, { events: parcels.length, bytes });
  assert.equal(chunk.id, `${parcels[0]?.fingerprint}-${parcels[0]?.start}-${parcels.at(-1)?.end}`);
}
