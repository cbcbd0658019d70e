/**
 * The receiver of the torture, a program of its own that may be killed at any moment: it writes down what a message holds
 * before it acknowledges it. Started by receivers.ts, which it tells its port and how far it is.
 *
 *     node receiver.js <options as JSON>
 */
import { openSync, writeSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import { FrameReader, type Frame } from '../bench/frames.ts';
import { readEntries } from './entries.ts';
import { encodeBatch } from './journal.ts';
import { SWALLOW, type FromReceiver, type ReceiverOptions } from './messages.ts';

const TELL_EVERY_MS = 50;

const { port, journal } = JSON.parse(process.argv[2] ?? '') as ReceiverOptions;
const fd = openSync(journal, 'ax');
let [highest, events, toldEvents, swallows] = [0, 0, 0, false];

function note({ entries, compressed }: Frame): void {
  const batch = readEntries(compressed ? gunzipSync(entries) : entries);
  const bytes = encodeBatch(batch);
  if (writeSync(fd, bytes) !== bytes.length) throw new Error('the disk is full');
  events += batch.receipts.length;
  for (const { number } of batch.receipts) highest = Math.max(highest, number);
}

function serve(socket: Socket): void {
  const reader = new FrameReader(true);
  socket.setNoDelay(true);
  socket.on('data', (input: Buffer) => {
    for (const frame of reader.feed(input)) {
      note(frame);
      if (frame.id !== undefined && !swallows) socket.write(encode({ ack: frame.id }));
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // Senders are killed here.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error;
  });
}

function tell(message: FromReceiver): void {
  if (process.connected) process.send?.(message);
}

process.on('message', (message) => {
  if (message === SWALLOW) swallows = true;
});
// Nobody is left to be told.
process.on('disconnect', () => process.exit());

const server = net.createServer(serve);
server.listen(port, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }));
setInterval(() => {
  if (events !== toldEvents) tell({ highest, events });
  toldEvents = events;
}, TELL_EVERY_MS);
