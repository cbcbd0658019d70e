/**
 * A receiver that takes no connection, breaks it, or answers wrongly, one fault after the other: everything arrives,
 * in order, under the same ids, and settles once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { numberedChunk, numberedChunks } from '../../support/forward-chunks.ts';
import { FIRST_SUCCESS, Sender } from '../../support/forward-sender.ts';
import { ForwardServer, type Received } from '../../support/forward-server.ts';
import { until } from '../../support/until.ts';

const CHUNKS = 20;
/** More than a socket's buffers hold. */
const LARGE = 'x'.repeat(4 * 1024 * 1024);
const SHORT_MS = 200;
/** The full minute of restarts takes a minute: it runs when this variable is set. */
const RESTARTING_MS = process.env['AUDIT_SHIPPER_TEST_FULL'] === undefined ? 5000 : 60_000;
const RESTART_EVERY_MS = 200;

describe('a receiver that is not there or goes away', () => {
  it('refuses connections at first: everything arrives when it listens', async (t) => {
    const server = await ForwardServer.absent();
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    sender.submit(numberedChunks(CHUNKS));
    await until('some attempts', () => sender.attempts.length > 30);
    assert.deepEqual(sender.settled, []);
    await server.start();
    await sender.drained();
    sender.check(server);
    assert.equal(sender.log.messages('error').length, 1);
    assert.deepEqual(sender.log.messages('info'), FIRST_SUCCESS);
  });

  it('resets the connection in the middle of a chunk', async (t) => {
    const server = await ForwardServer.start({
      script: {
        heard: (peer) => {
          if (peer.number <= 3 && peer.bytes > 100_000) peer.reset();
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    await sender.deliver(numberedChunks(3, LARGE));
    assert.ok(server.peers.length > 3);
    sender.check(server);
  });

  it('closes the connection after every chunk', async (t) => {
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          if (peer.over) return;
          peer.ack(message);
          peer.end();
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.equal(server.peers.length, CHUNKS, 'each connection made progress');
    assert.deepEqual(sender.log.messages('error'), []);
  });

  it('restarts every 200 ms', async (t) => {
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    const end = performance.now() + RESTARTING_MS;
    while (performance.now() < end) {
      const next = performance.now() + RESTART_EVERY_MS;
      await until('the time of the next restart', () => {
        const { chunks, settled } = sender;
        if (chunks.length - settled.length < 8) sender.submit([numberedChunk(chunks.length + 1)]);
        return performance.now() >= next;
      });
      await server.stop();
      await server.start();
    }
    await sender.drained();
    sender.check(server);
    assert.ok(server.peers.length > RESTARTING_MS / RESTART_EVERY_MS / 3);
  });
});

describe('a receiver that does not acknowledge', () => {
  it('accepts and never acks, and then does: the connection is given up at the deadline', async (t) => {
    const server = await ForwardServer.start({
      script: { message: (peer, message) => peer.number > 2 && peer.ack(message) },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], deadlines: { ack: SHORT_MS } });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    const [first, second] = server.peers;
    assert.ok(first?.closed === true && second?.closed === true);
    assert.deepEqual(
      server.chunks.filter(({ peer }) => peer === first).map(({ id }) => id),
      server.chunks.filter(({ peer }) => peer === second).map(({ id }) => id),
    );
  });

  it('acks after the deadline: that connection is gone, and the chunks are sent again', async (t) => {
    const late: Received[] = [];
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          if (peer.number > 1) peer.ack(message);
          else late.push(message);
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], deadlines: { ack: SHORT_MS } });
    sender.submit(numberedChunks(CHUNKS));
    await until('a second connection', () => server.peers.length > 1);
    for (const { peer, id } of late) peer.say({ ack: id });
    await sender.drained();
    sender.check(server);
    assert.equal(late.length, 4);
  });

  it('acks what another receiver was sent: it does not count', async (t) => {
    const held: Received[] = [];
    const silent = await ForwardServer.start({ script: { message: (_, one) => held.push(one) } });
    const meddler = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          for (const { id } of held) peer.say({ ack: id });
          peer.ack(message);
        },
      },
    });
    t.after(() => Promise.all([silent.stop(), meddler.stop()]));
    const ports = [silent.port, meddler.port];
    const sender = new Sender(t, { ports, loadBalance: true, inFlightChunks: 2 });
    sender.submit(numberedChunks(CHUNKS));
    await until('the silent one to hold some', () => held.length === 2);
    await until('all else', () => sender.settled.length === CHUNKS - 2);
    for (const message of held) message.peer.ack(message);
    await sender.drained();
    sender.checkSettled();
    assert.deepEqual([silent.chunks.length, meddler.chunks.length], [2, CHUNKS - 2]);
  });

  it('acks ids that nobody sent: nothing settles by them', async (t) => {
    let held: Received | undefined;
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          peer.say({ ack: 'bm8gY2h1bmsgb2Ygb3Vycw==' });
          peer.say({ ack: '' });
          if (held === undefined) held = message;
          else peer.ack(message);
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    sender.submit(numberedChunks(CHUNKS));
    await until('all but the first', () => sender.settled.length === CHUNKS - 1);
    assert.ok(held);
    assert.ok(sender.settled.every(({ id }) => id !== 'chunk-1'));
    held.peer.ack(held);
    await sender.drained();
    sender.check(server);
    assert.equal(server.peers.length, 1);
  });

  it('acks everything twice', async (t) => {
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          peer.ack(message);
          peer.ack(message);
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.deepEqual([server.peers.length, server.chunks.length], [1, CHUNKS]);
  });

  it('acks in another order than it was sent', async (t) => {
    const waiting: Received[] = [];
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          waiting.push(message);
          if (waiting.length === 4) for (const one of waiting.splice(0).toReversed()) peer.ack(one);
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.equal(server.chunks.length, CHUNKS);
  });

  it('passes over one chunk while it acks others: that one is sent again, and the connection stays', async (t) => {
    let passed = 0;
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          if (message.entries.includes('event-3') && passed++ === 0) return;
          peer.ack(message);
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], deadlines: { ack: SHORT_MS } });
    await sender.deliver(numberedChunks(9));
    sender.check(server);
    assert.deepEqual([server.peers.length, server.chunks.length], [1, 10]);
  });
});

