/**
 * Secrets on the wire: no byte of an event leaves before the receiver has proved that it knows the key, a wrong
 * secret is tried again until it is right, and secrets are read anew each time.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SecretSource } from '../../../src/output/forward/credentials.ts';
import { numberedChunks } from '../../support/forward-chunks.ts';
import type { ServerLogin } from '../../support/forward-login.ts';
import { FIRST_SUCCESS, Sender } from '../../support/forward-sender.ts';
import { ForwardServer } from '../../support/forward-server.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const KEY = 's3cret';
const CHUNKS = 10;

async function started(t: TestContext, login: ServerLogin): Promise<ForwardServer> {
  const server = await ForwardServer.start({ login });
  t.after(() => server.stop());
  return server;
}

function keyFile(t: TestContext, content: string): SecretSource & { readonly path: string } {
  const path = join(temporaryDirectory(t), 'key');
  writeFileSync(path, content);
  return { kind: 'file', path };
}

/** Nothing but PING came on any connection, and the code that the log tells. */
function assertOnlyPings(server: ForwardServer, sender: Sender, code: string): void {
  assert.ok(server.peers.every(({ messages }) => messages <= 1));
  assert.deepEqual([server.received.length, sender.settled.length], [0, 0]);
  const [error] = sender.log.entries.filter(({ level }) => level === 'error');
  assert.equal(error?.fields?.['code'], code);
  assert.doesNotMatch(JSON.stringify(sender.log.entries), new RegExp(KEY));
}

describe('a login', () => {
  it('with the right key opens the way', async (t) => {
    const server = await started(t, { key: KEY });
    const sender = new Sender(t, { ports: [server.port], sharedKey: keyFile(t, `${KEY}\n`) });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.equal(server.peers.length, 1);
  });

  it('with the wrong key sends no event, and is tried again until the file holds the right one', async (t) => {
    const server = await started(t, { key: KEY });
    const sharedKey = keyFile(t, 'wrong');
    const sender = new Sender(t, { ports: [server.port], sharedKey });
    sender.submit(numberedChunks(CHUNKS));
    await until('several attempts', () => server.peers.length > 5);
    assertOnlyPings(server, sender, 'AUTHENTICATION');
    writeFileSync(sharedKey.path, '');
    await until('another reason in the log', () => sender.log.messages('error').length === 2);
    writeFileSync(sharedKey.path, KEY);
    await sender.drained();
    sender.check(server);
    assert.deepEqual(sender.log.messages('info'), FIRST_SUCCESS);
  });

  it('sends no event to a receiver that lets us in but does not know the key', async (t) => {
    const server = await started(t, { key: KEY, pretends: true });
    const sender = new Sender(t, { ports: [server.port], sharedKey: keyFile(t, KEY) });
    sender.submit(numberedChunks(CHUNKS));
    await until('several attempts', () => server.peers.length > 5);
    assertOnlyPings(server, sender, 'AUTHENTICATION');
  });

  it('sends no event to a receiver that asks for no login', async (t) => {
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const sharedKey = keyFile(t, KEY);
    const deadlines = { handshake: 100 };
    const sender = new Sender(t, { ports: [server.port], sharedKey, deadlines });
    sender.submit(numberedChunks(CHUNKS));
    await until('several attempts', () => server.peers.length > 3);
    assert.ok(server.peers.every(({ bytes }) => bytes === 0));
    assertOnlyPings(server, sender, 'HANDSHAKE_TIMEOUT');
  });

  it('sends no event before the PONG, however long it takes', async (t) => {
    const server = await started(t, { key: KEY });
    server.script = { ping: () => undefined };
    const deadlines = { handshake: 100 };
    const sender = new Sender(t, { ports: [server.port], sharedKey: keyFile(t, KEY), deadlines });
    sender.submit(numberedChunks(CHUNKS));
    await until('several attempts', () => server.peers.length > 3);
    assert.equal(server.peers[0]?.messages, 1, 'the PING');
    assertOnlyPings(server, sender, 'HANDSHAKE_TIMEOUT');
  });

  it('with a user and a password opens the way, and with the wrong password does not', async (t) => {
    const user = { name: 'shipper', password: 'pa55' };
    const server = await started(t, { key: KEY, user });
    const sharedKey = keyFile(t, KEY);
    const ports = [server.port];
    const stranger = new Sender(t, { ports, sharedKey, user: { ...user, password: 'other' } });
    stranger.submit(numberedChunks(1));
    await until('several attempts', () => server.peers.length > 5);
    assertOnlyPings(server, stranger, 'AUTHENTICATION');
    await stranger.close();
    const sender = new Sender(t, { ports, sharedKey, user });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
  });

  it('that fails with a new key for another reason is tried again, and the old connection used meanwhile', async (t) => {
    const server = await started(t, { key: KEY });
    const sharedKey = keyFile(t, KEY);
    const sender = new Sender(t, { ports: [server.port], sharedKey, renewEveryMs: 20 });
    await sender.deliver(numberedChunks(CHUNKS));
    server.script = { ping: (peer) => peer.end() };
    writeFileSync(sharedKey.path, `${KEY}\n`);
    await until('several attempts', () => server.peers.length > 4);
    await sender.deliver(numberedChunks(2 * CHUNKS).slice(CHUNKS));
    assert.ok(server.chunks.every(({ peer }) => peer.number === 1));
    server.script = {};
    await until('the old connection to end', () => server.peers[0]?.closed);
    await sender.deliver(numberedChunks(3 * CHUNKS).slice(2 * CHUNKS));
    sender.check(server);
    assert.equal(sender.log.messages('warn').length, 1);
    assert.equal(server.open.length, 1);
  });
});
