/** One connection: how much may come before a message is complete. All else is tested with the whole of `receive`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { Connection } from '../../../src/commands/receive/connection.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { until } from '../../support/until.ts';
import { message, raw } from './started.ts';

test('a message that is larger than the limit ends the connection; many small ones do not', async (t) => {
  const log = new RecordingLog();
  const bytes = message([{ a: 1 }]);
  const taken: unknown[] = [];
  const connections: Promise<void>[] = [];
  const server = createServer((socket: Socket) => {
    const connection = new Connection(socket, 'peer', {
      security: undefined,
      take: (record) => taken.push(record) > 0,
      messageBytesMax: bytes.length,
      room: () => Promise.resolve(),
      printed: () => Promise.resolve(true),
      log,
    });
    connections.push(connection.serve());
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const socket = await raw(t, (server.address() as AddressInfo).port);
  for (let count = 0; count < 3; count++) {
    socket.write(bytes);
    await until('the record', () => taken.length > count);
  }
  const closed = once(socket, 'close');
  socket.write(message([{ text: 'longer than the other' }]));
  await closed;
  await Promise.all(connections);
  assert.equal(taken.length, 3);
  assert.match(log.messages('warn').join(), /sent too large a message: its connection is closed/);
});
