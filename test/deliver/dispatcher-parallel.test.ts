/**
 * Several chunks on their way at once: their order, what counts as a failure, when to try again, and what becomes of
 * a chunk that seems to be why attempts fail. No time passes in the waits.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { Chunk, SettledAccounts } from '../../src/deliver/chunk.ts';
import { Dispatcher } from '../../src/deliver/dispatcher.ts';
import { Health } from '../../src/deliver/health.ts';
import { Quarantine } from '../../src/deliver/quarantine.ts';
import { OutputClosedError } from '../../src/output/output.ts';
import { failure, ParallelOutput } from '../support/parallel-output.ts';
import { RecordingLog } from '../support/recording-log.ts';

const patient = new AbortController().signal;

function chunkOf(id: string): Chunk {
  const accounts = { delivered: { events: 1, bytes: 10 }, filtered: { events: 0, bytes: 0 } };
  return { id, payload: [Buffer.from(id)], payloadBytes: id.length, accounts };
}

function setUp(concurrency: number, { isolates = true } = {}) {
  const output = new ParallelOutput(concurrency);
  const log = new RecordingLog();
  const waits: number[] = [];
  /** While it stands, no wait ends by itself. */
  const clock = { stands: false };
  const wait = async (ms: number, signal: AbortSignal): Promise<void> => {
    waits.push(ms);
    if (clock.stands) await once(signal, 'abort');
  };
  const quarantine = new Quarantine({
    examine: async (chunk) => output.examine(chunk),
    divide: () => [],
    strip: () => undefined,
    letter: () => assert.fail('nothing is put aside here'),
    deadLetters: undefined,
    health: new Health(),
    log,
    wait: async () => undefined,
  });
  const dispatcher = new Dispatcher({
    output,
    log,
    quarantine: isolates ? quarantine : undefined,
    random: () => 0,
    wait,
  });
  const settled: string[] = [];
  const accounts: SettledAccounts[] = [];
  const submit = async (ids: string): Promise<void> => {
    for (const id of ids) {
      dispatcher.submit(chunkOf(id), (sums) => {
        settled.push(id);
        accounts.push(sums);
      });
    }
    await turn();
  };
  const running = dispatcher.run();
  const end = async (): Promise<void> => {
    dispatcher.stop();
    await running;
  };
  return { output, log, waits, clock, dispatcher, settled, accounts, submit, running, end };
}

