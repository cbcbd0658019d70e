/**
 * A receiver in this process, on a free port, and the senders that tests of it use. Knows nothing of what a test
 * expects.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FluentClient, type FluentClientOptions } from '@fluent-org/logger';
import { decode, encode } from '@msgpack/msgpack';
import { receive, type Stdout } from '../../../src/commands/receive.ts';
import type { ReceiveSettings } from '../../../src/commands/receive/settings.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { until } from '../../support/until.ts';

type Done = (error?: Error | null) => void;

/** A stdout that keeps what it is given, and that may be slow or break. */
export class HeldStdout implements Stdout {
  text = '';
  isTTY = false;
  /** Characters of the largest single write. */
  largestWrite = 0;
  /** Takes nothing until it is released. */
  held = false;
  failure: Error | undefined;
  readonly #waiting: (() => void)[] = [];

  on(): this {
    return this;
  }

  write(text: string, done: Done): boolean {
    this.largestWrite = Math.max(this.largestWrite, text.length);
    const take = (): void => {
      if (this.failure === undefined) this.text += text;
      done(this.failure);
    };
    if (this.held) this.#waiting.push(take);
    else setImmediate(take);
    return !this.held;
  }

  release(): void {
    this.held = false;
    for (const take of this.#waiting.splice(0)) take();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get records(): readonly unknown[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }
}

export interface Started {
  readonly port: number;
  readonly stdout: HeldStdout;
  readonly log: RecordingLog;
  /** As the signal does it. Resolves with the exit code. */
  readonly stop: () => Promise<number>;
  /** Settles when it ends by itself. */
  readonly ended: Promise<number>;
}

export const SETTINGS: ReceiveSettings = {
  listen: { host: '127.0.0.1', port: 0 },
  sharedKey: undefined,
  user: undefined,
  tls: undefined,
  format: 'auto',
  count: undefined,
  forMs: undefined,
};

export async function start(
  t: TestContext,
  changes: Partial<ReceiveSettings> = {},
): Promise<Started> {
  const log = new RecordingLog();
  const stdout = new HeldStdout();
  const controller = new AbortController();
  const { signal } = controller;
  const ended = receive({ ...SETTINGS, ...changes }, { log, signal, stdout, env: {} });
  ended.catch(() => undefined);
  const stop = (): Promise<number> => {
    controller.abort();
    return ended;
  };
  t.after(async () => {
    stdout.release();
    await stop().catch(() => undefined);
  });
  const listening = await until('listening', () =>
    log.entries.find((entry) => entry.message === 'listening'),
  );
  const port = Number(/:(\d+)$/.exec(String(listening.fields?.['address']))?.[1]);
  return { port, stdout, log, stop, ended };
}

export function client(
  t: TestContext,
  port: number,
  options: FluentClientOptions = {},
): FluentClient {
  const socket = { host: '127.0.0.1', port, ...options.socket };
  const sender = new FluentClient('kube', {
    ack: { ackTimeout: 10_000 },
    ...options,
    socket,
  });
  sender.socketOn('error' as never, () => undefined);
  t.after(() => sender.shutdown().catch(() => undefined));
  return sender;
}

/** A sender without a library. It reads what it is told, and ends when it is told to. */
export async function raw(t: TestContext, port: number, allowHalfOpen = false): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen });
  socket.on('error', () => undefined);
  socket.resume();
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A message in PackedForward mode with these records. */
export function message(records: readonly unknown[], chunk?: string, compressed = false): Buffer {
  const entries = Buffer.concat(records.map((record) => encode([1_772_600_767, record])));
  const option = {
    ...(chunk === undefined ? {} : { chunk }),
    ...(compressed ? { compressed: 'gzip' } : {}),
  };
  return Buffer.from(encode(['kube.audit', compressed ? gzipSync(entries) : entries, option]));
}

/** The next thing that the receiver says on a connection. */
export async function answer(socket: Socket): Promise<unknown> {
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return decode(bytes);
}
