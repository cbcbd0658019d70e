/**
 * One connection to a receiver, from the first packet to the last: TCP or TLS, the handshake, messages out and acks
 * in, each step with a deadline. It is the only place with a socket. When it fails it is destroyed, and whatever is
 * not acknowledged is given back; it never tries again.
 */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import type { DeliveryError } from '../output.ts';
import { isAckOf, readAck } from './ack-reader.ts';
import { ConnectionFailure, deliveryError, isTlsFailure } from './failure.ts';
import { Handshake, type Login } from './handshake.ts';
import type { Message } from './message.ts';
import { MessageReader, type Value } from './msgpack.ts';

/** How long each step may take without progress, in ms. */
export interface Deadlines {
  /** TCP and, after it, TLS: each as long. */
  readonly connect: number;
  readonly handshake: number;
  /** While a message is written: the socket takes nothing more of it. What takes some of it is looked at once more. */
  readonly write: number;
  /** From the last byte of a message, or from the ack of the one before it, to its ack. */
  readonly ack: number;
}

/** What TLS needs; what is left out is the system's. */
export interface TlsMaterial {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  readonly serverName?: string | undefined;
}

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** `host:port`, for messages. */
  readonly receiver: string;
  readonly tls: TlsMaterial | undefined;
  readonly login: Login | undefined;
  /** How we call ourselves in the handshake. */
  readonly hostname: string;
  readonly deadlines: Deadlines;
  /** Aborted when it is to end: what is under way is given up. */
  readonly signal: AbortSignal;
}

/** What a receiver says is short; more of it comes in several turns. */
const HEARD_BYTES = 16 * 1024;

/** So much is given to the socket at once: TLS copies and encrypts all of it before any leaves. */
const SLICE_BYTES = 1024 * 1024;
/** Up to here a message is copied into one piece: a packet, or a few. */
const SMALL_BYTES = 64 * 1024;
/** When the kernel asks a silent receiver whether it still lives. */
const KEEPALIVE_MS = 30_000;
/** How long a receiver may take to close its side of a connection that is over. */
const END_MS = 1000;
const SALT_BYTES = 16;

/** A message that is not acknowledged yet. */
interface Pending {
  readonly message: Message | Promise<Message>;
  /** Undefined until the message is made. */
  id: string | undefined;
  begun: boolean;
  /** From when the ack is waited for (ms of performance.now); undefined until the message is written. */
  since: number | undefined;
  acked: boolean;
  /** A message behind it is acknowledged already. */
  passed: boolean;
  readonly resolve: () => void;
  readonly reject: (error: DeliveryError) => void;
}

export class Connection {
  /** Resolves when the socket is closed, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #socket: net.Socket;
  readonly #reader = new MessageReader();
  readonly #handshake: Handshake | undefined;
  /** In the order of sending. */
  readonly #pending: Pending[] = [];
  readonly #unwritten: Pending[] = [];
  #isWriting = false;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #settleOpening: ((error?: Error) => void) | undefined;
  #stepTimer: NodeJS.Timeout | undefined;
  /** Fires when the first ack that is waited for may be late; see #watch. */
  #watchdog: NodeJS.Timeout | undefined;
  #watchdogMs = Infinity;
  /** Whether the socket has a slice that it has not taken. */
  #isTaking = false;
  /** Small messages leave from here, one after the other. */
  #packet: Buffer | undefined;
  #retired = false;
  /** Why it ends, when it is not the receiver who ended it. */
  #cause: Error | undefined;

