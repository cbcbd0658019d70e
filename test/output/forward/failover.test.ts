/**
 * Several receivers: in failover the first that works gets everything, and one that was down gets chunks again only
 * when it has proved itself; balanced, all that work share.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { numberedChunks } from '../../support/forward-chunks.ts';
import { checkResends, Sender, type SenderOptions } from '../../support/forward-sender.ts';
import { ForwardServer } from '../../support/forward-server.ts';
import { until } from '../../support/until.ts';

const PROBE = { everyMs: 20, needed: 3 };
const DEADLINE_MS = 1500;
const DEADLINES = {
  connect: DEADLINE_MS,
  handshake: DEADLINE_MS,
  write: DEADLINE_MS,
  ack: DEADLINE_MS,
};
/** Connecting, writing and the ack, with as much again for a busy machine. */
const INTERRUPTION_MAX_MS = 6 * DEADLINE_MS;
/** Chunks offered at once. */
const OFFERED = 8;

interface Pair {
  readonly first: ForwardServer;
  readonly second: ForwardServer;
  readonly sender: Sender;
}

async function pairOf(t: TestContext, options: Partial<SenderOptions> = {}): Promise<Pair> {
  const [first, second] = await Promise.all([ForwardServer.start(), ForwardServer.start()]);
  t.after(() => Promise.all([first.stop(), second.stop()]));
  const ports = [first.port, second.port];
  const sender = new Sender(t, { ports, probe: PROBE, deadlines: DEADLINES, ...options });
  return { first, second, sender };
}

/** Offers chunks all the time, and keeps the longest time without an ack. */
class Load {
  maxSilenceMs = 0;
  readonly #sender: Sender;
  readonly #chunks = numberedChunks(20_000);
  readonly #timer: NodeJS.Timeout;
  #settled = 0;
  #settledAt = performance.now();

