/**
 * One sender's connection. FluentServer of @fluent-org/logger speaks the protocol; it is given this connection in
 * place of a socket, because with a socket of its own it reads without end, acknowledges what was not printed, and
 * keeps to itself why it closes. Knows nothing of how records are shown.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { FluentServer, type FluentServerSecurityOptions } from '@fluent-org/logger';
import { decode, isPong } from '@fluent-org/logger/build/src/protocol.js';
import type { Log } from '../../observe/log.ts';
import type { ReceivedRecord } from './record-text.ts';

export interface ConnectionParts {
  /** What a sender must know; undefined: it need not log in. */
  readonly security: FluentServerSecurityOptions | undefined;
  /** Takes a record to print it; false when nothing is taken any more. */
  readonly take: (record: ReceivedRecord) => boolean;
  /** Bytes that may come before a message is complete; a sender that sends more is cut off. */
  readonly messageBytesMax: number;
  /** Resolves when more may be read. */
  readonly room: () => Promise<void>;
  /** Resolves with true when all that was taken is printed, and with false when it never will be. */
  readonly printed: () => Promise<boolean>;
  readonly log: Log;
}

/** How long a sender may take to hang up when it is told to: it should still read why. */
const LINGER_MS = 1000;
/** The first byte of a TLS record with a handshake (RFC 8446, section 5.1). */
const TLS_HANDSHAKE = 0x16;

/** The package's server without its listening: it holds one conversation. */
class Conversation extends FluentServer {
  readonly #onRecord: (record: ReceivedRecord) => void;

  constructor(
    security: FluentServerSecurityOptions | undefined,
    onRecord: (record: ReceivedRecord) => void,
  ) {
    super(security === undefined ? {} : { security });
    this.#onRecord = onRecord;
  }

  protected override onEntry(_tag: string, _time: unknown, record: ReceivedRecord): void {
    this.#onRecord(record);
  }

  /** Resolves when the other side has ended, or when one of the two has broken the protocol. Never rejects. */
  async hold(connection: Connection): Promise<void> {
    const handle = this['handleConnection'] as (socket: Connection) => Promise<void>;
    await handle.call(this, connection);
  }
}

export class Connection {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  /** Records that were taken. */
  #events = 0;
  #bytes = 0;
  /** Bytes that came since a message was last complete. */
  #messageBytes = 0;
  /** The message that is being taken; one that was not taken whole is not acknowledged. */
  #message = { whole: true };
  /** The last thing that is to be sent; each waits for those before it. */
  #sends: Promise<void> = Promise.resolve();
  /** The sender has proved what it must know. */
  #hasLoggedIn: boolean;
  /** Why the conversation ended before the sender ended it. */
  #problem: string | undefined;
  #startsLikeTls = false;

  constructor(socket: Socket, peer: string, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#hasLoggedIn = parts.security === undefined;
    this.peer = peer;
    // A sender that goes away is noticed by who reads; when nobody reads, it is of no interest.
    socket.on('error', () => undefined);
  }

  /** Resolves when the connection is closed. Never rejects. */
  async serve(): Promise<void> {
    const { log, security } = this.#parts;
    const { peer } = this;
    log.info('a sender has connected', { peer });
    await new Conversation(security, (record) => this.#take(record)).hold(this);
    if (this.#problem !== undefined) log.warn(this.#problem, { peer });
    await this.#sends;
    await this.#hangUp();
    log.info('a sender has gone', { peer, events: this.#events, received_bytes: this.#bytes });
  }

  /** Sends what is still to be sent, and says goodbye. Records that come meanwhile must not be taken any more. */
  async finish(): Promise<void> {
    await this.#sends;
    this.#socket.end();
  }

  async #hangUp(): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    const closed = once(socket, 'close');
    socket.end();
    socket.resume(); // what still comes is not read, and must not keep the end from being seen
    await closed.catch(() => undefined);
    clearTimeout(timer);
  }

  #take(record: ReceivedRecord): void {
    this.#messageBytes = 0;
    if (this.#parts.take(record)) this.#events += 1;
    else this.#message.whole = false;
  }

  // --- the socket that the package sees ---

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  /** The package waits for the end to forget the connection. Its memory of it ends with the conversation. */
  on(): this {
    return this;
  }

  /** What arrives, as fast as it can be printed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    await this.#parts.room();
    for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      if (this.#bytes === 0) this.#startsLikeTls = bytes[0] === TLS_HANDSHAKE;
      this.#bytes += bytes.length;
      this.#messageBytes += bytes.length;
      if (this.#messageBytes > this.#parts.messageBytesMax) {
        this.#problem = 'a sender sent too large a message: its connection is closed';
        return;
      }
      yield bytes;
      await this.#parts.room();
    }
  }

  /**
   * Sends when all that was taken is printed: an acknowledgement says that the event is out. It is written before
   * the message's records are handed over, but in the same turn of the event loop, so they are waited for as well.
   */
  write(bytes: Uint8Array): void {
    this.#messageBytes = 0;
    if (!this.#hasLoggedIn) this.#followLogin(bytes);
    const message = { whole: true };
    this.#message = message;
    this.#sends = this.#sends.then(async () => {
      const printed = await this.#parts.printed();
      if (printed && message.whole && this.#socket.writable) this.#socket.write(bytes);
    });
  }

  #followLogin(bytes: Uint8Array): void {
    const message = decode(bytes);
    if (!isPong(message)) return;
    const [, accepted, reason] = message;
    this.#hasLoggedIn = accepted;
    if (!accepted) this.#problem = `a sender was refused: ${explainRefusal(reason)}`;
  }

  /** The package calls this when it gives up on what comes, and tells nobody why. */
  end(): void {
    if (this.#socket.destroyed) return;
    this.#problem ??= this.#explainGivingUp();
  }

  #explainGivingUp(): string {
    if (this.#startsLikeTls) {
      return 'a sender speaks TLS, and this receiver does not: start it with --tls-cert and --tls-key';
    }
    if (!this.#hasLoggedIn) {
      return 'a sender was refused: it sent something before it had logged in; give it the shared key';
    }
    return 'a sender does not speak the Forward protocol: its connection is closed';
  }
}

/** What the package calls it, and what to do. */
const REFUSALS: Readonly<Record<string, string>> = {
  'shared key mismatch': 'its shared key is another one; both sides need the same',
  'username/password mismatch': 'its username or its password is wrong',
  'missing authentication information': 'it names no user; give it the username and the password',
};

function explainRefusal(reason: string): string {
  return REFUSALS[reason] ?? reason;
}
