/**
 * The way of chunks from the dispatcher to receivers, put together as the agent does it, with short deadlines; it
 * keeps what was settled and how much was under way at once. Knows nothing of files.
 */
import { strict as assert } from 'node:assert';
import type { TestContext } from 'node:test';
import type { Chunk, SettledAccounts } from '../../src/deliver/chunk.ts';
import type { Wait } from '../../src/deliver/backoff.ts';
import { Dispatcher } from '../../src/deliver/dispatcher.ts';
import type { Quarantine } from '../../src/deliver/quarantine.ts';
import type { Deadlines } from '../../src/output/forward/connection.ts';
import {
  Credentials,
  type SecretSource,
  type TlsFiles,
} from '../../src/output/forward/credentials.ts';
import { ForwardOutput, type ProbeOptions } from '../../src/output/forward/forward.ts';
import type { Compressed } from '../../src/output/forward/message.ts';
import { Upstream } from '../../src/output/forward/upstream.ts';
import type { Output, Verdict } from '../../src/output/output.ts';
import { eventsIn } from './forward-chunks.ts';
import type { ForwardServer, Received } from './forward-server.ts';
import { RecordingLog } from './recording-log.ts';
import { until } from './until.ts';

export interface SenderOptions {
  readonly ports: readonly number[];
  readonly host?: string;
  readonly deadlines?: Partial<Deadlines>;
  readonly tls?: TlsFiles;
  readonly sharedKey?: SecretSource;
  readonly user?: { readonly name: string; readonly password: string };
  readonly compress?: Compressed;
  readonly loadBalance?: boolean;
  readonly inFlightChunks?: number;
  readonly probe?: ProbeOptions;
  readonly renewEveryMs?: number;
  readonly wait?: Wait;
  /** Made by the test, of the output. */
  readonly quarantine?: (examine: (chunk: Chunk) => Promise<Verdict>) => Quarantine;
}

/** Long enough that a busy machine does not miss them; a test of a deadline sets its own. */
const DEADLINES: Deadlines = { connect: 5000, handshake: 5000, write: 5000, ack: 5000 };
const IN_FLIGHT_CHUNKS = 4;
/** Attempts follow each other fast in tests. */
const WAIT_MAX_MS = 20;

/** What a sender tells when a receiver takes its first event after failures. */
export const FIRST_SUCCESS = ['the receiver takes events', 'the output takes events again'];

export class Sender {
  readonly log = new RecordingLog();
  readonly dispatcher: Dispatcher;
  readonly output: ForwardOutput;
  readonly chunks: Chunk[] = [];
  /** In the order of settling; a chunk that settles twice stands here twice. */
  readonly settled: { readonly id: string; readonly accounts: SettledAccounts }[] = [];
  /** What `deliver` was called with, in order. */
  readonly attempts: string[] = [];
  underWay = 0;
  maxUnderWay = 0;
  readonly #running: Promise<void>;
  #over = false;

  constructor(t: TestContext, options: SenderOptions) {
    const { inFlightChunks = IN_FLIGHT_CHUNKS, compress = 'none', loadBalance = false } = options;
    const { probe, renewEveryMs } = options;
    const { log } = this;
    this.output = new ForwardOutput({
      upstreams: upstreamsOf(options, log),
      tag: 'kube.audit',
      compress,
      loadBalance,
      inFlightChunks,
      log,
      ...(probe && { probe }),
      ...(renewEveryMs !== undefined && { renewEveryMs }),
    });
    const quarantine = options.quarantine?.(async (chunk) => this.output.examine(chunk));
    const wait = options.wait ?? shortWait;
    this.dispatcher = new Dispatcher({ output: this.#counted(), log, wait, quarantine });
    this.#running = this.dispatcher.run();
    t.after(async () => this.close());
  }

  submit(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) {
      this.chunks.push(chunk);
      this.dispatcher.submit(chunk, (accounts) => this.settled.push({ id: chunk.id, accounts }));
    }
  }

  /** Waits until everything submitted is settled. */
  async drained(): Promise<void> {
    await until('all chunks to settle', () => this.settled.length >= this.chunks.length);
  }

  async deliver(chunks: readonly Chunk[]): Promise<void> {
    this.submit(chunks);
    await this.drained();
  }

  /** Ends everything, as the agent does. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.dispatcher.stop();
    await this.output.close();
    await this.#running;
  }

  /** What must hold after every fault, when a single receiver got everything. */
  check(server: ForwardServer): void {
    this.checkSettled();
    const { chunks, needless } = server;
    checkResends(chunks, this.chunks);
    assert.equal(needless.length, 0, 'nothing is sent again that was acknowledged');
    const order = [...new Set(chunks.map(({ entries }) => idsIn(entries)))];
    assert.deepEqual(order, this.chunks.map(eventIds), 'first sends are in order');
    assert.equal(new Set(server.events.map(({ auditID }) => auditID)).size, eventCount(this));
  }

  /** What must hold with any number of receivers. */
  checkSettled(): void {
    const ids = this.settled.map(({ id }) => id).sort();
    assert.deepEqual(
      ids,
      this.chunks.map(({ id }) => id).sort(),
      'each chunk settles exactly once',
    );
    assert.ok(this.maxUnderWay <= this.output.concurrency, 'never more under way than allowed');
  }

  #counted(): Output {
    const { output } = this;
    return {
      concurrency: output.concurrency,
      deliver: async (chunk) => {
        this.attempts.push(chunk.id);
        this.underWay += 1;
        this.maxUnderWay = Math.max(this.maxUnderWay, this.underWay);
        await output.deliver(chunk).finally(() => (this.underWay -= 1));
      },
      examine: async (chunk) => output.examine(chunk),
      close: async () => output.close(),
    };
  }
}

function upstreamsOf(options: SenderOptions, log: RecordingLog): Upstream[] {
  const { host = '127.0.0.1', tls, sharedKey, user } = options;
  const password: SecretSource | undefined = user && {
    kind: 'environment',
    reveal: () => user.password,
  };
  const credentials = new Credentials({
    sharedKey,
    username: user?.name,
    password,
    tls: tls ?? {},
  });
  return options.ports.map((port) => {
    const receiver = `${host}:${port}`;
    const deadlines = { ...DEADLINES, ...options.deadlines };
    const address = { host, port, receiver, tls: tls !== undefined };
    const names = { tag: 'kube.audit', hostname: 'shipper.test' };
    return new Upstream({ ...address, ...names, deadlines, credentials, log });
  });
}

async function shortWait(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, Math.min(ms, WAIT_MAX_MS));
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Byte-identical, and under the same id. */
export function checkResends(received: readonly Received[], chunks: readonly Chunk[]): void {
  const payloads = new Map(chunks.map((chunk) => [eventIds(chunk), Buffer.concat(chunk.payload)]));
  const first = new Map<string, string>();
  for (const { id, entries } of received) {
    const events = idsIn(entries);
    assert.ok(payloads.get(events)?.equals(entries), 'the entries are those of the chunk');
    assert.equal(first.get(events) ?? id, id, 'a chunk keeps its id');
    first.set(events, id);
  }
  assert.equal(new Set(first.values()).size, first.size, 'no two chunks have the same id');
}

function eventIds(chunk: Chunk): string {
  return idsIn(Buffer.concat(chunk.payload));
}

function idsIn(entries: Uint8Array): string {
  return eventsIn(entries)
    .map(({ auditID }) => auditID)
    .join(' ');
}

function eventCount({ chunks }: Sender): number {
  return chunks.reduce((sum, { accounts }) => sum + accounts.delivered.events, 0);
}
