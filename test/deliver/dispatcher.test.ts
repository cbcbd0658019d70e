/**
 * Bringing chunks to an output that fails: in order, the same chunk again and again, settled once and not before the
 * output has it. No time passes in the waits between attempts.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { Chunk } from '../../src/deliver/chunk.ts';
import { Dispatcher } from '../../src/deliver/dispatcher.ts';
import { OutputClosedError, type Output } from '../../src/output/output.ts';
import { RecordingLog } from '../support/recording-log.ts';

function chunk(id: string): Chunk {
  const none = { events: 0, bytes: 0 };
  const payload = [Buffer.from(`${id}\n`)];
  return {
    id,
    payload,
    payloadBytes: id.length + 1,
    accounts: { delivered: none, filtered: none },
  };
}

type Outcome = 'ok' | 'fail' | 'closed' | 'hang';

/** Plays what it is told to, and keeps every attempt; when it was told nothing more, it takes everything. */
class ScriptedOutput implements Output {
  readonly concurrency = 1;
  readonly attempts: Chunk[] = [];
  readonly #outcomes: Outcome[];
  #finish: (() => void) | undefined;

  constructor(outcomes: readonly Outcome[] = []) {
    this.#outcomes = [...outcomes];
  }

  async deliver(given: Chunk): Promise<void> {
    this.attempts.push(given);
    const outcome = this.#outcomes.shift() ?? 'ok';
    if (outcome === 'fail') throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
    if (outcome === 'closed') throw new OutputClosedError('gone');
    if (outcome === 'hang') await new Promise<void>((resolve) => (this.#finish = resolve));
  }

  /** Ends the attempt that hangs, well. */
  finish(): void {
    this.#finish?.();
  }

  async close(): Promise<void> {}

  get ids(): readonly string[] {
    return this.attempts.map(({ id }) => id);
  }
}

interface Setup {
  readonly output: ScriptedOutput;
  readonly dispatcher: Dispatcher;
  readonly log: RecordingLog;
  /** Ids of the chunks that were settled, in order. */
  readonly settled: string[];
  /** What was waited between attempts (ms). */
  readonly waits: number[];
  readonly submit: (...ids: readonly string[]) => void;
}

type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** A dispatcher that waits half of the full backoff, and no time passes. */
function setUp(outcomes: readonly Outcome[] = [], wait: Wait = async () => undefined): Setup {
  const output = new ScriptedOutput(outcomes);
  const log = new RecordingLog();
  const waits: number[] = [];
  const dispatcher = new Dispatcher({
    output,
    log,
    random: () => 0,
    wait: async (ms, signal) => {
      waits.push(ms);
      await wait(ms, signal);
    },
  });
  const settled: string[] = [];
  const submit = (...ids: readonly string[]): void => {
    for (const id of ids) dispatcher.submit(chunk(id), () => settled.push(id));
  };
  return { output, log, dispatcher, settled, waits, submit };
}

const patient = new AbortController().signal;
const failures = (count: number): readonly Outcome[] => Array<Outcome>(count).fill('fail');

describe('a dispatcher', () => {
  it('delivers in order and settles each chunk once', async () => {
    const { dispatcher, output, settled, submit } = setUp();
    const running = dispatcher.run();
    submit('a', 'b');
    assert.equal(await dispatcher.drained(patient), true);
    submit('c');
    assert.equal(await dispatcher.drained(patient), true);
    dispatcher.stop();
    await running;
    assert.deepEqual(output.ids, ['a', 'b', 'c']);
    assert.deepEqual(settled, ['a', 'b', 'c']);
  });

  it('settles nothing before the output has it', async () => {
    const { dispatcher, output, settled, submit } = setUp(['hang']);
    const running = dispatcher.run();
    submit('a', 'b');
    await turn();
    assert.deepEqual([output.ids, settled], [['a'], []]);
    output.finish();
    await dispatcher.drained(patient);
    assert.deepEqual(settled, ['a', 'b']);
    dispatcher.stop();
    await running;
  });

  it('goes on with the next chunk only when the one before is settled, whatever fails', async () => {
    const outcomes = fc.array(fc.constantFrom<Outcome>('ok', 'fail'), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(outcomes, fc.nat(6), async (given, count) => {
        const { dispatcher, output, settled, submit } = setUp(given);
        const ids = Array.from({ length: count }, (_, index) => String(index));
        const running = dispatcher.run();
        submit(...ids);
        assert.equal(await dispatcher.drained(patient), true);
        dispatcher.stop();
        await running;
        assert.deepEqual(settled, ids);
        assert.deepEqual(output.ids, [...output.ids].sort(), 'in order');
        assert.equal(new Set(output.attempts).size, count, 'each attempt with the same object');
      }),
    );
  });

  it('tries again for ever, with waits that grow up to a cap, and says so once', async () => {
    const { dispatcher, output, log, settled, waits, submit } = setUp(failures(1000));
    const running = dispatcher.run();
    submit('a');
    await dispatcher.drained(patient);
    dispatcher.stop();
    await running;
    assert.equal(output.attempts.length, 1001);
    assert.deepEqual(
      waits.slice(0, 10),
      [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000],
    );
    assert.ok(waits.slice(10).every((wait) => wait === 15_000));
    assert.deepEqual(settled, ['a']);
    assert.equal(log.messages('error').length, 1);
    assert.deepEqual(log.entries[0]?.fields, { code: 'ECONNREFUSED' });
    assert.deepEqual(log.messages('info'), ['the output takes events again']);
  });

  it('begins its waits anew with the next chunk', async () => {
    const { dispatcher, waits, submit } = setUp([...failures(3), 'ok', 'fail']);
    const running = dispatcher.run();
    submit('a', 'b');
    await dispatcher.drained(patient);
    dispatcher.stop();
    await running;
    assert.deepEqual(waits, [50, 100, 200, 50]);
  });

  it('ends when the receiver has gone for good, and settles nothing more', async () => {
    const { dispatcher, output, settled, submit } = setUp(['ok', 'closed']);
    const running = dispatcher.run();
    submit('a', 'b', 'c');
    await assert.rejects(running, OutputClosedError);
    assert.deepEqual([output.ids, settled], [['a', 'b'], ['a']]);
  });
});

describe('a dispatcher that is stopped', () => {
  it('ends while it has nothing to do', async () => {
    const { dispatcher } = setUp();
    const running = dispatcher.run();
    dispatcher.stop();
    await running;
  });

  it('ends before it begins', async () => {
    const { dispatcher, output, submit } = setUp();
    submit('a');
    dispatcher.stop();
    await dispatcher.run();
    assert.deepEqual(output.ids, []);
  });

  it('settles the attempt under way when it succeeds, and begins no other', async () => {
    const { dispatcher, output, settled, submit } = setUp(['hang']);
    const running = dispatcher.run();
    submit('a', 'b');
    await turn();
    dispatcher.stop();
    output.finish();
    await running;
    assert.deepEqual([output.ids, settled], [['a'], ['a']]);
  });

  it('does not wait for the next attempt, and leaves the chunk unsettled', async () => {
    const until = async (_ms: number, signal: AbortSignal): Promise<void> => {
      await once(signal, 'abort');
    };
    const { dispatcher, output, settled, submit } = setUp(['fail'], until);
    const running = dispatcher.run();
    submit('a');
    await turn();
    dispatcher.stop();
    await running;
    assert.deepEqual([output.ids, settled], [['a'], []]);
  });

  it('does not sit out a real wait either', async () => {
    const output = new ScriptedOutput(['fail']);
    const random = (): number => 1_000_000; // most of a day
    const dispatcher = new Dispatcher({ output, log: new RecordingLog(), random });
    const running = dispatcher.run();
    dispatcher.submit(chunk('a'), () => assert.fail('settled'));
    await turn();
    dispatcher.stop();
    await running;
  });
});

describe('waiting until a dispatcher has drained', () => {
  it('is over at once when there is nothing', async () => {
    const { dispatcher } = setUp();
    assert.equal(await dispatcher.drained(patient), true);
  });

  it('ends with the patience', async () => {
    const { dispatcher, output, settled, submit } = setUp(['hang']);
    const running = dispatcher.run();
    submit('a');
    const patience = new AbortController();
    const drained = dispatcher.drained(patience.signal);
    patience.abort();
    assert.equal(await drained, false);
    assert.equal(await dispatcher.drained(AbortSignal.abort()), false);
    assert.deepEqual(settled, []);
    dispatcher.stop();
    output.finish();
    await running;
  });

  it('waits for what is in flight, and for its settling', async () => {
    const { dispatcher, output, settled, submit } = setUp(['hang']);
    const running = dispatcher.run();
    submit('a');
    await turn();
    const drained = dispatcher.drained(patient).then((is) => [is, ...settled]);
    output.finish();
    assert.deepEqual(await drained, [true, 'a']);
    dispatcher.stop();
    await running;
  });
});