describe('a receiver that falls silent', () => {
  it('stops reading: no more is under way than allowed, and the connection is given up', async (t) => {
    const server = await ForwardServer.start({
      script: { connected: (peer) => peer.number <= 2 && peer.pause() },
    });
    t.after(() => server.stop());
    const deadlines = { write: SHORT_MS, ack: SHORT_MS };
    const sender = new Sender(t, { ports: [server.port], deadlines });
    sender.submit(numberedChunks(6, LARGE));
    await until('a third connection', () => server.peers.length > 2);
    assert.ok(sender.maxUnderWay <= 4);
    await sender.drained();
    sender.check(server);
  });

  it('stops reading after it had nothing to read for longer than the deadline', async (t) => {
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const deadlines = { write: SHORT_MS };
    const sender = new Sender(t, { ports: [server.port], deadlines });
    await sender.deliver(numberedChunks(1));
    await delay(3 * SHORT_MS);
    assert.equal(server.peers.length, 1, 'nothing is late while nothing is written');
    server.peers[0]?.pause();
    await sender.deliver([numberedChunk(2, LARGE), numberedChunk(3, LARGE)]);
    assert.equal(server.peers.length, 2);
    sender.check(server);
  });

  it('stops reading for good: memory is that of the chunks under way', async (t) => {
    const server = await ForwardServer.start({ script: { connected: (peer) => peer.pause() } });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port] });
    sender.submit(numberedChunks(200, 'x'.repeat(64 * 1024)));
    await until('all places to be taken', () => sender.underWay === 4);
    await until('the receiver to hear of it', () => server.peers.length === 1);
    assert.deepEqual(
      [sender.attempts.length, sender.maxUnderWay, sender.settled.length],
      [4, 4, 0],
    );
  });

  it('answers nothing and closes nothing (half-open)', async (t) => {
    const server = await ForwardServer.start({
      script: {
        connected: (peer) => peer.number === 1 && peer.socket.pause(),
        message: (peer, message) => peer.number > 1 && peer.ack(message),
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], deadlines: { ack: SHORT_MS } });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.equal(server.peers.length, 2);
  });

  it('stalls in the TLS handshake', async (t) => {
    const server = await ForwardServer.start();
    t.after(() => server.stop());
    const deadlines = { connect: SHORT_MS };
    const sender = new Sender(t, { ports: [server.port], deadlines, tls: {} });
    server.script = { connected: (peer) => peer.pause() };
    sender.submit(numberedChunks(1));
    await until('several attempts', () => server.peers.length > 2);
    await until('an error', () => sender.log.messages('error').length === 1);
    const [error] = sender.log.entries.filter(({ level }) => level === 'error');
    assert.equal(error?.fields?.['code'], 'TLS_TIMEOUT');
    assert.equal(server.received.length, 0);
  });

  it('stalls in the login', async (t) => {
    const server = await ForwardServer.start({
      login: { key: 'k' },
      script: { connected: () => undefined },
    });
    t.after(() => server.stop());
    const sharedKey = { kind: 'environment', reveal: () => 'k' } as const;
    const deadlines = { handshake: SHORT_MS };
    const sender = new Sender(t, { ports: [server.port], deadlines, sharedKey });
    sender.submit(numberedChunks(3));
    await until('several attempts', () => server.peers.length > 2);
    assert.ok(server.peers.every(({ bytes }) => bytes === 0));
    server.script = {};
    await sender.drained();
    sender.check(server);
  });
});

