/** `receive` with real sockets: what is printed and when it is acknowledged, and how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import { receive } from '../../src/commands/receive.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { until } from '../support/until.ts';
import {
  answer,
  client,
  HeldStdout,
  message,
  raw,
  SETTINGS,
  start,
  type Started,
} from './receive/started.ts';

/** Proof that it still works. */
async function stillReceives(t: TestContext, { port, stdout }: Started): Promise<void> {
  const socket = await raw(t, port);
  socket.write(message([{ still: 'here' }], 'c'));
  assert.deepEqual(await answer(socket), { ack: 'c' });
  assert.deepEqual(stdout.records.at(-1), { still: 'here' });
}

describe('a sender', () => {
  const modes = ['Message', 'Forward', 'PackedForward', 'CompressedPackedForward'] as const;
  for (const eventMode of modes) {
    it(`in mode ${eventMode} has its records printed and acknowledged`, async (t) => {
      const { port, stdout, stop, log } = await start(t);
      const sender = client(t, port, { eventMode });
      const records = [1, 2, 3].map((number) => ({ kind: 'Event', number, text: 'ö\n' }));
      await Promise.all(records.map((record) => sender.emit('audit', record)));
      assert.deepEqual(stdout.records, records);
      assert.equal(await stop(), 0);
      const { message: last, fields } = log.entries.at(-1) ?? {};
      assert.deepEqual([last, fields], ['stopped', { events: 3, connections: 1 }]);
      assert.deepEqual([...log.messages('warn'), ...log.messages('error')], []);
    });
  }

  it('may cut its messages anywhere', async (t) => {
    const { port, stdout } = await start(t);
    const socket = await raw(t, port);
    const bytes = Buffer.concat([message([{ a: 1 }, { b: 2 }]), message([{ c: 3 }], 'x', true)]);
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    assert.deepEqual(await answer(socket), { ack: 'x' });
    assert.deepEqual(stdout.records, [{ a: 1 }, { b: 2 }, { c: 3 }]);
  });

  it('that ends its half gets the last acknowledgement, and the connection closes', async (t) => {
    const { port, stdout } = await start(t);
    stdout.held = true;
    const socket = await raw(t, port, true);
    const closed = once(socket, 'close');
    const acknowledgement = answer(socket);
    await new Promise<void>((resolve) => socket.end(message([{ a: 1 }], 'last'), resolve));
    await until('the write', () => stdout.waiting === 1);
    await once((await raw(t, port)).end(), 'close'); // by now it has seen the end of the other as well
    stdout.release();
    assert.deepEqual(await acknowledgement, { ack: 'last' });
    await closed;
  });

  it('gets no acknowledgement before stdout has taken the events', async (t) => {
    const { port, stdout } = await start(t);
    stdout.held = true;
    const socket = await raw(t, port);
    let acked = false;
    const acknowledgement = answer(socket).then((ack) => {
      acked = true;
      return ack;
    });
    socket.write(message([{ a: 1 }], 'c'));
    await until('the write', () => stdout.waiting === 1);
    const other = await raw(t, port);
    await until('another turn of the loop', () => other.readyState === 'open');
    assert.equal(acked, false);
    stdout.release();
    assert.deepEqual(await acknowledgement, { ack: 'c' });
  });

  it('is not read when 1 MiB waits for stdout', async (t) => {
    const { port, stdout } = await start(t);
    stdout.held = true;
    const socket = await raw(t, port);
    const bytes = message([{ text: 'x'.repeat(100_000) }]);
    // far more than the buffers of both ends take
    const sent = 200;
    for (let count = 0; count < sent; count++) socket.write(bytes);
    let before = -1;
    let stillFor = 0;
    await until('a standstill', () => {
      stillFor = socket.writableLength === before ? stillFor + 1 : 0;
      before = socket.writableLength;
      return stillFor === 10 && stdout.waiting > 0;
    });
    stdout.release();
    await until('all events', () => stdout.text.length > sent * 100_000);
    assert.ok(stdout.largestWrite < 2 * 1024 * 1024, `${stdout.largestWrite} waited`);
    assert.equal(stdout.records.length, sent);
  });
});

