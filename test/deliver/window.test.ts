/** The bounded window: never more places than it has, first come first served, and no place is lost on the way. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Window, type Place } from '../../src/deliver/window.ts';
import { BufferSlab, makeBufferSlab } from '../support/slabs.ts';

const never = new AbortController().signal;

function windowOf(places: number, slabBytes: number): Window {
  return new Window({ places, slabBytes, makeSlab: makeBufferSlab });
}

describe('a window', () => {
  it('gives places while it has some, each with a buffer of its own', async () => {
    const window = windowOf(2, 64);
    const places = [await window.reserve(never), await window.reserve(never)];
    assert.equal(window.used, 2);
    assert.deepEqual(
      places.map(({ slab }) => slab.length),
      [64, 64],
    );
    assert.notEqual(places[0]?.slab, places[1]?.slab);
  });

  it('makes whoever comes next wait until a place is free, in order', async () => {
    const window = windowOf(1, 8);
    const first = await window.reserve(never);
    const served: string[] = [];
    const wait = async (name: string): Promise<Place> => {
      const place = await window.reserve(never);
      served.push(name);
      return place;
    };
    const second = wait('second');
    const third = wait('third');
    await turn();
    assert.deepEqual(served, []);
    first.release();
    (await second).release();
    (await third).release();
    assert.deepEqual([served, window.used], [['second', 'third'], 0]);
  });

  it('uses its buffers again: memory does not grow with what goes through', async () => {
    const window = windowOf(2, 8);
    const slabs = new Set<Buffer>();
    for (let round = 0; round < 50; round++) {
      const places = [await window.reserve(never), await window.reserve(never)];
      for (const { slab } of places) slabs.add(slab);
      for (const place of places) place.release();
    }
    assert.equal(slabs.size, 2);
  });

  it('lets those go who do not want to wait any more', async () => {
    const window = windowOf(1, 8);
    const first = await window.reserve(never);
    const stopped = new AbortController();
    const leaving = window.reserve(stopped.signal);
    const staying = window.reserve(never);
    const reason = new Error('enough');
    stopped.abort(reason);
    await assert.rejects(leaving, reason);
    first.release();
    assert.ok(await staying);
    assert.equal(window.used, 1);
  });

  it('is not entered with a signal that is aborted already', async () => {
    const window = windowOf(1, 8);
    await assert.rejects(window.reserve(AbortSignal.abort(new Error('stop'))), /stop/);
    assert.equal(window.used, 0);
  });

  it('does not care for a signal that is aborted after the place was given', async () => {
    const window = windowOf(1, 8);
    const first = await window.reserve(never);
    const controller = new AbortController();
    const waiting = window.reserve(controller.signal);
    first.release();
    const second = await waiting;
    controller.abort();
    assert.equal(window.used, 1);
    second.release();
    assert.equal(window.used, 0);
  });

  it('is never overbooked and forgets nobody, whoever comes, goes and gives up', async () => {
    const step = fc.constantFrom('reserve', 'release', 'abort');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step), async (size, steps) => {
        const window = windowOf(size, 1);
        const places: Place[] = [];
        const waiting: { readonly controller: AbortController; done: boolean }[] = [];
        for (const what of steps) {
          const first = waiting.find(({ done }) => !done);
          if (what === 'release') places.shift()?.release();
          else if (what === 'abort') first?.controller.abort();
          else {
            const guest = { controller: new AbortController(), done: false };
            waiting.push(guest);
            void window
              .reserve(guest.controller.signal)
              .then((place) => places.push(place))
              .catch((error: unknown) => assert.ok(guest.controller.signal.aborted, String(error)))
              .finally(() => (guest.done = true));
          }
          await turn();
          const left = waiting.filter(({ done }) => !done).length;
          assert.ok(places.length <= size);
          assert.equal(window.used, places.length);
          assert.ok(left === 0 || places.length === size, 'nobody waits while a place is free');
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('a line that does not fit into a slab', () => {
  const MIB = 1024 * 1024;

  it('gets more memory, in which what was read stays', async () => {
    const place = await windowOf(2, 8).reserve(never);
    place.slab.write('12345678');
    for (const bytes of [16, 64, 100]) {
      await place.enlarge(bytes);
      assert.ok(place.slab.length >= bytes);
      assert.equal(place.slab.toString('latin1', 0, 8), '12345678');
    }
    place.release();
  });

  it('waits while two others have it, and leaves when it is told to', async () => {
    const window = windowOf(5, 8);
    const stopped = new AbortController();
    const places = await Promise.all(
      Array.from({ length: 5 }, () => window.reserve(stopped.signal)),
    );
    const enlarged = new Set<Place>();
    const waits = places.map(async (place) => {
      await place.enlarge(16);
      enlarged.add(place);
    });
    await turn();
    assert.equal(enlarged.size, 2);
    for (const place of enlarged) place.release();
    await turn();
    assert.equal(enlarged.size, 4);
    stopped.abort(new Error('stop'));
    const ends = await Promise.allSettled(waits);
    assert.equal(ends.filter(({ status }) => status === 'rejected').length, 1);
  });

  it('leaves its memory to the next one, but for what a very long line took', async () => {
    const made: BufferSlab[] = [];
    const makeSlab = (bytes: number): BufferSlab => {
      const slab = new BufferSlab(bytes);
      made.push(slab);
      return slab;
    };
    const window = new Window({ places: 1, slabBytes: 8, makeSlab });
    const lengths: number[] = [];
    for (const bytes of [4 * MIB, MIB, 4 * MIB + 1, 16]) {
      const place = await window.reserve(never);
      await place.enlarge(bytes);
      lengths.push(place.slab.length);
      place.release();
    }
    assert.deepEqual(lengths, [4 * MIB, 4 * MIB, 4 * MIB + 1, 16]);
    assert.equal(made.length, 3);
  });

  it('gives the place back with the memory it had before', async () => {
    const window = windowOf(1, 8);
    const place = await window.reserve(never);
    await place.enlarge(64);
    place.release();
    assert.equal((await window.reserve(never)).slab.length, 8);
  });
});
