/**
 * One receiver and the connection to it: opened when there is something to send, replaced when it failed or when its
 * credentials changed. It makes no second attempt; whoever sends decides when to try again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../observe/log.ts';
import type { DeliveryError, Verdict } from '../output.ts';
import { Connection, type Deadlines } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { ConnectionFailure, deliveryError } from './failure.ts';
import { emptyMessage, type Message } from './message.ts';

export interface UpstreamOptions {
  readonly host: string;
  readonly port: number;
  readonly receiver: string;
  readonly tls: boolean;
  readonly tag: string;
  readonly hostname: string;
  readonly deadlines: Deadlines;
  readonly credentials: Credentials;
  readonly log: Log;
  /** How long a receiver may take to come back after it closed the connection over a suspect chunk. */
  readonly recoveryMs?: number;
}

/** A receiver that has acknowledged what came behind a chunk gets a sixth of the deadline more for the chunk. */
const PASSED_OVER_SHARE = 1 / 6;

/** Processes are back within seconds; what takes longer is an outage. */
const RECOVERY_MS = 10_000;
/** A chunk may go down with a receiver that fell for another reason, but hardly twice. */
const ATTEMPTS = 2;
const RECOVERY_PROBE_MS = 200;

export class Upstream {
  readonly receiver: string;
  readonly #options: UpstreamOptions;
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  /** The end of each connection that was begun, whatever it is for. */
  readonly #ends = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Of the credentials that the connection was opened with. */
  #stamp = '';
  /** Of changed credentials that did not work. */
  #refusedStamp: string | undefined;
  #probes = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.receiver = options.receiver;
  }

  /** Messages that are not acknowledged. */
  get inFlight(): number {
    return this.#connection?.inFlight ?? 0;
  }

  /** @throws DeliveryError */
  async deliver(message: Message | Promise<Message>): Promise<void> {
    if (this.#connection?.usable !== true) this.#opening ??= this.#connect();
    const opened = this.#opening === undefined ? undefined : await this.#opening;
    const connection = opened ?? this.#connection;
    // It may have failed while others waited for it too.
    if (connection === undefined) throw this.#gone();
    await connection.send(message);
  }

  /** Whether it takes chunks: a connection of its own, and a message without entries. @throws DeliveryError */
  async probe(): Promise<void> {
    const connection = await this.#open();
    try {
      await connection.send(this.#empty());
    } finally {
      connection.destroy();
      await connection.closed;
    }
  }

  /**
   * Tries one message on a connection of its own. What was not acknowledged while nothing else was is tried once more
   * when the receiver is back: it may only have been away.
   */
  async examine(message: Message | Promise<Message>): Promise<Verdict> {
    for (let attempts = 1; ; attempts++) {
      const verdict = await this.#try(message);
      if (verdict === undefined) return 'unavailable';
      if (verdict !== 'unavailable') return verdict;
      if (!(await this.#isBack())) return 'unavailable';
      if (attempts === ATTEMPTS) return 'refused';
    }
  }

  /** Opens a connection with the files as they are now, when they are not those of the present one. */
  async renew(): Promise<void> {
    const { receiver, log, credentials } = this.#options;
    const stamp = credentials.stamp();
    // What is being opened has the files as they are now.
    if (this.#connection === undefined || this.#opening !== undefined) return;
    if (stamp === this.#stamp) return;
    let fresh: Connection;
    try {
      fresh = await this.#open();
    } catch (error) {
      // The old connection still works, and the files may be written just now.
      const reason = error instanceof Error ? error.message : String(error);
      if (stamp !== this.#refusedStamp) {
        log.warn('credentials have changed, but do not work; going on with the old ones', {
          reason,
        });
      }
      this.#refusedStamp = stamp;
      return;
    }
    log.info('credentials have changed; connected anew', { receiver });
    // Another one may have been needed meanwhile.
    if (this.#opening !== undefined) fresh.retire();
    else this.#opening = this.#handOver(fresh, stamp);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#ends);
  }

  async #connect(): Promise<Connection> {
    try {
      const stamp = this.#options.credentials.stamp();
      const connection = await this.#open();
      this.#adopt(connection, stamp);
      return connection;
    } finally {
      this.#opening = undefined;
    }
  }

  /** Nothing goes out on the new connection before the old one is through: the order of chunks is kept. */
  async #handOver(fresh: Connection, stamp: string): Promise<Connection> {
    const old = this.#connection;
    old?.retire();
    await old?.closed;
    this.#adopt(fresh, stamp);
    this.#opening = undefined;
    return fresh;
  }

  #adopt(connection: Connection, stamp: string): void {
    this.#stamp = stamp;
    this.#connection = connection;
    void connection.closed.then(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
  }

  async #open(): Promise<Connection> {
    const { host, port, receiver, hostname, deadlines, tls } = this.#options;
    const { signal } = this.#closing;
    const address = { host, port, receiver, hostname };
    const opening = Connection.open({ ...address, deadlines, signal, ...this.#material(tls) });
    const end = opening.then(
      async ({ closed }) => closed,
      () => undefined,
    );
    this.#ends.add(end);
    void end.then(() => this.#ends.delete(end));
    return opening;
  }

  #material(tls: boolean) {
    const { credentials, receiver } = this.#options;
    try {
      return { tls: tls ? credentials.tls() : undefined, login: credentials.login() };
    } catch (error) {
      throw deliveryError(receiver, error as Error);
    }
  }

  #gone(): DeliveryError {
    return deliveryError(this.receiver, new ConnectionFailure('CLOSED'));
  }

  #empty(): Message {
    this.#probes += 1;
    return emptyMessage(this.#options.tag, `probe-${process.pid}-${this.#probes}`);
  }

  /** @returns unavailable when nothing was acknowledged, undefined when there is no connection. */
  async #try(message: Message | Promise<Message>): Promise<Verdict | undefined> {
    const connection = await this.#patiently(async () => this.#open());
    if (connection === undefined) return undefined;
    try {
      return await this.#compare(connection, message);
    } finally {
      connection.destroy();
      await connection.closed;
    }
  }

  /** With an empty message behind it: a receiver that acknowledges that one has passed over the other. */
  async #compare(connection: Connection, message: Message | Promise<Message>): Promise<Verdict> {
    const suspect = connection.send(message).then(
      (): Verdict => 'taken',
      (): Verdict => 'unavailable',
    );
    const passed = connection.send(this.#empty()).then(
      () => true,
      () => false,
    );
    const first = await Promise.race([suspect, passed]);
    if (typeof first === 'string') return first;
    if (!first) return suspect;
    const patience = this.#options.deadlines.ack * PASSED_OVER_SHARE;
    return Promise.race([suspect, after<Verdict>(patience, 'refused')]);
  }

  async #isBack(): Promise<boolean> {
    const back = await this.#patiently(async () => {
      await this.probe();
      return true;
    });
    return back === true;
  }

  /** A receiver that fell over a chunk needs a moment to come back. @returns undefined when it does not. */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#closing;
    const endMs = performance.now() + (this.#options.recoveryMs ?? RECOVERY_MS);
    for (;;) {
      try {
        return await attempt();
      } catch {
        if (performance.now() >= endMs || signal.aborted) return undefined;
      }
      await delay(RECOVERY_PROBE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), ms).unref();
  });
}