describe('a receiver that speaks otherwise', () => {
  const answers: readonly (readonly [string, Uint8Array])[] = [
    ['answers in HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
    ['answers bytes that are no MessagePack', Buffer.from('c1c1c1c1', 'hex')],
    ['announces a message without end', Buffer.from('c6ffffffff', 'hex')],
    ['sends a HELO to who has no login', Buffer.from('92a448454c4f80', 'hex')],
  ];
  for (const [name, bytes] of answers) {
    it(`${name}: the connection is given up, nothing counts as delivered`, async (t) => {
      const server = await ForwardServer.start({
        script: {
          message: (peer, message) => {
            if (peer.number <= 2) peer.write(bytes);
            else peer.ack(message);
          },
        },
      });
      t.after(() => server.stop());
      const sender = new Sender(t, { ports: [server.port] });
      await sender.deliver(numberedChunks(CHUNKS));
      sender.check(server);
      assert.equal(server.peers.length, 3);
    });
  }

  it('sends an ack and garbage at once: the ack counts', async (t) => {
    const server = await ForwardServer.start({
      script: {
        message: (peer, message) => {
          if (peer.over) return;
          const ack = Buffer.concat([Buffer.from('81a361636bb8', 'hex'), Buffer.from(message.id)]);
          message.acked = true;
          peer.write(Buffer.concat([ack, Buffer.of(0xc1)]));
        },
      },
    });
    t.after(() => server.stop());
    const sender = new Sender(t, { ports: [server.port], inFlightChunks: 1 });
    await sender.deliver(numberedChunks(3));
    sender.check(server);
    assert.equal(server.chunks.length, 3);
  });

  it('keeps no connection (HELO with keepalive false): each takes one chunk', async (t) => {
    const server = await ForwardServer.start({ login: { key: 'k', keepalive: false } });
    t.after(() => server.stop());
    const sharedKey = { kind: 'environment', reveal: () => 'k' } as const;
    const sender = new Sender(t, { ports: [server.port], sharedKey });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.equal(server.peers.length, CHUNKS);
    assert.equal(server.chunks.length, CHUNKS);
    assert.deepEqual(sender.log.messages('error'), []);
  });
});
