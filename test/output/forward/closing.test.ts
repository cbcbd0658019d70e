/**
 * The end of the Forward output: whatever it was doing, nothing stays behind, no connection and no timer, and it does
 * not wait for a receiver that says nothing.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { numberedChunks } from '../../support/forward-chunks.ts';
import { Sender, type SenderOptions } from '../../support/forward-sender.ts';
import { ForwardServer, type ServerOptions } from '../../support/forward-server.ts';
import { until } from '../../support/until.ts';

/** The standard deadlines are longer, and so is that of `until`: who waits for one of them is found out. */
const DEADLINE_MS = 60_000;
const DEADLINES = {
  connect: DEADLINE_MS,
  handshake: DEADLINE_MS,
  write: DEADLINE_MS,
  ack: DEADLINE_MS,
};
const CLOSED_WITHIN_MS = 10_000;

async function setUp(
  t: TestContext,
  server: ServerOptions = {},
  options: Partial<SenderOptions> = {},
): Promise<{ readonly server: ForwardServer; readonly sender: Sender }> {
  const started = await ForwardServer.start(server);
  t.after(() => started.stop());
  const sender = new Sender(t, { ports: [started.port], deadlines: DEADLINES, ...options });
  return { server: started, sender };
}

async function closesSoon(sender: Sender, server: ForwardServer): Promise<void> {
  const start = performance.now();
  await sender.close();
  assert.ok(performance.now() - start < CLOSED_WITHIN_MS);
  for (const { socket } of server.peers) socket.resume();
  await until('all connections to end', () => server.open.length === 0);
}

describe('closing the Forward output', () => {
  it('before it was used, and twice', async (t) => {
    const { server, sender } = await setUp(t);
    await closesSoon(sender, server);
    await sender.output.close();
  });

  it('when everything is acknowledged', async (t) => {
    const { server, sender } = await setUp(t);
    await sender.deliver(numberedChunks(5));
    await closesSoon(sender, server);
    sender.check(server);
  });

  it('with chunks in flight: they are not settled', async (t) => {
    const { server, sender } = await setUp(t, { script: { message: () => undefined } });
    sender.submit(numberedChunks(5));
    await until('chunks under way', () => server.chunks.length === 4);
    await closesSoon(sender, server);
    assert.deepEqual(sender.settled, []);
  });

  it('while a TLS handshake stalls', async (t) => {
    const script = { connected: (peer: { pause(): void }) => peer.pause() };
    const { server, sender } = await setUp(t, { script }, { tls: {} });
    sender.submit(numberedChunks(1));
    await until('a connection', () => server.peers.length === 1);
    await closesSoon(sender, server);
  });

  it('while a login stalls', async (t) => {
    const sharedKey = { kind: 'environment', reveal: () => 'k' } as const;
    const script = { ping: () => undefined };
    const { server, sender } = await setUp(t, { login: { key: 'k' }, script }, { sharedKey });
    sender.submit(numberedChunks(1));
    await until('a PING', () => server.peers[0]?.messages === 1);
    await closesSoon(sender, server);
  });

  it('while a probe waits for its ack', async (t) => {
    const first = await ForwardServer.absent();
    t.after(() => first.stop());
    const second = await ForwardServer.start();
    t.after(() => second.stop());
    const ports = [first.port, second.port];
    const probe = { everyMs: 10, needed: 3 };
    const sender = new Sender(t, { ports, deadlines: DEADLINES, probe });
    await sender.deliver(numberedChunks(5));
    first.script = { message: () => undefined };
    await first.start();
    await until('a probe', () => first.received.length === 1);
    await closesSoon(sender, first);
  });

  it('while a chunk is examined', async (t) => {
    const { server, sender } = await setUp(t, { script: { message: () => undefined } });
    const [chunk] = numberedChunks(1);
    assert.ok(chunk);
    const verdict = sender.output.examine(chunk);
    await until('the chunk and its companion', () => server.received.length === 2);
    await closesSoon(sender, server);
    assert.equal(await verdict, 'unavailable');
  });
});
