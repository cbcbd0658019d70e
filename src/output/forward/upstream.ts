/**
 * One receiver and the connection to it: opened when there is something to send, replaced when it failed or when its
 * credentials changed. It makes no second attempt; whoever sends decides when to try again.
 */
import type { Log } from '../../observe/log.ts';
import { DeliveryError, type Verdict } from '../output.ts';
import { Connection, type Deadlines } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { deliveryError } from './failure.ts';
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
}

/** A receiver that has acknowledged what came behind a chunk gets a sixth of the deadline more for the chunk. */
const PASSED_OVER_SHARE = 1 / 6;

export class Upstream {
  readonly receiver: string;
  readonly #options: UpstreamOptions;
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  /** Those that others than `deliver` use, and those that finish what they have. */
  readonly #others = new Set<Connection>();
  /** Of the credentials that the connection was opened with. */
  #stamp = '';
  #probes = 0;
  #closed = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.receiver = options.receiver;
  }

  /** Messages that are not acknowledged. */
  get inFlight(): number {
    return this.#connection?.inFlight ?? 0;
  }

  /** @throws DeliveryError */
  async deliver(message: Promise<Message>): Promise<void> {
    if (this.#connection?.usable !== true) this.#opening ??= this.#connect();
    const connection = (await this.#opening) ?? this.#connection;
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

  /** Tries one message on a connection of its own, with an empty one behind it to compare. */
  async examine(message: Promise<Message>): Promise<Verdict> {
    let connection: Connection;
    try {
      connection = await this.#open();
    } catch {
      return 'unavailable';
    }
    try {
      const verdict = await this.#compare(connection, message);
      return verdict === 'unavailable' ? await this.#judgeByProbe() : verdict;
    } finally {
      connection.destroy();
      await connection.closed;
    }
  }

  /** Opens a connection with the files as they are now, when they are not those of the present one. */
  async renew(): Promise<void> {
    const old = this.#connection;
    if (old === undefined || this.#options.credentials.stamp() === this.#stamp) return;
    const { receiver, log } = this.#options;
    try {
      this.#adopt(await this.#open());
      log.info('credentials have changed; connected anew', { receiver });
    } catch (error) {
      // The old connection still works, and the files may be written just now.
      const reason = error instanceof Error ? error.message : String(error);
      log.warn('credentials have changed, but do not work; going on with the old ones', { reason });
      this.#stamp = this.#options.credentials.stamp();
      return;
    }
    this.#others.add(old);
    void old.closed.then(() => this.#others.delete(old));
    old.retire();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connections = [...this.#others, ...(this.#connection ? [this.#connection] : [])];
    for (const connection of connections) {
      if (connection.inFlight > 0) connection.destroy();
      else connection.retire();
    }
    await Promise.all(connections.map(async ({ closed }) => closed));
  }

  async #connect(): Promise<Connection> {
    try {
      const connection = await this.#open();
      this.#adopt(connection);
      return connection;
    } finally {
      this.#opening = undefined;
    }
  }

  #adopt(connection: Connection): void {
    this.#connection = connection;
    void connection.closed.then(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
  }

  async #open(): Promise<Connection> {
    const { host, port, receiver, hostname, deadlines, credentials, tls } = this.#options;
    const stamp = credentials.stamp();
    const connection = await Connection.open({
      host,
      port,
      receiver,
      hostname,
      deadlines,
      ...this.#material(tls),
    });
    this.#stamp = stamp;
    if (this.#closed) connection.destroy();
    return connection;
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
    return new DeliveryError(`${this.receiver}: it closed the connection`, { code: 'CLOSED' });
  }

  async #empty(): Promise<Message> {
    this.#probes += 1;
    return emptyMessage(this.#options.tag, `probe-${process.pid}-${this.#probes}`);
  }

  /** @returns unavailable when neither was acknowledged. */
  async #compare(connection: Connection, message: Promise<Message>): Promise<Verdict> {
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

  async #judgeByProbe(): Promise<Verdict> {
    try {
      await this.probe();
      return 'refused';
    } catch {
      return 'unavailable';
    }
  }
}

async function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), ms).unref();
  });
}
