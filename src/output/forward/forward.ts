/**
 * The Forward output: chunks to one of several receivers. In failover the first that works gets everything, and an
 * earlier one gets it back when it has proved itself again; balanced, all that work share. It makes one attempt
 * for each call; the dispatcher makes the next.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Chunk } from '../../deliver/chunk.ts';
import type { Log } from '../../observe/log.ts';
import { DeliveryError, type Output, type Verdict } from '../output.ts';
import { Compressor } from './compress.ts';
import { deliveryError } from './failure.ts';
import { packedForward, type Compressed, type Message } from './message.ts';
import type { Upstream } from './upstream.ts';

/** How a receiver that was down proves itself before it gets chunks again. */
export interface ProbeOptions {
  /** Between two probes of a receiver that is down. */
  readonly everyMs: number;
  /** So many in a row must succeed; twice as many each time that it soon falls again. */
  readonly needed: number;
}

export interface ForwardOptions {
  /** In the order of failover; at least one. */
  readonly upstreams: readonly Upstream[];
  readonly tag: string;
  readonly compress: Compressed | 'none';
  readonly loadBalance: boolean;
  /** Chunks in flight on one connection. */
  readonly inFlightChunks: number;
  readonly log: Log;
  readonly probe?: ProbeOptions;
  /** How often credentials are looked at. */
  readonly renewEveryMs?: number;
}

const PROBE: ProbeOptions = { everyMs: 2000, needed: 3 };
/** A receiver that falls so soon after its return has not been well. */
const RELAPSE_MS = 60_000;
/** A minute at the standard interval: a receiver that comes and goes is left alone for that long at most. */
const NEEDED_MAX = 30;
/** A rotated key or certificate is in use at the latest so much later. */
const RENEW_EVERY_MS = 10_000;

/** A receiver and what is known of its health. */
interface Member {
  readonly upstream: Upstream;
  down: boolean;
  /** It has acknowledged something. */
  isKnown: boolean;
  /** Acks since the last failure: a connection that is lost after progress is simply opened again. */
  acks: number;
  /** What the last failure came from: all chunks of a lost connection fail, and count once. */
  lastCause: unknown;
  /** Probes in a row that succeeded, and how many must. */
  probes: number;
  needed: number;
  returnedMs: number;
}

export class ForwardOutput implements Output {
  readonly concurrency: number;
  readonly #options: ForwardOptions;
  readonly #probe: ProbeOptions;
  readonly #members: readonly Member[];
  readonly #compressor: Compressor | undefined;
  /** A chunk keeps its message for as long as it lives: what is sent again is byte-identical. */
  readonly #messages = new WeakMap<Chunk, Message | Promise<Message>>();
  readonly #closing = new AbortController();
  /** In failover: which member gets chunks. Balanced: where the last one went. */
  #active = 0;
  #probing = false;

