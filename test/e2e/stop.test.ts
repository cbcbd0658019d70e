/**
 * How the program ends while events are on their way: by a signal with a reader that takes nothing, by a second
 * signal, by a reader that has left. What was not taken is shipped by the next one.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { Workplace, type Agent } from '../support/agent.ts';
import { eventOf, eventsOf, numbersOf, runsOf } from '../support/numbered-events.ts';
import { until } from '../support/until.ts';

/** A few events that a buffer takes, then one larger than all buffers between two processes, then many more. */
const SMALL_FIRST = 10;
const EVENTS = 20_000;
const LARGE_EVENT_BYTES = 2 * 1024 * 1024;
/** Longer than any test may take: nobody waits for it. */
const ENDLESS = ['--grace', '1h'];

function fullWorkplace(t: TestContext): Workplace {
  const workplace = new Workplace(t);
  const large = eventOf(SMALL_FIRST + 1).replace('numbered', 'x'.repeat(LARGE_EVENT_BYTES));
  workplace.logs.write(
    'audit.log',
    `${eventsOf(1, SMALL_FIRST)}${large}\n${eventsOf(SMALL_FIRST + 2, EVENTS)}`,
  );
  return workplace;
}

interface Stuck {
  readonly agent: Agent;
  /** Takes nothing from the agent's stdout, beyond its own small buffer, until it is read. */
  readonly reader: Readable;
}

/** An agent that is in the middle of writing the large event to a reader that takes nothing. */
async function startStuck(workplace: Workplace, flags: readonly string[]): Promise<Stuck> {
  const agent = workplace.start({ stdout: 'pipe', flags });
  // Node throws away what is left in a child's own stream when the child ends.
  const reader = stdoutOf(agent).pipe(new PassThrough());
  const small = eventsOf(1, SMALL_FIRST).length;
  await agent.until('the large event', () => reader.readableLength > small);
  return { agent, reader };
}

function stdoutOf(agent: Agent): Readable {
  const { stdout } = agent.child;
  assert.ok(stdout !== null);
  return stdout;
}

/** What was taken: the numbers of the whole lines, and the beginning of one that was cut off. */
interface Taken {
  readonly numbers: readonly number[];
  readonly torn: string;
}

async function readAll(reader: Readable): Promise<Taken> {
  const lines = (await buffer(reader)).toString('latin1').split('\n');
  const torn = lines.pop() ?? '';
  return { numbers: numbersOf(lines), torn };
}

/** The next agent begins no later than where the first one ended, and goes on to the end. */
async function assertRestGoesOn(workplace: Workplace, taken: Taken): Promise<void> {
  const { length } = taken.numbers;
  assert.ok(length < EVENTS, 'the reader was not slow at all');
  assert.equal(runsOf(taken.numbers), `1-${length}`);
  const agent = await workplace.ship();
  const [first = Infinity] = numbersOf(workplace.lines());
  assert.ok(first <= length + 1, `${length + 1} to ${first - 1} are missing`);
  assert.equal(workplace.shipped(), `${first}-${EVENTS}`);
  const whole = workplace.lines()[length + 1 - first]?.toString('latin1') ?? '';
  assert.ok(whole.startsWith(taken.torn), 'the line that was cut off comes whole');
  assert.equal(agent.summary()['lost_bytes'], 0);
}

describe('a stop while the reader takes nothing', () => {
  it('ends with 0 within the grace period, and the rest comes later', async (t) => {
    const workplace = fullWorkplace(t);
    const { agent, reader } = await startStuck(workplace, ['--grace', '200ms']);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.ok(Number(agent.summary()['undelivered_bytes']) > 0);
    assert.deepEqual(agent.stderr, []);
    await assertRestGoesOn(workplace, await readAll(reader));
  });

  it('waits for a reader that takes up again: then nothing comes twice', async (t) => {
    const workplace = fullWorkplace(t);
    const { agent, reader } = await startStuck(workplace, ENDLESS);
    const stopped = agent.stop();
    const taken = await readAll(reader);
    assert.deepEqual(await stopped, { code: 0, signal: null });
    assert.equal(taken.torn, '');
    assert.equal(agent.summary()['undelivered_bytes'], 0);
    assert.equal(agent.summary()['delivered_events'], taken.numbers.length);
    await assertRestGoesOn(workplace, taken);
    assert.equal(workplace.shipped(), `${taken.numbers.length + 1}-${EVENTS}`);
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`ends at once at the second ${signal}, with ${code}, and the rest comes later`, async (t) => {
      const workplace = fullWorkplace(t);
      const { agent, reader } = await startStuck(workplace, ENDLESS);
      // One that comes before the first is handled is the same one for the system: go on until it is understood.
      await until('the end', () => agent.hasEnded || void agent.child.kill(signal));
      assert.deepEqual(await agent.exited, { code, signal: null });
      assert.deepEqual(agent.stderr, []);
      await assertRestGoesOn(workplace, await readAll(reader));
    });
  }
});

describe('a reader that leaves', () => {
  for (const follow of [false, true]) {
    const how = follow ? 'while following' : 'in the middle of a backlog';

    it(`${how} is a quiet end with 0, and the rest comes later`, async (t) => {
      const workplace = fullWorkplace(t);
      const agent = workplace.start({ stdout: 'pipe', follow });
      const stdout = stdoutOf(agent);
      const [first] = (await once(stdout, 'data')) as [Buffer];
      stdout.destroy();
      assert.deepEqual(await agent.exited, { code: 0, signal: null });
      assert.deepEqual(agent.stderr, []);
      const complaints = agent.log.filter(({ level }) => level === 'error');
      assert.deepEqual(complaints, []);
      // What the system took and nobody read is settled; only the first piece is known to have been taken.
      const lines = first.toString('latin1').split('\n').slice(0, -1);
      assert.equal(runsOf(numbersOf(lines)), `1-${lines.length}`);
      await workplace.ship();
      assert.match(workplace.shipped(), new RegExp(`^\\d+-${EVENTS}$`));
    });
  }

  it('while there is nothing to read is noticed with the next event', async (t) => {
    const workplace = new Workplace(t);
    workplace.logs.write('audit.log', eventsOf(1, 1));
    const agent = workplace.start({ stdout: 'pipe' });
    const stdout = stdoutOf(agent);
    await once(stdout, 'data');
    stdout.destroy();
    // The system takes a first write to a connection that is closed on the other side only now.
    let number = 2;
    await until('the end', () => {
      workplace.logs.append('audit.log', eventsOf(number, number));
      number += 1;
      return agent.hasEnded;
    });
    assert.deepEqual(await agent.exited, { code: 0, signal: null });
    assert.deepEqual(agent.stderr, []);
  });
});
