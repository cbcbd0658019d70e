/**
 * Brings chunks to the output in order, several at once, and says when each is settled. A failed attempt settles
 * nothing: the same chunk is delivered again, for ever. One that seems to be why attempts fail goes to the
 * quarantine, and the rest flows on. It knows nothing of files and of how an output works.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import { DeliveryError, OutputClosedError, type Output } from '../output/output.ts';
import { backoffMs } from './backoff.ts';
import { addAccounts, NO_ACCOUNTS, type Chunk, type SettledAccounts } from './chunk.ts';
import type { Quarantine } from './quarantine.ts';

/** Waits; ends early, either way, when the signal is aborted. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export interface DispatcherOptions {
  readonly output: Output;
  readonly log: Log;
  /** Where suspect chunks are examined; without it they are tried like all others. */
  readonly quarantine?: Quarantine | undefined;
  readonly random?: () => number;
  readonly wait?: Wait;
}

export type Settled = (accounts: SettledAccounts) => void;

/** How often a chunk may be there when an attempt fails before it is examined by itself. */
const STRIKES_MAX = 3;
/** How often in a row another receiver is tried at once: with more failures than that no receiver is well. */
const ELSEWHERE_MAX = 4;

interface Consignment {
  readonly chunk: Chunk;
  readonly settled: Settled;
  /** Its place among all consignments. */
  readonly order: number;
  /** Attempts that may have failed because of it. */
  strikes: number;
  /** In which epoch the attempt under way began. */
  epoch: number;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #random: () => number;
  readonly #wait: Wait;
  /** In delivery order. The window bounds these three. */
  readonly #waiting: Consignment[] = [];
  readonly #onTheWay = new Set<Consignment>();
  readonly #quarantined = new Set<Consignment>();
  readonly #stop = new AbortController();
  #isolation: Promise<void> = Promise.resolve();
  #submitted = 0;
  /** Counts failures: what was sent before the last one and fails after it is part of the same failure. */
  #epoch = 0;
  /** Failures since the last success. */
  #failures = 0;
  #pauseMs = 0;
  /** The code that the log has last told of, while the output takes nothing. */
  #told: string | undefined;
  #fatal: Error | undefined;
  #wake: (() => void) | undefined;
  #idle: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#wait = options.wait ?? waitFor;
  }

  /** Takes over a chunk; `settled` is called once, when the output has it. */
  submit(chunk: Chunk, settled: Settled): void {
    this.#submitted += 1;
    this.#waiting.push({ chunk, settled, order: this.#submitted, strikes: 0, epoch: 0 });
    this.#wake?.();
  }

  /**
   * Delivers until `stop`.
   * @throws OutputClosedError when the receiver has gone for good.
   */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && this.#fatal === undefined) {
      if (this.#pauseMs > 0) {
        await this.#pause(signal);
        continue;
      }
      const isFull = this.#onTheWay.size >= this.#options.output.concurrency;
      const next = isFull ? undefined : this.#waiting.shift();
      if (next !== undefined) void this.#attempt(next);
      else await this.#sleep();
    }
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  /** Waits until everything submitted is settled, or the signal ends the patience. */
  async drained(signal: AbortSignal): Promise<boolean> {
    if (this.#isIdle()) return true;
    return new Promise<boolean>((resolve) => {
      const giveUp = (): void => resolve(false);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#idle = () => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      if (signal.aborted) giveUp();
    });
  }

  /** Ends `run`; what is not settled stays unsettled. */
  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  #isIdle(): boolean {
    return this.#waiting.length + this.#onTheWay.size + this.#quarantined.size === 0;
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const ms = this.#pauseMs;
    await this.#wait(ms, signal).catch(() => undefined);
    this.#pauseMs = 0;
  }

  /** Never rejects. */
  async #attempt(consignment: Consignment): Promise<void> {
    consignment.epoch = this.#epoch;
    this.#onTheWay.add(consignment);
    try {
      await this.#options.output.deliver(consignment.chunk);
      this.#onTheWay.delete(consignment);
      this.#succeeded();
      this.#settle(consignment, addAccounts(NO_ACCOUNTS, consignment.chunk.accounts));
    } catch (error) {
      this.#onTheWay.delete(consignment);
      this.#failed(consignment, error);
    }
    this.#wake?.();
  }

  #settle(consignment: Consignment, accounts: SettledAccounts): void {
    consignment.settled(accounts);
    if (this.#isIdle()) this.#idle?.();
  }

  #succeeded(): void {
    this.#failures = 0;
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#options.log.info('the output takes events again');
  }

  #failed(consignment: Consignment, error: unknown): void {
    if (error instanceof OutputClosedError || !(error instanceof Error)) {
      this.#fatal =
        error instanceof Error ? error : new Error('something that is no Error', { cause: error });
      return;
    }
    const delivery = error instanceof DeliveryError ? error : undefined;
    if (delivery?.suspect === true) consignment.strikes += 1;
    if (consignment.epoch === this.#epoch) this.#countFailure(error, delivery?.elsewhere === true);
    const { quarantine } = this.#options;
    if (quarantine !== undefined && consignment.strikes >= STRIKES_MAX) {
      this.#isolate(consignment, quarantine);
    } else this.#takeBack(consignment);
  }

  /** The first failure after a success may be a connection that was old: it is followed by an attempt at once. */
  #countFailure(error: Error, elsewhere: boolean): void {
    this.#epoch += 1;
    this.#failures += 1;
    const isFirst = this.#failures === 1 && error instanceof DeliveryError;
    if (isFirst || (elsewhere && this.#failures <= ELSEWHERE_MAX)) return;
    this.#pauseMs = backoffMs(
      this.#failures - (error instanceof DeliveryError ? 1 : 0),
      this.#random,
    );
    this.#sayFailing(error);
  }

  #takeBack(consignment: Consignment): void {
    const behind = this.#waiting.findIndex(({ order }) => order > consignment.order);
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, consignment);
  }

  /** One suspect after the other, beside the way of the rest. */
  #isolate(consignment: Consignment, quarantine: Quarantine): void {
    this.#quarantined.add(consignment);
    this.#isolation = this.#isolation.then(async () => {
      const accounts = await quarantine.examine(consignment.chunk, this.#stop.signal);
      this.#quarantined.delete(consignment);
      if (accounts === undefined) {
        consignment.strikes = 0;
        this.#takeBack(consignment);
      } else this.#settle(consignment, accounts);
      this.#wake?.();
    });
  }

  /** Once, and again when the reason has changed. */
  #sayFailing(error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
    if (this.#told === code) return;
    this.#told = code;
    const what = code === 'ENOSPC' ? ': no space left on the device, make room' : '';
    const reason = error instanceof DeliveryError ? error.message : undefined;
    this.#options.log.error(
      `the output does not take events${what}; trying again until it does`,
      reason === undefined ? { code } : { code, reason },
    );
  }
}

async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}