describe('what no sender should do', () => {
  const garbage = [
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a number', Buffer.from([1])],
    ['an unknown byte', Buffer.from([0xc1])],
    ['a message of another shape', Buffer.from(encode(['tag', 'x', 'y', 'z', 1]))],
    ['entries of another shape', Buffer.from(encode(['tag', encode('x'), {}]))],
    ['gzip that is none', Buffer.from(encode(['tag', Buffer.from('x'), { compressed: 'gzip' }]))],
    ['a key __proto__', Buffer.from([0x81, 0xa9, ...Buffer.from('__proto__'), 0x80])],
  ] as const;
  for (const [name, bytes] of garbage) {
    it(`is to send ${name}: it is told once, and others go on`, async (t) => {
      const started = await start(t);
      const socket = await raw(t, started.port);
      const closed = once(socket, 'close');
      socket.end(bytes);
      await closed;
      const warnings = started.log.messages('warn');
      assert.equal(warnings.length, 1, warnings.join());
      assert.match(warnings[0] ?? '', /does not speak the Forward protocol/);
      await stillReceives(t, started);
    });
  }

  it('is to reset in the middle of a message', async (t) => {
    const started = await start(t);
    const socket = await raw(t, started.port);
    socket.write(message([{ a: 1 }], 'c').subarray(0, 20));
    await until('the connection', () => started.log.messages('info').length > 1);
    socket.resetAndDestroy();
    await until('its end', () => started.log.messages('info').includes('a sender has gone'));
    await stillReceives(t, started);
    assert.deepEqual(started.log.messages('warn'), []);
  });

  it('is to end, and to reset while events wait for stdout', async (t) => {
    const started = await start(t);
    started.stdout.held = true;
    const socket = await raw(t, started.port, true);
    socket.end(message([{ a: 1 }], 'c'));
    await until('the write', () => started.stdout.waiting === 1);
    await once((await raw(t, started.port)).end(), 'close');
    socket.resetAndDestroy();
    await once((await raw(t, started.port)).end(), 'close');
    started.stdout.release();
    await until('its end', () => started.log.messages('info').includes('a sender has gone'));
    await stillReceives(t, started);
  });

  it('is to connect and drop fifty times', async (t) => {
    const started = await start(t);
    for (let count = 0; count < 50; count++) {
      const socket = await raw(t, started.port);
      if (count % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    const gone = (): number => {
      return started.log.messages('info').filter((line) => line === 'a sender has gone').length;
    };
    await until('fifty ends', () => gone() === 50);
    await stillReceives(t, started);
    await started.stop();
    assert.deepEqual(started.log.entries.at(-1)?.fields, { events: 1, connections: 51 });
  });

  it('is to send bytes, times and extensions in a record', async (t) => {
    const { port, stdout } = await start(t);
    const socket = await raw(t, port);
    const entry = Buffer.concat([
      Buffer.from([0x92, 0x01, 0x82]),
      encode('bytes'),
      encode(new Uint8Array([255])),
      encode('time'),
      Buffer.from([0xd7, 0x00, 0x69, 0xa7, 0xbe, 0x7f, 0, 0, 0, 5]),
    ]);
    socket.write(encode(['tag', entry, { chunk: 'c' }]));
    await answer(socket);
    assert.deepEqual(stdout.records, [{ bytes: '/w==', time: '2026-03-04T05:09:19.000000005Z' }]);
  });
});

describe('receive', () => {
  it('says what to do when the port is in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const listen = { host: '127.0.0.1', port };
    const { signal } = new AbortController();
    await assert.rejects(
      receive(
        { ...SETTINGS, listen },
        { log: new RecordingLog(), signal, stdout: new HeldStdout() },
      ),
      (error: Error & { code?: string }) =>
        /port \d+ is in use; end the program .* with --listen/.test(error.message) &&
        error.code === 'EADDRINUSE',
    );
  });

  it('says what to do when the address is not its own', async () => {
    const listen = { host: '192.0.2.1', port: 0 };
    const { signal } = new AbortController();
    await assert.rejects(
      receive(
        { ...SETTINGS, listen },
        { log: new RecordingLog(), signal, stdout: new HeldStdout() },
      ),
      /cannot listen on 192\.0\.2\.1:0: this machine has no such address/,
    );
  });

  it('ends after so many events, and acknowledges no message that it did not print whole', async (t) => {
    const { port, stdout, ended, log } = await start(t, { count: 3 });
    const socket = await raw(t, port);
    const answers: unknown[] = [];
    socket.on('data', (bytes: Buffer) => answers.push(decode(bytes)));
    const first = message([{ n: 1 }, { n: 2 }], 'whole');
    socket.write(Buffer.concat([first, message([{ n: 3 }, { n: 4 }], 'part')]));
    assert.equal(await ended, 0);
    assert.deepEqual(stdout.records, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    assert.deepEqual(answers, [{ ack: 'whole' }]);
    assert.deepEqual(log.entries.at(-1)?.fields, { events: 3, connections: 1 });
  });

  it('acknowledges the last of so many events', async (t) => {
    const { port, ended } = await start(t, { count: 1 });
    const socket = await raw(t, port);
    const acknowledgement = answer(socket);
    socket.write(message([{ n: 1 }], 'c'));
    assert.deepEqual(await acknowledgement, { ack: 'c' });
    socket.end();
    assert.equal(await ended, 0);
  });

  it('ends after a time', async (t) => {
    const { ended } = await start(t, { forMs: 20 });
    assert.equal(await ended, 0);
  });

  it('stops also when a sender never ends and stdout takes nothing', async (t) => {
    const { port, stdout, stop, log } = await start(t);
    stdout.held = true;
    const socket = await raw(t, port, true);
    socket.write(message([{ a: 1 }], 'c'));
    await until('the write', () => stdout.waiting === 1);
    const ended = once(socket, 'end');
    assert.equal(await stop(), 0);
    await ended;
    assert.equal(log.entries.at(-1)?.message, 'stopped');
  });

  it('ends quietly when nobody reads stdout any more, and acknowledges nothing', async (t) => {
    const { port, stdout, ended } = await start(t);
    stdout.failure = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
    const socket = await raw(t, port);
    let answered = false;
    socket.on('data', () => (answered = true));
    socket.write(message([{ a: 1 }], 'c'));
    assert.equal(await ended, 0);
    assert.equal(answered, false);
  });

  it('fails when stdout fails otherwise', async (t) => {
    const { port, stdout, ended } = await start(t);
    stdout.failure = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    (await raw(t, port)).end(message([{ a: 1 }], 'c'));
    await assert.rejects(ended, /cannot write to standard output/);
  });

  it('prints for a person on a terminal, without what a sender would do to it', async (t) => {
    const { port, stdout } = await start(t, { format: 'wide' });
    const socket = await raw(t, port);
    const userAgent = 'curl\u001b]0;owned\u0007\u009b2J';
    socket.write(message([{ kind: 'Event', auditID: 'a', verb: 'get', userAgent }], 'c'));
    await answer(socket);
    assert.match(stdout.text, /^\S[^\n]*get[^\n]*curl\\x1b\]0;owned\\x07\\x9b2J[^\n]*\n$/);
  });
});
