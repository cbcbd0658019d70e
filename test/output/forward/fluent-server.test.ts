/**
 * The whole way to a receiver that others wrote, FluentServer of @fluent-org/logger: with every login and
 * compression all events arrive as they were.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { FluentServer, type FluentServerOptions } from '@fluent-org/logger';
import type { Chunk } from '../../../src/deliver/chunk.ts';
import { chunkOf, eventOf, type TestEvent } from '../../support/forward-chunks.ts';
import { Sender, type SenderOptions } from '../../support/forward-sender.ts';
import { pem, tlsMaterial } from '../../support/tls-material.ts';

const CHUNKS = 12;
const EVENTS_EACH = 25;
const KEY = 's3cret';
const USER = { name: 'shipper', password: 'pa55' };

interface Entry {
  readonly tag: string;
  readonly time: { readonly epoch: number; readonly nano: number };
  readonly record: TestEvent;
}

function made(): readonly (readonly TestEvent[])[] {
  return Array.from({ length: CHUNKS }, (_, chunk) =>
    Array.from({ length: EVENTS_EACH }, (__, event) =>
      eventOf(`${chunk}-${event}`, {
        code: 200 + event,
        text: 'ä€😀'.repeat(event),
        deep: { list: [1, 2.5, null, true, { a: [] }] },
      }),
    ),
  );
}

async function arriveAt(
  t: TestContext,
  server: FluentServerOptions,
  options: Partial<SenderOptions>,
): Promise<void> {
  const listenOptions = { port: 0, host: '127.0.0.1' };
  const fluent = new FluentServer({ ...server, listenOptions });
  const entries: Entry[] = [];
  fluent.on('entry', (tag: string, time: Entry['time'], record: TestEvent) =>
    entries.push({ tag, time, record }),
  );
  await fluent.listen();
  t.after(async () => fluent.close());
  const events = made();
  const chunks: readonly Chunk[] = events.map((list, index) => chunkOf(`chunk-${index}`, list));
  const sender = new Sender(t, { ports: [fluent.port ?? 0], ...options });
  await sender.deliver(chunks);
  sender.checkSettled();
  assert.deepEqual(
    entries.map(({ record }) => record),
    events.flat(),
  );
  assert.ok(entries.every(({ tag }) => tag === 'kube.audit'));
  assert.ok(entries.every(({ time }) => time.epoch === 1_700_000_000 && time.nano === 123_456_000));
  await sender.close();
}

describe('FluentServer gets every event, once and in order', () => {
  const sharedKey = { kind: 'environment', reveal: () => KEY } as const;
  const secured = { serverHostname: 'receiver.test', sharedKey: KEY };
  const security = { ...secured, authorize: false, userDict: {} };

  it('without a login', async (t) => arriveAt(t, {}, {}));

  it('compressed with gzip', async (t) => arriveAt(t, {}, { compress: 'gzip' }));

  it('with a shared key', async (t) => arriveAt(t, { security }, { sharedKey }));

  it('with a user and a password', async (t) => {
    const userDict = { [USER.name]: USER.password };
    const withUser = { ...secured, authorize: true, userDict };
    await arriveAt(t, { security: withUser }, { sharedKey, user: USER });
  });

  it('over TLS', async (t) => {
    const { ca, server } = tlsMaterial();
    const tlsOptions = { cert: pem(server.cert), key: pem(server.key) };
    await arriveAt(t, { tlsOptions }, { tls: { ca_file: ca.cert } });
  });

  it('over mutual TLS, with a shared key and gzip', async (t) => {
    const { ca, server, client } = tlsMaterial();
    const asking = { ca: pem(ca.cert), requestCert: true, rejectUnauthorized: true };
    const tlsOptions = { cert: pem(server.cert), key: pem(server.key), ...asking };
    const tls = { ca_file: ca.cert, cert_file: client.cert, key_file: client.key };
    await arriveAt(t, { tlsOptions, security }, { tls, sharedKey, compress: 'gzip' });
  });
});