  constructor(t: TestContext, sender: Sender) {
    this.#sender = sender;
    this.#timer = setInterval(() => this.#offer(), 1);
    t.after(() => clearInterval(this.#timer));
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sender.drained();
  }

  #offer(): void {
    const { chunks, settled } = this.#sender;
    const now = performance.now();
    if (settled.length > this.#settled) this.#settledAt = now;
    this.#settled = settled.length;
    this.maxSilenceMs = Math.max(this.maxSilenceMs, now - this.#settledAt);
    const room = OFFERED - (chunks.length - settled.length);
    if (room > 0) this.#sender.submit(this.#chunks.slice(chunks.length, chunks.length + room));
  }
}

function check({ first, second, sender }: Pair): void {
  sender.checkSettled();
  checkResends([...first.chunks, ...second.chunks], sender.chunks);
  const events = [...first.events, ...second.events].map(({ auditID }) => auditID);
  assert.equal(new Set(events).size, sender.chunks.length, 'everything has arrived');
  assert.deepEqual([first.needless.length, second.needless.length], [0, 0]);
}

/** Probes between the return of a receiver and its first chunk; waits for that chunk. */
async function probesBeforeChunk(server: ForwardServer, since: number): Promise<number> {
  const at = await until('a chunk at the receiver that has returned', () => {
    const index = server.received.findIndex(({ isChunk }, place) => place >= since && isChunk);
    return index === -1 ? undefined : index;
  });
  return at - since;
}

describe('two receivers, in failover', () => {
  it('the second gets nothing while the first works', async (t) => {
    const pair = await pairOf(t);
    await pair.sender.deliver(numberedChunks(20));
    check(pair);
    assert.deepEqual([pair.first.chunks.length, pair.second.peers.length], [20, 0]);
  });

  it('the first is killed and revived three times under load: nothing is lost, and nobody waits long', async (t) => {
    const pair = await pairOf(t);
    const { first, second, sender } = pair;
    const load = new Load(t, sender);
    await until('chunks at the first', () => first.chunks.length > 20);
    for (let time = 1; time <= 3; time += 1) {
      await first.stop();
      const before = second.chunks.length;
      await until('chunks at the second', () => second.chunks.length > before + 20);
      const since = first.received.length;
      await first.start();
      const probes = await probesBeforeChunk(first, since);
      // It falls soon each time, so it must prove itself twice as often.
      assert.ok(probes >= PROBE.needed * 2 ** (time - 1), `${probes} probes at time ${time}`);
    }
    await load.end();
    check(pair);
    assert.ok(load.maxSilenceMs < INTERRUPTION_MAX_MS, `${load.maxSilenceMs} ms without an ack`);
    assert.equal(sender.log.messages('warn').filter((text) => /is down/.test(text)).length, 3);
    assert.equal(sender.log.messages('info').filter((text) => /is up again/.test(text)).length, 3);
  });

  it('the first falls silent under load: the second takes over at the deadline', async (t) => {
    const pair = await pairOf(t);
    const { first, second, sender } = pair;
    const load = new Load(t, sender);
    await until('chunks at the first', () => first.chunks.length > 20);
    first.script = { message: () => undefined };
    await until('chunks at the second', () => second.chunks.length > 20);
    first.script = {};
    const since = first.received.length;
    await probesBeforeChunk(first, since);
    await load.end();
    check(pair);
    assert.ok(load.maxSilenceMs < INTERRUPTION_MAX_MS, `${load.maxSilenceMs} ms without an ack`);
  });

  it('both are down and one returns: it gets everything', async (t) => {
    const pair = await pairOf(t);
    const { first, second, sender } = pair;
    await Promise.all([first.stop(), second.stop()]);
    sender.submit(numberedChunks(20));
    await until('it to be told', () => sender.log.messages('error').length === 1);
    await second.start();
    await sender.drained();
    check(pair);
    assert.equal(second.chunks.length, 20);
  });

  it('a probe carries no entries, and none is sent while nobody is down', async (t) => {
    const pair = await pairOf(t);
    const { first, second, sender } = pair;
    await sender.deliver(numberedChunks(10));
    assert.ok(first.received.every(({ isChunk }) => isChunk));
    await first.stop();
    await sender.deliver(numberedChunks(20).slice(10));
    await first.start();
    await until('the first to be up again', () =>
      sender.log.messages('info').some((text) => /is up again/.test(text)),
    );
    const probes = first.received.slice(10);
    assert.ok(probes.length >= PROBE.needed);
    assert.ok(probes.every(({ entries, isChunk }) => entries.length === 0 && !isChunk));
    const seen = first.received.length;
    await sender.deliver(numberedChunks(30).slice(20));
    assert.ok(first.received.slice(seen).every(({ isChunk }) => isChunk));
    assert.ok(second.received.every(({ isChunk }) => isChunk));
    check(pair);
  });
});

describe('two receivers, balanced', () => {
  it('share the chunks', async (t) => {
    const pair = await pairOf(t, { loadBalance: true });
    await pair.sender.deliver(numberedChunks(100));
    check(pair);
    assert.equal(pair.sender.output.concurrency, 8);
    const shares = [pair.first.chunks.length, pair.second.chunks.length];
    assert.ok(Math.min(...shares) >= 30, shares.join(' and '));
  });

  it('one is lost and returns: the other gets everything meanwhile', async (t) => {
    const pair = await pairOf(t, { loadBalance: true });
    const { first, second, sender } = pair;
    const load = new Load(t, sender);
    await until('chunks at both', () => Math.min(first.chunks.length, second.chunks.length) > 20);
    await first.stop();
    const before = second.chunks.length;
    await until('chunks at the second', () => second.chunks.length > before + 50);
    const since = first.received.length;
    await first.start();
    assert.ok((await probesBeforeChunk(first, since)) >= PROBE.needed);
    await load.end();
    check(pair);
    assert.ok(load.maxSilenceMs < INTERRUPTION_MAX_MS);
  });
});
