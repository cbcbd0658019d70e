/**
 * A Forward receiver that does what a test tells it to: it decodes messages with @msgpack/msgpack, keeps what came in
 * and what it acknowledged, and its script says how it answers. Real sockets on 127.0.0.1, also with TLS. Knows
 * nothing of the client.
 */
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { decodeMultiStream, encode } from '@msgpack/msgpack';
import { eventsIn, type TestEvent } from './forward-chunks.ts';
import { answerPing, helo, type ServerLogin } from './forward-login.ts';

/** A message as it came in. */
export interface Received {
  readonly id: string;
  /** Of PackedForward, as sent (compressed, if so); empty for a message without entries. */
  readonly entries: Buffer;
  readonly options: Readonly<Record<string, unknown>>;
  /** PackedForward, which is how chunks travel. */
  readonly isChunk: boolean;
  readonly peer: Peer;
  acked: boolean;
}

export interface Script {
  /** Somebody has connected; without it a HELO is sent where there is a login. */
  readonly connected?: (peer: Peer) => unknown;
  /** A PING is there; without it it is answered. */
  readonly ping?: (peer: Peer) => unknown;
  /** Bytes have come that are not decoded yet. */
  readonly heard?: (peer: Peer) => unknown;
  /** A message is there; without it it is acknowledged. */
  readonly message?: (peer: Peer, message: Received) => unknown;
}

export interface ServerOptions {
  readonly script?: Script;
  readonly login?: ServerLogin;
  readonly tls?: tls.TlsOptions;
}

/** One connection, seen from the receiver. */
export class Peer {
  /** From 1, in the order of connecting. */
  readonly number: number;
  readonly socket: Socket;
  bytes = 0;
  /** Messages of any kind, PING too. */
  messages = 0;
  loggedIn = false;
  closed = false;
  /** The client cannot count on what was acknowledged last: it may not have reached it. */
  over = false;
  /** Not read from any more. */
  #paused = false;

  constructor(number: number, socket: Socket) {
    this.number = number;
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.closed = true;
      this.over = true;
    });
  }

  ack(message: Received): void {
    this.say({ ack: message.id });
    message.acked = true;
  }

  say(value: unknown): void {
    this.write(encode(value));
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Says goodbye; what was written before arrives. */
  end(): void {
    this.over = true;
    this.socket.end();
  }

  reset(): void {
    this.over = true;
    if (this.socket instanceof tls.TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  /** What arrives, for as long as it is not paused. */
  async *incoming(heard: () => void): AsyncGenerator<Buffer> {
    for await (const chunk of this.socket) {
      const bytes = chunk as Buffer;
      this.bytes += bytes.length;
      heard();
      if (this.#paused) await new Promise((resolve) => this.socket.once('close', resolve));
      else yield bytes;
    }
  }
}

export class ForwardServer {
  /** May be changed at any time. */
  script: Script;
  readonly received: Received[] = [];
  readonly peers: Peer[] = [];
  /** Sent again although they were acknowledged on a connection that lives. */
  readonly needless: Received[] = [];
  readonly #login: ServerLogin | undefined;
  #tls: tls.TlsOptions | undefined;
  readonly #byId = new Map<string, readonly Received[]>();
  #server: net.Server | undefined;
  #port = 0;

  private constructor({ script, login, tls: tlsOptions }: ServerOptions) {
    this.script = script ?? {};
    this.#login = login;
    this.#tls = tlsOptions;
  }

  static async start(options: ServerOptions = {}): Promise<ForwardServer> {
    const server = new ForwardServer(options);
    await server.start();
    return server;
  }

  /** A port on which nothing listens, and on which `start` makes it listen. */
  static async absent(options: ServerOptions = {}): Promise<ForwardServer> {
    const server = await ForwardServer.start(options);
    await server.stop();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the same port each time. */
  async start(tlsOptions = this.#tls): Promise<void> {
    this.#tls = tlsOptions;
    const serve = (socket: Socket): void => void this.#serve(socket);
    const server = tlsOptions === undefined ? net.createServer() : tls.createServer(tlsOptions);
    // Handshakes of TLS that fail are the client's to tell of.
    server.on('tlsClientError', () => undefined);
    server.on(tlsOptions === undefined ? 'connection' : 'secureConnection', serve);
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** As if it was killed: nothing listens, and all connections are cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const peer of this.peers) peer.reset();
    await closed;
  }

  /** Connections that nobody has closed. */
  get open(): readonly Peer[] {
    return this.peers.filter(({ closed }) => !closed);
  }

  get chunks(): readonly Received[] {
    return this.received.filter(({ isChunk }) => isChunk);
  }

  /** Events of the acknowledged chunks, each once. */
  get events(): readonly TestEvent[] {
    const acked = this.chunks.filter(({ acked: isAcked }) => isAcked);
    const byId = new Map(acked.map(({ id, entries }) => [id, entries]));
    return [...byId.values()].flatMap(eventsIn);
  }

  async #serve(socket: Socket): Promise<void> {
    const peer = new Peer(this.peers.length + 1, socket);
    this.peers.push(peer);
    const hello = this.#login && helo(this.#login);
    if (this.script.connected !== undefined) this.script.connected(peer);
    else if (hello !== undefined) peer.write(hello);
    try {
      for await (const message of decodeMultiStream(
        peer.incoming(() => this.script.heard?.(peer)),
      )) {
        peer.messages += 1;
        if (this.#login !== undefined && !peer.loggedIn) this.#logIn(peer, message, this.#login);
        else this.#take(peer, message as readonly unknown[]);
      }
    } catch {
      // The connection has failed, or the client speaks another language: both end it.
      socket.destroy();
    }
  }

  #logIn(peer: Peer, ping: unknown, login: ServerLogin): void {
    if (this.script.ping !== undefined) {
      this.script.ping(peer);
      return;
    }
    const { accepted, pong } = answerPing(login, ping);
    peer.write(pong);
    peer.loggedIn = accepted;
    if (!accepted) peer.end();
  }

  #take(peer: Peer, message: readonly unknown[]): void {
    const [, body, options] = message as [string, unknown, Readonly<Record<string, unknown>>];
    const isChunk = body instanceof Uint8Array;
    const entries = isChunk ? Buffer.from(body) : Buffer.alloc(0);
    const id = String(options['chunk']);
    const received: Received = { id, entries, options, isChunk, peer, acked: false };
    const before = this.#byId.get(id) ?? [];
    if (before.some(({ acked, peer: carrier }) => acked && !carrier.over)) {
      this.needless.push(received);
    }
    this.#byId.set(id, [...before, received]);
    this.received.push(received);
    if (this.script.message === undefined) peer.ack(received);
    else this.script.message(peer, received);
  }
}
