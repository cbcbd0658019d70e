/**
 * A Forward receiver in a process of its own: acknowledges each message as soon as it is complete and counts what it
 * says. Started by receiver.ts, which it tells its port, and at the end its sums. Reads no entries.
 */
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { encode } from '@msgpack/msgpack';
import { FrameReader } from './forward-frames.ts';
import type { Mood, Receipts } from './receiver.ts';

/** As the slow reader of a pipe: stops, then reads at a low rate, and then takes what it can get. */
const STOPS_MS = 3000;
const IS_SLOW_MS = 5000;
const PAUSE_MS = 10;

const seen = new Set<string>();
let [events, repeatedEvents, messages, largestBytes] = [0, 0, 0, 0];
let beganMs: number | undefined;

async function serve(socket: Socket, mood: Mood): Promise<void> {
  const reader = new FrameReader();
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    for (const frame of reader.feed(bytes)) {
      messages += 1;
      largestBytes = Math.max(largestBytes, frame.bytes);
      if (seen.has(frame.id)) repeatedEvents += frame.events;
      else events += frame.events;
      seen.add(frame.id);
      socket.write(encode({ ack: frame.id }));
    }
    if (mood === 'slow') await dawdle();
  }
}

/** Counted from the first byte that ever came. */
async function dawdle(): Promise<void> {
  if (beganMs === undefined) {
    beganMs = performance.now();
    await delay(STOPS_MS);
  } else if (performance.now() < beganMs + STOPS_MS + IS_SLOW_MS) await delay(PAUSE_MS);
}

const mood = process.argv[2] as Mood;
const server = net.createServer((socket) => {
  socket.setNoDelay(true);
  serve(socket, mood).catch((error: unknown) => {
    process.stderr.write(`receiver: ${String(error)}\n`);
    socket.destroy();
  });
});
server.listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on('message', () => {
  const receipts: Receipts = { events, repeatedEvents, messages, largestBytes };
  process.send?.(receipts, () => process.exit());
});
