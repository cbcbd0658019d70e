/**
 * TLS on the wire: only a receiver whose certificate is right gets a byte, ours is shown where it is asked for, and
 * files that change are in use soon, with nothing lost.
 */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { TlsOptions, TLSSocket } from 'node:tls';
import type { TlsFiles } from '../../../src/output/forward/credentials.ts';
import { numberedChunks } from '../../support/forward-chunks.ts';
import { Sender } from '../../support/forward-sender.ts';
import { ForwardServer, type Peer, type Received } from '../../support/forward-server.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { pem, tlsMaterial, type KeyPair } from '../../support/tls-material.ts';
import { until } from '../../support/until.ts';

const CHUNKS = 10;
const RENEW_EVERY_MS = 20;

function serving({ cert, key }: KeyPair, more: TlsOptions = {}): TlsOptions {
  return { cert: pem(cert), key: pem(key), ...more };
}

async function started(t: TestContext, tls: TlsOptions): Promise<ForwardServer> {
  const server = await ForwardServer.start({ tls });
  t.after(() => server.stop());
  return server;
}

function codeInLog(sender: Sender): unknown {
  return sender.log.entries.findLast(({ level }) => level === 'error')?.fields?.['code'];
}

describe('a receiver with TLS', () => {
  it('and a certificate that we trust gets everything', async (t) => {
    const { ca, server: pair } = tlsMaterial();
    const server = await started(t, serving(pair));
    const sender = new Sender(t, { ports: [server.port], tls: { ca_file: ca.cert } });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
    assert.equal(server.peers.length, 1);
  });

  it('and a wrong certificate gets nothing until it has the right one', async (t) => {
    const { ca, server: right, expired, stranger } = tlsMaterial();
    const wrong: readonly (readonly [KeyPair, string])[] = [
      [stranger, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [expired, 'CERT_HAS_EXPIRED'],
    ];
    for (const [pair, code] of wrong) {
      const server = await started(t, serving(pair));
      const sender = new Sender(t, { ports: [server.port], tls: { ca_file: ca.cert } });
      sender.submit(numberedChunks(CHUNKS));
      await until(`attempts that fail with ${code}`, () => codeInLog(sender) === code);
      assert.ok(server.peers.every(({ bytes }) => bytes === 0));
      await server.stop();
      await server.start(serving(right));
      await sender.drained();
      sender.check(server);
      await sender.close();
    }
  });

  it('and a certificate for another name gets nothing', async (t) => {
    const { ca, server: pair } = tlsMaterial();
    const server = await started(t, serving(pair));
    const tls = { ca_file: ca.cert, server_name: 'other.example' };
    const sender = new Sender(t, { ports: [server.port], tls });
    sender.submit(numberedChunks(CHUNKS));
    await until('it to fail', () => codeInLog(sender) === 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.ok(server.peers.every(({ bytes }) => bytes === 0));
    const named = new Sender(t, {
      ports: [server.port],
      tls: { ...tls, server_name: 'localhost' },
    });
    await named.deliver(numberedChunks(1));
  });

  it('older than 1.2 gets nothing', async (t) => {
    const { ca, server: pair } = tlsMaterial();
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    const server = await started(t, serving(pair, old as TlsOptions));
    const sender = new Sender(t, { ports: [server.port], tls: { ca_file: ca.cert } });
    sender.submit(numberedChunks(1));
    await until('it to fail', () => /PROTOCOL/.test(String(codeInLog(sender))));
    assert.equal(server.peers.length, 0);
  });

  it('of version 1.2 gets everything', async (t) => {
    const { ca, server: pair } = tlsMaterial();
    const server = await started(t, serving(pair, { maxVersion: 'TLSv1.2' }));
    const sender = new Sender(t, { ports: [server.port], tls: { ca_file: ca.cert } });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
  });

  it('that asks for our certificate gets it, and without it nothing is delivered', async (t) => {
    const { ca, server: pair, client } = tlsMaterial();
    const asking = { ca: pem(ca.cert), requestCert: true, rejectUnauthorized: true };
    const server = await started(t, serving(pair, asking));
    const nobody = new Sender(t, { ports: [server.port], tls: { ca_file: ca.cert } });
    nobody.submit(numberedChunks(1));
    await until('it to fail', () => codeInLog(nobody) !== undefined);
    assert.equal(server.peers.length, 0);
    await nobody.close();
    const tls = { ca_file: ca.cert, cert_file: client.cert, key_file: client.key };
    const sender = new Sender(t, { ports: [server.port], tls });
    await sender.deliver(numberedChunks(CHUNKS));
    sender.check(server);
  });
});

describe('a client certificate that is replaced', () => {
  it('is shown within the interval: what was under way is acknowledged, and nothing is lost', async (t) => {
    const { server, files, sender, shown } = await rotating(t);
    await sender.deliver(numberedChunks(CHUNKS));
    const held: Received[] = [];
    server.script = {
      ...server.script,
      message: (peer, message) => (peer.number === 1 ? held.push(message) : peer.ack(message)),
    };
    sender.submit(numberedChunks(2 * CHUNKS).slice(CHUNKS));
    await until('chunks under way', () => held.length === 4);
    install(files, tlsMaterial().stranger);
    await until('a second connection', () => server.peers.length === 2);
    for (const message of held) message.peer.ack(message);
    await sender.drained();
    sender.check(server);
    assert.deepEqual(shown, ['client', 'stranger']);
    assert.equal(server.chunks.length, 2 * CHUNKS, 'nothing was sent twice');
    await until('the old connection to end', () => server.open.length === 1);
  });

  it('leaves the order as it is: nothing overtakes what is under way on the old connection', async (t) => {
    const { server, files, sender, tls } = await rotating(t);
    const held: Received[] = [];
    server.script = {
      message: (peer, one) => (peer.number === 1 ? held.push(one) : peer.ack(one)),
    };
    const [first, second] = [numberedChunks(2), numberedChunks(4).slice(2)];
    sender.submit(first);
    await until('chunks under way', () => held.length === 2);
    install(files, tlsMaterial().stranger);
    await until('the new connection', () => sender.log.messages('info').length === 1);
    sender.submit(second);
    // What another sender sends after that arrives after that.
    await new Sender(t, { ports: [server.port], tls }).deliver(numberedChunks(5).slice(4));
    assert.deepEqual([server.chunks.length, sender.attempts.length], [3, 4]);
    for (const message of held) message.peer.ack(message);
    await sender.drained();
    sender.checkSettled();
    assert.deepEqual(
      server.chunks.map(({ peer }) => peer.number),
      [1, 1, 3, 2, 2],
    );
  });

  it('and is half written goes unused until it is whole', async (t) => {
    const { server, files, sender, shown } = await rotating(t);
    await sender.deliver(numberedChunks(CHUNKS));
    const next = tlsMaterial().stranger;
    writeFileSync(files.key, readFileSync(next.key).subarray(0, 100));
    await until('a warning', () => sender.log.messages('warn').length === 1);
    await sender.deliver(numberedChunks(2 * CHUNKS).slice(CHUNKS));
    assert.deepEqual(shown, ['client']);
    install(files, next);
    await until('a second connection', () => server.peers.length === 2);
    await sender.deliver(numberedChunks(3 * CHUNKS).slice(2 * CHUNKS));
    sender.check(server);
    assert.equal(server.chunks.at(-1)?.peer.number, 2);
    assert.ok(sender.log.messages('warn').length <= 3, 'told once for each state of the files');
  });
});

interface Rotating {
  readonly server: ForwardServer;
  readonly sender: Sender;
  readonly files: KeyPair;
  readonly tls: TlsFiles;
  /** The names in the certificates that the client has shown, one for each connection. */
  readonly shown: readonly string[];
}

/** A receiver that asks for a certificate, and a sender whose own lies where it can be replaced. */
async function rotating(t: TestContext): Promise<Rotating> {
  const { ca, strangerCa, server: pair, client } = tlsMaterial();
  const asking = { ca: [pem(ca.cert), pem(strangerCa.cert)], requestCert: true };
  const server = await started(t, serving(pair, asking));
  const shown: string[] = [];
  const look = ({ socket }: Peer): unknown =>
    shown.push(String((socket as TLSSocket).getPeerCertificate().subject.CN));
  server.script = { connected: look };
  const folder = temporaryDirectory(t);
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  install(files, client);
  const tls = { ca_file: ca.cert, cert_file: files.cert, key_file: files.key };
  const sender = new Sender(t, { ports: [server.port], tls, renewEveryMs: RENEW_EVERY_MS });
  return { server, sender, files, tls, shown };
}

function install(files: KeyPair, pair: KeyPair): void {
  copyFileSync(pair.cert, files.cert);
  copyFileSync(pair.key, files.key);
}
