/**
 * A network in memory: the agent's sockets of TCP, and those with which it proves that it lives. Bytes arrive in
 * order and late, and are taken from where they stand only when they leave. It knows no protocol.
 */
import { EventEmitter } from 'node:events';
import type { Random } from '../../src/commands/simulate/random.ts';
import { systemError } from './file-system.ts';
import type { Scheduler } from './scheduler.ts';

/** The receiver's side of a connection. */
export interface Peer {
  /** Bytes that came from the agent. */
  hear(bytes: Buffer): void;
  /** The agent has closed its side. */
  gone(): void;
}

/** What a receiver has of a connection. */
export interface Line {
  /** To the agent. */
  send(bytes: Buffer): void;
  /** Ends it: in order, or cut off. */
  end(how: 'closed' | 'reset'): void;
}

export interface Host {
  /** Whether somebody listens; `silent` answers nothing at all. */
  readonly door: 'open' | 'refusing' | 'silent';
  /** Whether it takes bytes from the network. */
  readonly isReading: boolean;
  accept(line: Line): Peer;
}

interface OnRead {
  readonly buffer: Buffer;
  readonly callback: (length: number) => boolean;
}

const PACKET_MS = 2;
/** What the system holds for a receiver that does not read. */
const WINDOW_BYTES = 8 * 1024;
/** How often a sender looks whether it may send again. */
const RETRY_MS = 50;

export class Network {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly #hosts = new Map<string, Host>();
  readonly sockets = new Set<SimSocket>();

  constructor(scheduler: Scheduler, random: Random) {
    this.scheduler = scheduler;
    this.random = random;
  }

  listen(address: string, host: Host): void {
    this.#hosts.set(address, host);
  }

  connect(address: string, onread: OnRead): SimSocket {
    return new SimSocket(this, this.#hosts.get(address), onread);
  }

  packetMs(): number {
    return this.random.next() * PACKET_MS;
  }

  /** The agent is gone: its system resets what it had open. */
  crash(): void {
    for (const socket of this.sockets) socket.die();
    this.sockets.clear();
  }

  leaks(): readonly string[] {
    return Array.from(this.sockets, () => 'socket');
  }
}

/** As much of net.Socket as the agent uses. */
export class SimSocket extends EventEmitter {
  readonly #network: Network;
  readonly #host: Host | undefined;
  readonly #onread: OnRead;
  readonly #unsent: { readonly bytes: Uint8Array; readonly done: (error?: Error) => void }[] = [];
  #peer: Peer | undefined;
  /** Arrived, and not read by the receiver. */
  readonly #arrived: Buffer[] = [];
  /** Sent, and not read. */
  #underWayBytes = 0;
  #arrivesMs = 0;
  #comesMs = 0;
  #isSending = false;
  #isCorked = false;
  #isEnding = false;
  destroyed = false;
  /** How long nothing may be written or come before it says so; since when that is, and whether it will be said. */
  #timeoutMs = Infinity;
  #idleSinceMs = 0;
  #isTimed = false;

  constructor(network: Network, host: Host | undefined, onread: OnRead) {
    super();
    this.#network = network;
    this.#host = host;
    this.#onread = onread;
    network.sockets.add(this);
    if (host?.door === 'silent') return;
    this.#later(network.packetMs(), () => this.#connected());
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(ms: number): this {
    this.#timeoutMs = ms;
    this.#moved();
    return this;
  }

  resume(): this {
    return this;
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#send();
  }

  write(bytes: Uint8Array, done: (error?: Error) => void = () => undefined): boolean {
    this.#unsent.push({ bytes, done });
    this.#moved();
    if (this.destroyed) this.#failUnsent();
    else this.#send();
    return true;
  }

  end(): this {
    this.#isEnding = true;
    this.#send();
    return this;
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#network.scheduler.after(0, 'agent', () => {
      this.#network.sockets.delete(this);
      this.#failUnsent();
      if (error !== undefined) this.emit('error', error);
      this.emit('close');
    });
    this.#vanish();
    return this;
  }