  constructor(options: ForwardOptions) {
    const { upstreams, loadBalance, inFlightChunks, compress } = options;
    this.#options = options;
    this.#probe = options.probe ?? PROBE;
    const { needed } = this.#probe;
    this.#members = upstreams.map((upstream) => {
      const health = {
        down: false,
        isKnown: false,
        acks: 0,
        lastCause: undefined,
        probes: 0,
        returnedMs: -Infinity,
      };
      return { upstream, ...health, needed };
    });
    this.#compressor = compress === 'none' ? undefined : new Compressor(compress);
    this.concurrency = inFlightChunks * (loadBalance ? upstreams.length : 1);
    void this.#watchCredentials();
  }

  async deliver(chunk: Chunk): Promise<void> {
    const member = this.#pick();
    try {
      await member.upstream.deliver(this.#message(chunk));
    } catch (error) {
      throw this.#failed(member, error);
    }
    this.#took(member);
  }

  async examine(chunk: Chunk): Promise<Verdict> {
    return this.#pick().upstream.examine(this.#message(chunk));
  }

  upstreams(): readonly { readonly name: string; readonly isUp: boolean }[] {
    return this.#members.map(({ upstream, down }) => ({ name: upstream.receiver, isUp: !down }));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#members.map(async ({ upstream }) => upstream.close()));
  }

  #message(chunk: Chunk): Message | Promise<Message> {
    const known = this.#messages.get(chunk);
    if (known !== undefined) return known;
    const message = this.#makeMessage(chunk);
    this.#messages.set(chunk, message);
    // A compression that fails, fails this attempt and not the next.
    if (message instanceof Promise) message.catch(() => this.#messages.delete(chunk));
    return message;
  }

  #makeMessage(chunk: Chunk): Message | Promise<Message> {
    const { tag, compress } = this.#options;
    if (this.#compressor === undefined || compress === 'none') {
      return packedForward(tag, chunk, chunk.payload);
    }
    return compressed(tag, chunk, this.#compressor, compress);
  }

  #pick(): Member {
    const members = this.#members;
    if (this.#options.loadBalance) this.#active = this.#leastBusy();
    const member = members[this.#active];
    if (member === undefined) throw new Error('a Forward output without receivers');
    return member;
  }

  /** Of those that are up, or of all when none is; ties go round. */
  #leastBusy(): number {
    const turn = this.#members.map((_, index) => (this.#active + 1 + index) % this.#members.length);
    const up = turn.filter((index) => this.#members[index]?.down === false);
    const candidates = up.length > 0 ? up : turn;
    const load = (index: number): number => this.#members[index]?.upstream.inFlight ?? 0;
    return candidates.reduce((best, index) => (load(index) < load(best) ? index : best));
  }

  #took(member: Member): void {
    if (!member.isKnown) {
      member.isKnown = true;
      this.#options.log.info('the receiver takes events', { receiver: member.upstream.receiver });
    }
    member.acks += 1;
    if (member.down) this.#raise(member);
  }

  #failed(member: Member, error: unknown): DeliveryError {
    const known = error instanceof DeliveryError;
    const failure = known ? error : deliveryError(member.upstream.receiver, error as Error);
    const { code, suspect, message } = failure;
    // It passed over one chunk and takes others: nothing is wrong with the receiver.
    if (code === 'NOT_ACKNOWLEDGED') return failure;
    const cause = failure.cause ?? failure;
    if (cause !== member.lastCause) {
      member.lastCause = cause;
      if (member.acks === 0) this.#lower(member, failure);
      member.acks = 0;
      this.#options.log.debug('a connection failed', { receiver: member.upstream.receiver, code });
    }
    const elsewhere = this.#members.some(({ down }) => !down);
    return new DeliveryError(message, { code, suspect, elsewhere, cause });
  }

  #lower(member: Member, { code, message: reason }: DeliveryError): void {
    const { log, loadBalance } = this.#options;
    if (!member.down && this.#members.length > 1) {
      log.warn('a receiver is down', { receiver: member.upstream.receiver, code, reason });
    }
    if (!member.down) {
      const isRelapse = performance.now() - member.returnedMs < RELAPSE_MS;
      member.needed = isRelapse ? Math.min(NEEDED_MAX, 2 * member.needed) : this.#probe.needed;
    }
    member.down = true;
    member.probes = 0;
    void this.#probeWhatIsDown();
    if (loadBalance) return;
    const next = this.#members.findIndex(({ down }) => !down);
    // When all are down, each is tried in its turn.
    this.#active = next === -1 ? (this.#active + 1) % this.#members.length : next;
  }

  #raise(member: Member): void {
    member.down = false;
    member.returnedMs = performance.now();
    if (this.#members.length === 1) return;
    const index = this.#members.indexOf(member);
    if (!this.#options.loadBalance) this.#active = this.#members.findIndex(({ down }) => !down);
    const receiver = member.upstream.receiver;
    this.#options.log.info('a receiver is up again', { receiver, position: index + 1 });
  }

  /** While a receiver is down and another one could do its work. */
  async #probeWhatIsDown(): Promise<void> {
    if (this.#probing || this.#members.length === 1) return;
    this.#probing = true;
    const { signal } = this.#closing;
    while (!signal.aborted && this.#members.some(({ down }) => down)) {
      await delay(this.#probe.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) break;
      await Promise.all(
        this.#members.filter(({ down }) => down).map((member) => this.#try(member)),
      );
    }
    this.#probing = false;
  }

  async #try(member: Member): Promise<void> {
    try {
      await member.upstream.probe();
      member.probes += 1;
    } catch {
      member.probes = 0;
    }
    if (member.down && member.probes >= member.needed) this.#raise(member);
  }

  async #watchCredentials(): Promise<void> {
    const { signal } = this.#closing;
    const every = this.#options.renewEveryMs ?? RENEW_EVERY_MS;
    while (!signal.aborted) {
      await delay(every, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await Promise.all(this.#members.map(async ({ upstream }) => upstream.renew()));
    }
  }
}

async function compressed(
  tag: string,
  chunk: Chunk,
  compressor: Compressor,
  compress: Compressed,
): Promise<Message> {
  return packedForward(tag, chunk, [await compressor.compress(chunk)], compress);
}
