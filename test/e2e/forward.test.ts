/**
 * The program and a Forward receiver, over real sockets: every event arrives as it was written, and a stop leaves
 * nothing behind that is neither acknowledged nor shipped by the next agent.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { decodeMulti, type ExtData } from '@msgpack/msgpack';
import { Workplace, type Agent } from '../support/agent.ts';
import { ForwardServer } from '../support/forward-server.ts';
import { eventOf, eventsOf, numbersOf, runsOf } from '../support/numbered-events.ts';
import { until } from '../support/until.ts';

const EVENTS = 5000;

async function startServer(t: TestContext): Promise<ForwardServer> {
  const server = await ForwardServer.start();
  t.after(() => server.stop());
  return server;
}

function flagsFor({ port }: ForwardServer): readonly string[] {
  return ['--output', `forward://127.0.0.1:${port}`];
}

function follow(workplace: Workplace, server: ForwardServer, ...flags: readonly string[]) {
  return workplace.follow({ flags: [...flagsFor(server), ...flags] });
}

/** The numbers of the events that are acknowledged, each chunk once. */
function acknowledged({ events }: ForwardServer): string {
  return runsOf(numbersOf(events.map((event) => JSON.stringify(event))));
}

async function untilAcknowledged(agent: Agent, server: ForwardServer, runs: string) {
  await agent.until(`events ${runs}`, () => acknowledged(server) === runs);
}

interface Entry {
  readonly time: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Numbers of 64 bits come as bigint, exactly. */
function entriesOf({ chunks }: ForwardServer): readonly Entry[] {
  return chunks.flatMap(({ entries }) =>
    Array.from(decodeMulti(entries, { useBigInt64: true }), (entry) => {
      const [time, record] = entry as [ExtData, Entry['record']];
      const bytes = Buffer.from(time.data as Uint8Array);
      const nanoseconds = String(bytes.readUInt32BE(4)).padStart(9, '0');
      return { time: `${bytes.readUInt32BE(0)}.${nanoseconds}`, record };
    }),
  );
}

describe('shipping to a Forward receiver', () => {
  it('delivers each event as it was written, numbers of 64 bits and microseconds included', async (t) => {
    const workplace = new Workplace(t);
    const server = await startServer(t);
    const body =
      '"responseObject":{"big":9007199254740993,"bigger":18446744073709551615,"e":1.5e3}';
    const event = eventOf(1).replace('07.000000Z', '07.123456Z').replace(/\}$/, `,${body}}`);
    workplace.logs.write('audit.log', `${event}\nno event\n${eventOf(2)}\n`);
    await workplace.ship({ flags: [...flagsFor(server), '--tag=a.b', '--field=node=m1'] });
    const [first, second, third] = entriesOf(server);
    assert.equal(first?.time, '1772600767.123456000');
    assert.deepEqual(first.record, {
      ...(JSON.parse(event) as object),
      responseObject: { big: 9007199254740993n, bigger: 18446744073709551615n, e: 1500 },
      shipper: { node: 'm1' },
    });
    assert.equal(second?.record['log'], 'no event');
    assert.equal(third?.record['auditID'], (JSON.parse(eventOf(2)) as Entry['record'])['auditID']);
    assert.equal(server.received[0]?.options['size'], 3);
  });

  it('delivers a large log in large chunks, and remembers what is acknowledged', async (t) => {
    const workplace = new Workplace(t);
    const server = await startServer(t);
    workplace.logs.write('audit.log', eventsOf(1, EVENTS));
    const summary = (await workplace.ship({ flags: flagsFor(server) })).summary();
    assert.equal(acknowledged(server), `1-${EVENTS}`);
    assert.equal(summary['delivered_events'], EVENTS);
    const sizes = server.chunks.map(({ entries }) => entries.length);
    assert.ok(Math.max(...sizes) > 700_000 && Math.max(...sizes) <= 1024 * 1024, sizes.join(' '));
    await workplace.ship({ flags: flagsFor(server) });
    assert.equal(server.chunks.length, sizes.length, 'nothing is sent twice');
  });

  it('goes on across rotations and a receiver that is away', async (t) => {
    const workplace = new Workplace(t);
    const server = await startServer(t);
    workplace.logs.write('audit.log', eventsOf(1, 100));
    const agent = await follow(workplace, server);
    await untilAcknowledged(agent, server, '1-100');
    await server.stop();
    workplace.logs.rename('audit.log', 'audit-2026-03-04T05-06-07.089.log');
    workplace.logs.write('audit.log', eventsOf(101, 200));
    await agent.says('does not take events');
    await server.start();
    await untilAcknowledged(agent, server, '1-200');
    workplace.logs.append('audit.log', eventsOf(201, 300));
    await untilAcknowledged(agent, server, '1-300');
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.deepEqual(server.needless, []);
  });
});

describe('SIGTERM with chunks in flight', () => {
  it('waits for their acks, and remembers them', async (t) => {
    const workplace = new Workplace(t);
    const server = await startServer(t);
    const held: (() => void)[] = [];
    server.script = { message: (peer, message) => held.push(() => peer.ack(message)) };
    workplace.logs.write('audit.log', eventsOf(1, EVENTS));
    const agent = await follow(workplace, server);
    await until('chunks in flight', () => held.length > 0);
    const ended = agent.stop();
    server.script = {};
    for (const ack of held) ack();
    assert.deepEqual(await ended, { code: 0, signal: null });
    assert.equal(agent.summary()['undelivered_bytes'], 0);
    await workplace.ship({ flags: flagsFor(server) });
    assert.equal(acknowledged(server), `1-${EVENTS}`);
    assert.deepEqual(server.needless, []);
  });

  it('leaves those that are not acknowledged to the next agent', async (t) => {
    const workplace = new Workplace(t);
    const server = await startServer(t);
    server.script = {
      message: (peer, message) => {
        if (server.chunks.length === 1) peer.ack(message);
      },
    };
    workplace.logs.write('audit.log', eventsOf(1, EVENTS));
    const agent = await follow(workplace, server, '--grace', '200ms');
    await until('several chunks', () => server.chunks.length > 1);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null });
    assert.ok(Number(agent.summary()['undelivered_bytes']) > 0);
    server.script = {};
    await workplace.ship({ flags: flagsFor(server) });
    assert.equal(acknowledged(server), `1-${EVENTS}`);
  });
});
