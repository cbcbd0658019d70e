/** The Forward receiver of a benchmark, seen from the process that starts it. Knows nothing of the protocol. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Slowness } from './slowness.ts';
import type { RollCall } from './roll.ts';

const SINK = fileURLToPath(new URL('./sink.js', import.meta.url));

export interface SinkOptions {
  /** When it has so many, it says so. */
  readonly expectedEvents: number;
  /** What it does besides counting: look for each event by its number, or take the numbers for times. */
  readonly task: 'count' | 'call the roll' | 'measure latencies';
  readonly slow?: Slowness | undefined;
}

/** What a receiver got. */
export interface Receipts {
  /** By the `size` options of messages, each id once. */
  readonly events: number;
  /** Under an id that it had already. */
  readonly repeatedEvents: number;
  readonly messages: number;
  /** Of all entries. */
  readonly bytes: number;
  /** Of the entries of one message. */
  readonly largestBytes: number;
  /** When the first and the last message were complete. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** `entries` are counted one by one, whatever the messages say. */
  readonly roll?: RollCall & { readonly entries: number };
  readonly latencies?: Latencies;
}

/** From the write of an event to the receipt of its message. */
export interface Latencies {
  readonly events: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export type FromSink =
  | { readonly began: true }
  | { readonly port: number }
  | { readonly arrived: true }
  | { readonly receipts: Receipts };

/** Ends it; latencies are of what was written in this time. */
export interface ToSink {
  readonly fromUs: number;
  readonly toUs: number;
}

export interface Receiver {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Resolves when the first message has arrived. */
  readonly began: Promise<void>;
  /** Resolves when all that is expected has arrived. */
  readonly arrived: Promise<void>;
  /** Ends it. */
  finish(written?: ToSink): Promise<Receipts>;
}

const HOST = '127.0.0.1';

export async function startReceiver(options: SinkOptions): Promise<Receiver> {
  const child = fork(SINK, [JSON.stringify(options)]);
  const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }];
  let finished: (receipts: Receipts) => void = () => undefined;
  let failed: (error: Error) => void = () => undefined;
  const receipts = new Promise<Receipts>((resolve, reject) => {
    finished = resolve;
    failed = reject;
  });
  // Heard in finish(), maybe later.
  receipts.catch(() => undefined);
  child.once('exit', () => failed(new Error('the receiver has ended')));
  const heard = async (what: 'began' | 'arrived'): Promise<void> =>
    new Promise((resolve) => {
      child.on('message', (message: FromSink) => {
        if (what in message) resolve();
      });
    });
  child.on('message', (message: FromSink) => {
    if ('receipts' in message) finished(message.receipts);
  });
  return {
    host: HOST,
    port,
    url: `forward://${HOST}:${port}`,
    began: heard('began'),
    arrived: heard('arrived'),
    finish: async (written = { fromUs: 0, toUs: Infinity }) => {
      if (child.connected) child.send({ ...written, toUs: Math.min(written.toUs, 2 ** 52) });
      return receipts;
    },
  };
}
