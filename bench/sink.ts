/**
 * A Forward receiver in a process of its own: acknowledges each message as soon as it is complete and counts what it
 * says. Started by receiver.ts, which it tells its port, when all is there, and at the end its sums. Reads entries only
 * when it calls the roll or measures latencies.
 */
import net, { type AddressInfo, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import { FrameReader, type Frame } from './frames.ts';
import { waits, type Slowness } from './slowness.ts';
import { countValues } from './msgpack.ts';
import type { FromSink, Latencies, Receipts, SinkOptions, ToSink } from './receiver.ts';
import { numbersIn, Roll } from './roll.ts';
import { nowUs, percentile } from './statistics.ts';

const { expectedEvents, task, slow } = JSON.parse(process.argv[2] ?? '') as SinkOptions;
const roll = task === 'call the roll' ? new Roll(expectedEvents) : undefined;

const seen = new Set<string>();
let [events, repeatedEvents, messages, bytes, largestBytes, entries] = [0, 0, 0, 0, 0, 0];
let [firstUs, lastUs] = [0, 0];
/** When each was written, which is its number, and how long it took. */
const times: { readonly writtenUs: number; readonly tookUs: number }[] = [];

function note(frame: Frame): void {
  lastUs = nowUs();
  if (messages === 0) {
    firstUs = lastUs;
    tell({ began: true });
  }
  messages += 1;
  bytes += frame.bytes;
  largestBytes = Math.max(largestBytes, frame.bytes);
  if (frame.id !== undefined && seen.has(frame.id)) repeatedEvents += frame.events;
  else events += frame.events;
  if (frame.id !== undefined) seen.add(frame.id);
  if (task !== 'count') look(frame);
  // Without events there is nothing to arrive.
  if (events >= expectedEvents && events - frame.events < expectedEvents) tell({ arrived: true });
}

function look(frame: Frame): void {
  const content = frame.compressed ? gunzipSync(frame.entries) : frame.entries;
  if (task === 'call the roll') entries += countValues(content);
  for (const number of numbersIn(content, 'msgpack')) {
    if (roll !== undefined) roll.call(number);
    else times.push({ writtenUs: number, tookUs: lastUs - number });
  }
}

/** A large piece is read at once, always into the same place: half the work of events of a socket and their buffers. */
const READ_BYTES = 1024 * 1024;
const pieces = Buffer.allocUnsafe(READ_BYTES);

/**
 * The receiver must not be what the sender waits for, nor take the processor from it. Node's servers make sockets that
 * read 64 KiB into a new buffer each time; only who makes a socket may say how it reads.
 */
function socketOf(accepted: Socket, onPiece: (piece: Buffer) => boolean): Socket {
  const source = accepted as unknown as { _handle: unknown };
  const handle = source._handle;
  source._handle = null;
  const onread = {
    buffer: pieces,
    callback: (length: number) => onPiece(pieces.subarray(0, length)),
  };
  return new net.Socket({ handle, onread } as net.SocketConstructorOpts);
}

function serve(accepted: Socket, waitMs: (() => number) | undefined): Socket {
  const reader = new FrameReader(task !== 'count');
  const socket = socketOf(accepted, (piece) => {
    for (const frame of reader.feed(piece)) {
      note(frame);
      if (frame.id !== undefined) socket.write(encode({ ack: frame.id }));
    }
    const ms = waitMs?.() ?? 0;
    if (ms > 0) setTimeout(() => socket.resume(), ms);
    return ms <= 0;
  });
  return socket.resume();
}

function latenciesBetween(fromUs: number, toUs: number): Latencies {
  const taken = times
    .filter(({ writtenUs }) => writtenUs >= fromUs && writtenUs <= toUs)
    .map(({ tookUs }) => tookUs / 1000);
  const [medianMs, p99Ms, maxMs] = [0.5, 0.99, 1].map((part) => percentile(taken, part));
  return {
    events: taken.length,
    medianMs: medianMs ?? NaN,
    p99Ms: p99Ms ?? NaN,
    maxMs: maxMs ?? NaN,
  };
}

function tell(message: FromSink): void {
  process.send?.(message);
}

function listen(slowness: Slowness | undefined): void {
  const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
    const socket = serve(accepted, slowness && waits(slowness));
    socket.setNoDelay(true);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A sender that is killed at the end resets its connection.
      if (error.code !== 'ECONNRESET') process.stderr.write(`receiver: ${String(error)}\n`);
    });
  });
  server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }));
}

process.on('message', ({ fromUs, toUs }: ToSink) => {
  const receipts: Receipts = {
    events,
    repeatedEvents,
    messages,
    bytes,
    largestBytes,
    firstUs,
    lastUs,
    ...(roll && { roll: { ...roll.result(), entries } }),
    ...(task === 'measure latencies' && { latencies: latenciesBetween(fromUs, toUs) }),
  };
  process.send?.({ receipts }, () => process.exit());
});
listen(slow);
