/**
 * The program stopped by SIGKILL again and again while lumberjack rotates and the receiver restarts: every number is
 * acknowledged, and whatever comes again is the same event with the same `shipper.id`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../src/commands/simulate/random.ts';
import { Workplace } from '../support/agent.ts';
import { eventsIn, type TestEvent } from '../support/forward-chunks.ts';
import { ForwardServer } from '../support/forward-server.ts';
import { buildLumberjackWriter, startLumberjack } from '../support/lumberjack.ts';
import { numbersOf } from '../support/numbered-events.ts';

const binary = await buildLumberjackWriter();
const skip = binary === undefined && 'Go or lumberjack is not installed';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const KILLS = 50;
/** How long an agent lives: from before it has read anything to after its first checkpoint. */
const LIFE_MS = { least: 50, most: 900 };
/** How long the receiver works, and how long it is away. */
const RECEIVER_MS = { least: 100, most: 1500 };
/** A rotation every second, and all backups are kept: what an agent does not read is there for the next. */
const WRITER = { maxsizeMb: 1, maxbackup: 0, rate: 1000, count: 0, compress: true };

type Random = ReturnType<typeof createRandom>;

function between(random: Random, { least, most }: typeof LIFE_MS): number {
  return least + random.below(most - least);
}

/** Kills and starts the receiver until it is told to stop; at the end it works. */
async function restartAgainAndAgain(server: ForwardServer, random: Random, end: AbortSignal) {
  let restarts = 0;
  while (!end.aborted) {
    await delay(between(random, RECEIVER_MS), undefined, { signal: end }).catch(() => undefined);
    await server.stop();
    await delay(between(random, RECEIVER_MS) / 5);
    await server.start();
    restarts += 1;
  }
  return restarts;
}

function numberOf(event: TestEvent): number {
  return numbersOf([JSON.stringify(event)])[0] ?? NaN;
}

/** Also of what was not acknowledged: each number is one event with one id. */
function assertRepeatedIsTheSame({ chunks }: ForwardServer): void {
  const before = new Map<number, string>();
  for (const event of chunks.flatMap(({ entries }) => eventsIn(entries))) {
    const number = numberOf(event);
    const text = JSON.stringify(event);
    assert.equal(text, before.get(number) ?? text);
    before.set(number, text);
  }
  const ids = [...before.values()].map(
    (text) => (JSON.parse(text) as { readonly shipper: { readonly id: string } }).shipper.id,
  );
  assert.equal(new Set(ids).size, before.size, 'every event has an id of its own');
}

function missingNumbers({ events }: ForwardServer, last: number): readonly number[] {
  const arrived = new Set(events.map(numberOf));
  return Array.from({ length: last }, (_, index) => index + 1).filter((n) => !arrived.has(n));
}

describe('an agent stopped by SIGKILL, and a receiver that restarts', { skip }, () => {
  it(`${KILLS} times at random moments: every event is acknowledged`, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const random = createRandom(SEED);
    const workplace = new Workplace(t);
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const start = () =>
      workplace.start({
        flags: ['--output', `forward://127.0.0.1:${server.port}`],
        env: { AUDIT_SHIPPER_COORDINATES: 'true' },
      });
    const writer = startLumberjack(binary ?? '', { ...WRITER, path: workplace.path });
    t.after(() => writer.kill('SIGKILL'));
    const end = new AbortController();
    const restarting = restartAgainAndAgain(server, createRandom(SEED + 1), end.signal);
    for (let kill = 0; kill < KILLS; kill++) {
      const agent = start();
      await delay(between(random, LIFE_MS));
      await agent.kill();
    }
    writer.kill('SIGTERM');
    const last = (await writer.done)?.last ?? 0;
    end.abort();
    assert.ok((await restarting) > 5, 'the receiver was restarted');
    const agent = start();
    await agent.until(`all ${last} events`, () => missingNumbers(server, last).length === 0);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.ok(last > WRITER.rate);
    assertRepeatedIsTheSame(server);
  });
});