describe('a window of several chunks', () => {
  it('is filled in order, and refilled when one is settled', async () => {
    const { output, settled, submit, end } = setUp(3);
    await submit('abcde');
    assert.deepEqual(output.onTheWay, ['a', 'b', 'c']);
    await output.take('b');
    assert.deepEqual([output.onTheWay, settled], [['a', 'c', 'd'], ['b']]);
    await output.take('a', 'c', 'd');
    await output.take('e');
    assert.deepEqual(settled, ['b', 'a', 'c', 'd', 'e']);
    await end();
  });

  it('goes out again in its order when all of it fails, in whatever order', async () => {
    const { output, settled, submit, end } = setUp(4);
    await submit('abcdef');
    await output.fail(failure(), 'c', 'a', 'd', 'b');
    assert.deepEqual(output.onTheWay, ['a', 'b', 'c', 'd']);
    await output.take('a', 'b', 'c', 'd');
    await output.take('e', 'f');
    assert.deepEqual(settled, ['a', 'b', 'c', 'd', 'e', 'f']);
    await end();
  });

  it('puts what failed before what was not sent yet', async () => {
    const { output, submit, end } = setUp(3);
    await submit('abcde');
    await output.fail(failure(), 'b');
    assert.deepEqual(output.attempted, ['a', 'b', 'c', 'b']);
    await output.take('a');
    assert.deepEqual(output.attempted.at(-1), 'd');
    await end();
  });

  it('settles each chunk once and sends none before an older one that waits, whatever fails', async () => {
    const step = fc.record({ pick: fc.nat(), outcome: fc.constantFrom('take', 'fail', 'failAll') });
    const steps = fc.array(step, { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.nat(12),
        steps,
        async (size, count, todo) => {
          const { output, dispatcher, settled, submit, end } = setUp(size);
          const ids = 'abcdefghijkl'.slice(0, count);
          await submit(ids);
          const check = (): void => {
            const done = new Set([...settled, ...output.onTheWay]);
            const next = ids.split('').findIndex((id) => !done.has(id));
            const newest = ids.split('').findLastIndex((id) => done.has(id));
            assert.ok(
              next === -1 || newest < next,
              `${settled.join()} and ${output.onTheWay.join()}`,
            );
            assert.equal(new Set(settled).size, settled.length);
          };
          for (const { pick, outcome } of todo) {
            const { onTheWay } = output;
            const id = onTheWay[pick % onTheWay.length];
            if (id === undefined) break;
            if (outcome === 'take') await output.take(id);
            else if (outcome === 'fail') await output.fail(failure(), id);
            else await output.failAll(failure());
            await turn();
            check();
          }
          while (output.onTheWay.length > 0) await output.take(...output.onTheWay);
          assert.equal(await dispatcher.drained(patient), true);
          assert.deepEqual(settled.toSorted(), ids.split(''));
          await end();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a failure', () => {
  it('of a connection counts once for all its chunks; the first is followed by an attempt at once', async () => {
    const { output, log, waits, submit, end } = setUp(4);
    await submit('abcd');
    await output.failAll(failure());
    assert.deepEqual([waits, log.entries], [[], []]);
    await output.failAll(failure());
    await output.failAll(failure());
    assert.deepEqual(waits, [50, 100]);
    assert.equal(log.messages('error').length, 1);
    await end();
  });

  it('that comes late belongs to the one that was counted', async () => {
    const { output, waits, submit, end } = setUp(3);
    await submit('abc');
    await output.fail(failure(), 'a');
    await output.fail(failure(), 'b', 'c');
    assert.deepEqual(waits, []);
    await output.fail(failure(), 'a');
    assert.deepEqual(waits, [50]);
    await end();
  });

  it('is waited for longer each time, up to half a minute, and from the beginning after a success', async () => {
    const { output, waits, submit, end } = setUp(1);
    await submit('ab');
    for (let count = 0; count < 15; count++) await output.failAll(failure());
    assert.deepEqual(waits.slice(0, 4), [50, 100, 200, 400]);
    assert.deepEqual(waits.slice(-3), [15_000, 15_000, 15_000]);
    await output.take('a');
    waits.length = 0;
    await output.failAll(failure());
    await output.failAll(failure());
    assert.deepEqual(waits, [50]);
    await end();
  });

  it('with another receiver ready is followed by attempts at once, but not for ever', async () => {
    const { output, waits, submit, end } = setUp(2);
    await submit('ab');
    for (let count = 0; count < 4; count++) await output.failAll(failure({ elsewhere: true }));
    assert.deepEqual(waits, []);
    await output.failAll(failure({ elsewhere: true }));
    assert.deepEqual(waits, [400]);
    await end();
  });

  it('is told when it begins, when its reason changes and when it is over', async () => {
    const { output, log, submit, end } = setUp(1);
    await submit('ab');
    for (const code of ['X', 'ECONNREFUSED', 'ECONNREFUSED', 'ENOTFOUND', 'ENOTFOUND']) {
      await output.failAll(failure({ code }));
    }
    await output.take('a');
    await output.take('b');
    const told = log.entries.map(({ level, fields }) => [level, fields?.['code']]);
    assert.deepEqual(told, [
      ['error', 'ECONNREFUSED'],
      ['error', 'ENOTFOUND'],
      ['info', undefined],
    ]);
    assert.equal(log.entries[0]?.fields?.['reason'], 'receiver:24224: no');
    await end();
  });
});

describe('a chunk that is there when attempts fail', () => {
  const suspect = failure({ suspect: true });

  /** Three failures for which it may be the reason. */
  async function strike(output: ParallelOutput, id: string): Promise<void> {
    for (let count = 0; count < 3; count++) await output.fail(suspect, id);
  }

  it('is examined by itself after three times, while the rest flows on', async () => {
    const { output, settled, submit, end } = setUp(2);
    await submit('abcd');
    await output.fail(suspect, 'a');
    await output.fail(suspect, 'a');
    assert.deepEqual(output.examined, []);
    await output.fail(suspect, 'a');
    assert.deepEqual([output.examined, output.onTheWay], [['a'], ['b', 'c']]);
    await output.take('b', 'c');
    await output.take('d');
    assert.deepEqual(settled, ['b', 'c', 'd']);
    await output.judge('a', 'taken');
    assert.deepEqual(settled, ['b', 'c', 'd', 'a']);
    await end();
  });

  it('is not examined for failures that have another reason', async () => {
    const { output, submit, end } = setUp(1);
    await submit('a');
    for (let count = 0; count < 20; count++) await output.failAll(failure());
    assert.deepEqual(output.examined, []);
    await end();
  });

  it('comes back to its place when nothing was found out, and needs three failures again', async () => {
    const { output, settled, submit, end } = setUp(1);
    await submit('abc');
    await strike(output, 'a');
    assert.deepEqual(output.onTheWay, ['b']);
    await output.judge('a', 'unavailable');
    await output.fail(failure(), 'b');
    assert.deepEqual(output.onTheWay, ['a'], 'before b');
    await output.fail(suspect, 'a');
    await output.fail(suspect, 'a');
    assert.deepEqual(output.examined, []);
    await output.fail(suspect, 'a');
    assert.deepEqual([output.examined, settled], [['a'], []]);
    await end();
  });

  it('waits while another one is examined', async () => {
    const { output, settled, submit, end } = setUp(2);
    await submit('ab');
    await strike(output, 'a');
    await strike(output, 'b');
    assert.deepEqual(output.examined, ['a']);
    await output.judge('a', 'taken');
    assert.deepEqual(output.examined, ['b']);
    await output.judge('b', 'taken');
    assert.deepEqual(settled, ['a', 'b']);
    await end();
  });

  it('is tried like all others where nobody can examine it', async () => {
    const { output, settled, submit, end } = setUp(1, { isolates: false });
    await submit('a');
    for (let count = 0; count < 20; count++) await output.fail(suspect, 'a');
    await output.take('a');
    assert.deepEqual([output.attempted.length, settled], [21, ['a']]);
    await end();
  });

  it('is waited for', async () => {
    const { output, dispatcher, submit, end } = setUp(1);
    await submit('a');
    await strike(output, 'a');
    let isDrained = false;
    const drained = dispatcher.drained(patient).then((is) => (isDrained = is));
    await turn();
    assert.equal(isDrained, false);
    await output.judge('a', 'taken');
    assert.equal(await drained, true);
    await end();
  });

  it('ends the wait for the rest when it was the reason', async () => {
    const { output, clock, submit, end } = setUp(1);
    await submit('ab');
    await output.fail(suspect, 'a');
    await output.fail(suspect, 'a');
    clock.stands = true;
    await output.fail(suspect, 'a');
    assert.deepEqual([output.examined, output.onTheWay], [['a'], []]);
    await output.judge('a', 'taken');
    assert.deepEqual(output.onTheWay, ['b']);
    await end();
  });

  it('is no news while it may be only this one', async () => {
    const { output, log, submit, end } = setUp(2);
    await submit('a');
    await strike(output, 'a');
    await output.judge('a', 'taken');
    assert.deepEqual(log.entries, []);
    await end();
  });

  it('stays unsettled when it is stopped', async () => {
    const { output, dispatcher, settled, submit, end } = setUp(1);
    await submit('a');
    await strike(output, 'a');
    await end();
    await output.judge('a', 'refused');
    assert.deepEqual([output.examined, settled], [[], []]);
    assert.equal(await dispatcher.drained(AbortSignal.abort()), false);
  });

  it('ends everything when the examination itself breaks', async () => {
    const { output, settled, submit, running } = setUp(1);
    await submit('a');
    await strike(output, 'a');
    const rejected = assert.rejects(running, /broken/);
    await output.judge('a', new Error('broken'));
    await rejected;
    assert.deepEqual(settled, []);
  });
});

describe('an end for good', () => {
  it('comes with a receiver that has gone; what is on its way may still settle', async () => {
    const { output, dispatcher, settled, submit, running } = setUp(3);
    await submit('abcd');
    const rejected = assert.rejects(running, OutputClosedError);
    await output.fail(new OutputClosedError('gone'), 'b');
    await rejected;
    await output.take('a', 'c');
    assert.deepEqual([settled, output.onTheWay], [['a', 'c'], []]);
    assert.equal(await dispatcher.drained(AbortSignal.abort()), false);
  });

  it('leaves nothing drained that was not taken', async () => {
    const { output, dispatcher, submit, running } = setUp(1);
    await submit('a');
    const rejected = assert.rejects(running, OutputClosedError);
    await output.fail(new OutputClosedError('gone'), 'a');
    await rejected;
    assert.equal(await dispatcher.drained(AbortSignal.abort()), false);
  });

  it('comes with something thrown that is no error', async () => {
    const { output, submit, running } = setUp(1);
    await submit('a');
    const rejected = assert.rejects(running, { cause: 'a string' });
    await output.fail('a string', 'a');
    await rejected;
  });

  it('comes when settling breaks: the receiver has the chunk and does not get it again', async () => {
    const { output, dispatcher, running } = setUp(1);
    dispatcher.submit(chunkOf('a'), () => assert.fail('a broken invariant'));
    await turn();
    const rejected = assert.rejects(running, /a broken invariant/);
    await output.take('a');
    await rejected;
    assert.deepEqual(output.attempted, ['a']);
  });
});