  /**
   * Connects, and shakes hands where there is a login.
   * @throws DeliveryError
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = Connection.#begin(options);
    await new Promise<void>((resolve, reject) => {
      connection.#settleOpening = (error) => {
        connection.#settleOpening = undefined;
        if (error === undefined) resolve();
        else reject(deliveryError(options.receiver, error));
      };
    });
    return connection;
  }

  /** @throws DeliveryError when the certificate or the key cannot be used. */
  static #begin(options: ConnectionOptions): Connection {
    try {
      return new Connection(options);
    } catch (error) {
      throw deliveryError(options.receiver, error as Error);
    }
  }

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    const { login, hostname, signal } = options;
    const salt = randomBytes(SALT_BYTES).toString('hex');
    this.#handshake = login && new Handshake({ login, hostname, salt });
    const socket = dial(options, (bytes) => this.#hear(bytes));
    this.#socket = socket;
    const end = (): void => this.#end();
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        signal.removeEventListener('abort', end);
        this.#close();
        resolve();
      });
    });
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) socket.destroy();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.setTimeout(options.deadlines.write);
    socket.on('timeout', () => this.#idle());
    this.#expect('CONNECT_TIMEOUT', options.deadlines.connect);
    socket.once('connect', () => {
      if (options.tls === undefined) this.#connected();
      else this.#expect('TLS_TIMEOUT', options.deadlines.connect);
    });
    socket.once('secureConnect', () => this.#connected());
    socket.on('error', (error) => this.#fail(error));
    socket.once('end', () => socket.destroy());
  }

  get inFlight(): number {
    return this.#pending.length;
  }

  /** Whether a further message may be sent. */
  get usable(): boolean {
    return this.#state === 'open' && !this.#retired;
  }

  /**
   * Sends a message behind those sent before; resolves when this connection has brought its ack.
   * @throws DeliveryError when it did not; the socket has let go of the message's bytes by then.
   */
  async send(message: Message | Promise<Message>): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const pending: Pending = {
        message,
        id: undefined,
        begun: false,
        since: undefined,
        acked: false,
        passed: false,
        resolve,
        reject,
      };
      if (this.#state === 'closed') {
        reject(deliveryError(this.#options.receiver, new ConnectionFailure('CLOSED')));
        return;
      }
      this.#pending.push(pending);
      this.#unwritten.push(pending);
      void this.#write();
    });
  }

  /** Ends the connection when everything sent is acknowledged. */
  retire(): void {
    this.#retired = true;
    if (this.#pending.length > 0 || this.#state === 'closed') return;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), END_MS).unref();
  }

  /** Ends it now; what is not acknowledged is given back. */
  destroy(): void {
    this.#socket.destroy();
  }

  #end(): void {
    if (this.#state === 'open' && this.#pending.length === 0) this.retire();
    else this.destroy();
  }

  // --- opening ---

  #connected(): void {
    if (this.#handshake === undefined) this.#open();
    else this.#expect('HANDSHAKE_TIMEOUT', this.#options.deadlines.handshake);
  }

  #open(): void {
    clearTimeout(this.#stepTimer);
    this.#state = 'open';
    this.#settleOpening?.();
    void this.#write();
  }

  /** The next step must happen in time. */
  #expect(code: ConnectionFailure['code'], ms: number): void {
    clearTimeout(this.#stepTimer);
    this.#stepTimer = setTimeout(() => this.#fail(new ConnectionFailure(code)), ms);
  }

  /** A receiver that keeps no connection takes one message on each. */
  get #takesOne(): boolean {
    return this.#handshake?.keepalive === false;
  }

  /** Whether a login is under way. */
  get #shaking(): boolean {
    return this.#handshake?.begun === true && !this.#handshake.done;
  }

  // --- hearing ---

  #hear(bytes: Buffer): void {
    const first = this.#pending[0]?.id;
    if (first !== undefined && this.#reader.isBetween && isAckOf(bytes, first)) {
      this.#acknowledge(first);
      return;
    }
    try {
      for (const message of this.#reader.feed(bytes)) this.#understand(message);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #understand(message: Value): void {
    const handshake = this.#handshake;
    if (handshake === undefined || handshake.done) {
      this.#acknowledge(readAck(message));
      return;
    }
    const answer = handshake.next(message);
    if (answer !== undefined) this.#socket.write(answer);
    if (handshake.done) this.#open();
  }

  /** An id that is not waited for (late, twice, unknown) changes nothing. */
  #acknowledge(id: string): void {
    const index = this.#pending.findIndex((pending) => pending.id === id && !pending.acked);
    const pending = this.#pending[index];
    if (pending === undefined) return;
    pending.acked = true;
    const now = performance.now();
    for (const [other, each] of this.#pending.entries()) {
      if (other < index) each.passed = true;
      else if (other > index && each.since !== undefined) each.since = now;
    }
    if (pending.since !== undefined) this.#settle(pending);
  }

  #settle(pending: Pending): void {
    this.#pending.splice(this.#pending.indexOf(pending), 1);
    pending.resolve();
    if (this.#takesOne) this.#giveBack(new ConnectionFailure('CLOSED'));
    if (this.#takesOne || this.#retired) this.retire();
  }

  // --- writing ---

  /** Writes messages one after the other, each slice when the one before it has left. After a failure it is never over. */
  async #write(): Promise<void> {
    if (this.#isWriting || this.#state !== 'open') return;
    this.#isWriting = true;
    for (let next = this.#unwritten.shift(); next !== undefined; next = this.#unwritten.shift()) {
      const written = await this.#writeMessage(next);
      if (!written || this.#takesOne) return;
    }
    this.#isWriting = false;
  }

  /** @returns false when the socket has failed. */
  async #writeMessage(pending: Pending): Promise<boolean> {
    const made = pending.message;
    const message = made instanceof Promise ? await this.#outcomeOf(made) : made;
    if (message === undefined) return false;
    pending.id = message.id;
    const isSmall = message.bytes <= SMALL_BYTES;
    for (const slice of isSmall ? [[this.#packed(message)]] : slicesOf(message)) {
      if (this.#state !== 'open') return false;
      pending.begun = true;
      if (!(await this.#writeSlice(slice))) return false;
    }
    pending.since = performance.now();
    if (pending.acked) this.#settle(pending);
    else this.#watch(pending.since + this.#options.deadlines.ack);
    return true;
  }

  /** Undefined when it could not be made. */
  async #outcomeOf(made: Promise<Message>): Promise<Message | undefined> {
    try {
      return await made;
    } catch (error) {
      this.#fail(error as Error);
      return undefined;
    }
  }

  /** A small message is one slice, so that it leaves in one packet. Nobody has the one before it any more. */
  #packed({ pieces, bytes }: Message): Uint8Array {
    this.#packet ??= Buffer.allocUnsafeSlow(SMALL_BYTES);
    let at = 0;
    for (const piece of pieces) {
      this.#packet.set(piece, at);
      at += piece.length;
    }
    return this.#packet.subarray(0, bytes);
  }

  async #writeSlice(slice: readonly Uint8Array[]): Promise<boolean> {
    this.#isTaking = true;
    return new Promise<boolean>((resolve) => {
      const written = (error?: Error | null): void => {
        this.#isTaking = false;
        resolve(error === undefined || error === null);
      };
      // All pieces leave in one system call.
      const last = slice.length - 1;
      if (last > 0) this.#socket.cork();
      for (const [index, piece] of slice.entries()) {
        this.#socket.write(piece, index === last ? written : undefined);
      }
      if (last > 0) this.#socket.uncork();
    });
  }

  // --- deadlines ---

  /** Nothing was written or heard for so long. That a part of a slice has left counts as written. */
  #idle(): void {
    if (this.#isTaking) this.#fail(new ConnectionFailure('WRITE_TIMEOUT'));
  }

  /**
   * An ack is late from then on, if it is still waited for. One timer stands for all: one for each, hardly any of which
   * ever fires, costs more than a small message does.
   */
  #watch(dueMs: number): void {
    if (dueMs >= this.#watchdogMs || this.#state === 'closed') return;
    clearTimeout(this.#watchdog);
    this.#watchdogMs = dueMs;
    const leftMs = Math.max(0, dueMs - performance.now());
    this.#watchdog = setTimeout(() => this.#lookForLate(), leftMs);
  }

  #lookForLate(): void {
    this.#watchdogMs = Infinity;
    this.#giveUpLate();
    if (this.#cause !== undefined) return;
    const since = this.#pending.flatMap((pending) => pending.since ?? []);
    if (since.length > 0) this.#watch(Math.min(...since) + this.#options.deadlines.ack);
  }

  #giveUpLate(): void {
    const latest = performance.now() - this.#options.deadlines.ack;
    for (const pending of this.#pending.filter(({ since }) => (since ?? Infinity) <= latest)) {
      if (!pending.passed) {
        this.#fail(new ConnectionFailure('ACK_TIMEOUT'));
        return;
      }
      this.#pending.splice(this.#pending.indexOf(pending), 1);
      const failure = new ConnectionFailure('NOT_ACKNOWLEDGED');
      pending.reject(deliveryError(this.#options.receiver, failure, true));
    }
  }

  // --- the end ---

  #fail(error: Error): void {
    this.#cause ??= error;
    this.#socket.destroy();
  }

  #close(): void {
    this.#state = 'closed';
    clearTimeout(this.#stepTimer);
    clearTimeout(this.#watchdog);
    const cause = this.#cause ?? new ConnectionFailure(this.#shaking ? 'LOGIN_CLOSED' : 'CLOSED');
    this.#settleOpening?.(cause);
    this.#giveBack(cause);
  }

  #giveBack(cause: Error): void {
    // The receiver works through messages in order: the first one that it had is what it may have failed at.
    let suspect = !isTlsFailure(cause);
    for (const pending of this.#pending.splice(0)) {
      pending.reject(deliveryError(this.#options.receiver, cause, suspect && pending.begun));
      suspect = false;
    }
  }
}

/**
 * The name is looked up anew for each connection.
 * @param hear takes what the receiver says; the bytes are the socket's, and are written over.
 */
function dial(
  { host, port, tls: material }: ConnectionOptions,
  hear: (bytes: Buffer) => void,
): net.Socket {
  if (material === undefined) return dialPlain(host, port, hear);
  const { ca, cert, key, serverName } = material;
  const socket = tls.connect({
    host,
    port,
    servername: serverName ?? (net.isIP(host) === 0 ? host : ''),
    minVersion: 'TLSv1.2',
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  });
  return socket.on('data', hear);
}

/** Acks are read into one buffer: as events of a stream they would cost as much as what is sent between them. */
function dialPlain(host: string, port: number, hear: (bytes: Buffer) => void): net.Socket {
  const buffer = Buffer.allocUnsafe(HEARD_BYTES);
  const onread = {
    buffer,
    callback: (length: number): boolean => {
      hear(buffer.subarray(0, length));
      return true;
    },
  };
  return net.connect({ host, port, onread }).resume();
}

/** In pieces as they stand. */
function* slicesOf({ pieces }: Message): Generator<readonly Uint8Array[]> {
  let slice: Uint8Array[] = [];
  let room = SLICE_BYTES;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + room);
      slice.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield slice;
      slice = [];
      room = SLICE_BYTES;
    }
  }
  if (slice.length > 0) yield slice;
}