  /** Whoever had it is gone: it hears nothing any more. */
  die(): void {
    this.destroyed = true;
    this.#vanish();
  }

  /** The other side learns of the end, if it can. */
  #vanish(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    const { scheduler } = this.#network;
    if (peer === undefined) return;
    scheduler.after(Math.max(0, this.#arrivesMs - scheduler.nowMs), 'world', () => peer.gone());
  }

  #later(ms: number, run: () => void): void {
    this.#network.scheduler.after(ms, 'agent', () => {
      if (!this.destroyed) run();
    });
  }

  /** Something was written, has left, or has come. */
  #moved(): void {
    this.#idleSinceMs = this.#network.scheduler.nowMs;
    if (this.#isTimed || this.#timeoutMs === Infinity) return;
    this.#isTimed = true;
    this.#later(this.#timeoutMs, () => this.#lookIfIdle());
  }

  #lookIfIdle(): void {
    const leftMs = this.#idleSinceMs + this.#timeoutMs - this.#network.scheduler.nowMs;
    if (leftMs > 0) {
      this.#later(leftMs, () => this.#lookIfIdle());
      return;
    }
    this.#isTimed = false;
    this.emit('timeout');
  }

  #connected(): void {
    if (this.#host?.door === 'silent') return;
    if (this.#host?.door !== 'open') {
      this.destroy(systemError('ECONNREFUSED', 'connect', ''));
      return;
    }
    this.#peer = this.#host.accept({
      send: (bytes) => this.#come(bytes),
      end: (how) => this.#over(how),
    });
    this.emit('connect');
    this.#send();
  }

  /** One write after the other leaves the memory of the agent. */
  #send(): void {
    const next = this.#unsent[0];
    if (this.#isSending || this.#isCorked || this.#peer === undefined) return;
    if (next === undefined) {
      if (this.#isEnding) this.destroy();
      return;
    }
    this.#isSending = true;
    const isStopped = this.#host?.isReading !== true && this.#underWayBytes > WINDOW_BYTES;
    this.#later(isStopped ? RETRY_MS : this.#network.packetMs() / 4, () => {
      this.#isSending = false;
      if (isStopped) {
        this.#send();
        return;
      }
      this.#unsent.shift();
      this.#moved();
      this.#depart(Buffer.from(next.bytes));
      next.done();
      this.#send();
    });
  }

  #depart(bytes: Buffer): void {
    const peer = this.#peer;
    const { scheduler } = this.#network;
    this.#underWayBytes += bytes.length;
    this.#arrivesMs = Math.max(this.#arrivesMs, scheduler.nowMs + this.#network.packetMs());
    scheduler.after(this.#arrivesMs - scheduler.nowMs, 'world', () => {
      this.#arrived.push(bytes);
      this.#beHeard(peer);
    });
  }

  #beHeard(peer: Peer | undefined): void {
    if (this.#host?.isReading !== true) {
      this.#network.scheduler.after(RETRY_MS, 'world', () => this.#beHeard(peer));
      return;
    }
    for (const bytes of this.#arrived.splice(0)) {
      this.#underWayBytes -= bytes.length;
      peer?.hear(bytes);
    }
  }

  #come(bytes: Buffer): void {
    const { scheduler, random } = this.#network;
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + 1 + random.below(bytes.length - at));
      at += piece.length;
      this.#comesMs = Math.max(this.#comesMs, scheduler.nowMs + this.#network.packetMs());
      this.#later(this.#comesMs - scheduler.nowMs, () => {
        this.#moved();
        piece.copy(this.#onread.buffer);
        this.#onread.callback(piece.length);
      });
    }
  }

  #over(how: 'closed' | 'reset'): void {
    this.#peer = undefined;
    const { scheduler } = this.#network;
    const ms = Math.max(this.#network.packetMs(), this.#comesMs - scheduler.nowMs);
    this.#later(ms, () => {
      if (how === 'reset') this.destroy(systemError('ECONNRESET', 'read', ''));
      else this.emit('end');
    });
  }

  #failUnsent(): void {
    for (const { done } of this.#unsent.splice(0)) done(systemError('EPIPE', 'write', ''));
  }
}
