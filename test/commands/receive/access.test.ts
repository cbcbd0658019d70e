/** Who may send to `receive`: shared key, user and password, TLS, and certificates of senders. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { pem, tlsMaterial } from '../../support/tls-material.ts';
import { until } from '../../support/until.ts';
import { client, message, raw, start } from './started.ts';

describe('a sender that must log in', () => {
  const security = { clientHostname: 'sender', sharedKey: 'key' };
  const user = { username: 'u', password: 'secret' };

  it('is heard with the shared key', async (t) => {
    const { port, stdout } = await start(t, { sharedKey: 'key' });
    await client(t, port, { security }).emit('audit', { a: 1 });
    assert.deepEqual(stdout.records, [{ a: 1 }]);
  });

  it('is heard with user and password', async (t) => {
    const { port, stdout } = await start(t, { sharedKey: 'key', user });
    await client(t, port, { security: { ...security, ...user } }).emit('audit', { a: 1 });
    assert.deepEqual(stdout.records, [{ a: 1 }]);
  });

  const refused = [
    ['another shared key', { ...security, sharedKey: 's3cret' }, /shared key is another one/],
    ['no user', security, /names no user/],
    ['another password', { ...security, ...user, password: 's3cret' }, /password is wrong/],
    ['another user', { ...security, ...user, username: 's3cret' }, /username or its password/],
  ] as const;
  for (const [name, wrong, expected] of refused) {
    it(`is refused with ${name}, in one line that names it and no secret`, async (t) => {
      const { port, stdout, log } = await start(t, { sharedKey: 'key', user });
      const sender = client(t, port, { security: wrong });
      sender.emit('audit', { a: 1 }).catch(() => undefined);
      await until('the refusal', () => log.messages('warn').length > 0);
      await until('the end', () => log.messages('info').includes('a sender has gone'));
      const [line, ...more] = log.entries.filter(({ level }) => level === 'warn');
      assert.deepEqual(more, []);
      assert.match(line?.message ?? '', expected);
      assert.match(String(line?.fields?.['peer']), /^127\.0\.0\.1:\d+$/);
      assert.doesNotMatch(JSON.stringify(log.entries), /s3cret|"key"/);
      assert.equal(stdout.text, '');
    });
  }

  it('is refused when it sends events at once', async (t) => {
    const { port, stdout, log } = await start(t, { sharedKey: 'key' });
    const socket = await raw(t, port);
    socket.end(message([{ a: 1 }], 'c'));
    await once(socket, 'close');
    assert.match(log.messages('warn').join(), /before it had logged in; give it the shared key/);
    assert.equal(stdout.text, '');
  });
});

describe('TLS', () => {
  const { ca, server, client: own, stranger } = tlsMaterial();
  const cert = Buffer.from(pem(server.cert));
  const key = Buffer.from(pem(server.key));
  const tls = { cert, key, ca: undefined };
  const mutual = { cert, key, ca: Buffer.from(pem(ca.cert)) };
  const trusting = { ca: pem(ca.cert), host: '127.0.0.1' };

  it('is spoken with a certificate', async (t) => {
    const { port, stdout } = await start(t, { tls });
    await client(t, port, { socket: { tls: trusting } }).emit('audit', { a: 1 });
    assert.deepEqual(stdout.records, [{ a: 1 }]);
  });

  it('asks the sender for a certificate of its CA', async (t) => {
    const { port, stdout } = await start(t, { tls: mutual });
    const certified = { ...trusting, cert: pem(own.cert), key: pem(own.key) };
    await client(t, port, { socket: { tls: certified } }).emit('audit', { a: 1 });
    assert.deepEqual(stdout.records, [{ a: 1 }]);
  });

  const refused = [
    ['without a certificate', trusting, /has no certificate/],
    [
      'with the certificate of another CA',
      { ...trusting, cert: pem(stranger.cert), key: pem(stranger.key) },
      /not signed by --tls-ca/,
    ],
    ['without TLS', undefined, /does not speak TLS/],
  ] as const;
  for (const [name, options, expected] of refused) {
    it(`tells once of senders ${name}, and goes on`, async (t) => {
      const { port, stdout, log } = await start(t, { tls: mutual });
      for (let attempt = 0; attempt < 2; attempt++) {
        const socket = options === undefined ? {} : { tls: options };
        const sender = client(t, port, { socket });
        sender.emit('audit', { a: 1 }).catch(() => undefined);
      }
      const failures = (): readonly string[] => {
        return log.messages('info').filter((line) => line.startsWith('a TLS handshake failed'));
      };
      await until('the failure', () => failures().length > 0);
      const certified = { ...trusting, cert: pem(own.cert), key: pem(own.key) };
      await client(t, port, { socket: { tls: certified } }).emit('audit', { b: 2 });
      assert.deepEqual(stdout.records, [{ b: 2 }]);
      assert.equal(failures().length, 1);
      assert.match(failures()[0] ?? '', expected);
    });
  }

  it('tells of a sender that does not trust the certificate', async (t) => {
    const { port, log } = await start(t, { tls });
    const { cert: others } = tlsMaterial().strangerCa;
    const flags = ['-connect', `127.0.0.1:${port}`, '-CAfile', others, '-verify_return_error'];
    const sender = spawn('openssl', ['s_client', ...flags], { stdio: 'ignore' });
    await once(sender, 'exit');
    await until('the failure', () =>
      log
        .messages('info')
        .some((line) => /does not trust the certificate of --tls-cert/.test(line)),
    );
  });

  it('is recognised where it is not spoken', async (t) => {
    const { port, log } = await start(t);
    client(t, port, { socket: { tls: trusting } })
      .emit('audit', {})
      .catch(() => undefined);
    await until('the hint', () => log.messages('warn').some((line) => /speaks TLS/.test(line)));
  });

  it('with a handshake that never comes does not keep it from stopping', async (t) => {
    const { port, stop } = await start(t, { tls });
    const socket = await raw(t, port);
    const closed = once(socket, 'close');
    assert.equal(await stop(), 0);
    await closed;
  });
});
