/**
 * Brings chunks to the output in order, several at once, and says when each is settled. A failed attempt settles
 * nothing: the same chunk is delivered again, for ever. One that seems to be why attempts fail goes to the
 * quarantine, and the rest flows on. It knows nothing of files and of how an output works.
 */
import type { Log } from '../observe/log.ts';
import { codeOf, DeliveryError, OutputClosedError, type Output } from '../output/output.ts';
import { backoffMs, waitFor, type Wait } from './backoff.ts';
import { addAccounts, NO_ACCOUNTS, type Chunk, type SettledAccounts } from './chunk.ts';
import { Health } from './health.ts';
import type { Quarantine } from './quarantine.ts';

export interface DispatcherOptions {
  readonly output: Output;
  readonly log: Log;
  /** Where suspect chunks are examined; without it they are tried like all others. */
  readonly quarantine?: Quarantine | undefined;
  /** Kept up to date for the quarantine. */
  readonly health?: Health;
  readonly random?: () => number;
  readonly wait?: Wait;
}

export type Settled = (accounts: SettledAccounts) => void;

/** How often a chunk may be there when an attempt fails before it is examined by itself. */
const STRIKES_MAX = 3;
/** How often in a row another receiver is tried at once: with more failures than that no receiver is well. */
const ELSEWHERE_MAX = 4;

/** Something was thrown that is none. */
class NoError extends Error {
  constructor(thrown: unknown) {
    super('something was thrown that is no error', { cause: thrown });
  }
}

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
  readonly #health: Health;
  readonly #random: () => number;
  readonly #wait: Wait;
  /** In delivery order. The window bounds these three. */
  readonly #waiting: Consignment[] = [];
  readonly #onTheWay = new Set<Consignment>();
  readonly #quarantined = new Set<Consignment>();
  readonly #stop = new AbortController();
  #isolation: Promise<void> = Promise.resolve();
  #submitted = 0;
  readonly #retries = new Map<string, number>();
  /** When an attempt began or ended last, or the first chunk came (ms, monotonic). */
  #movedAt = 0;
  /** Counts failures: what was sent before the last one and fails after it is part of the same failure. */
  #epoch = 0;
  /** Failures since the last success. */
  #failures = 0;
  #pauseMs = 0;
  /** Aborted when there is no need to pause any longer. */
  #resume = new AbortController();
  /** The codes that the log has told of, while the output takes nothing. */
  readonly #told = new Set<string>();
  #fatal: Error | undefined;
  #isRunning = false;
  #isPausing = false;
  /** Ends `run`. */
  #end: (() => void) | undefined;
  #idle: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#health = options.health ?? new Health();
    this.#random = options.random ?? Math.random;
    this.#wait = options.wait ?? waitFor;
  }

  /** Failed attempts by the error's code. */
  get retries(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#retries);
  }

  /** Chunks that were taken over and are not settled. */
  get inFlight(): number {
    return this.#waiting.length + this.#onTheWay.size + this.#quarantined.size;
  }

  /** For how long no attempt has begun or ended although there are chunks; 0 while there are none. */
  get stuckMs(): number {
    return this.#isIdle() ? 0 : performance.now() - this.#movedAt;
  }

  /** Takes over a chunk; `settled` is called once, when the output has it. */
  submit(chunk: Chunk, settled: Settled): void {
    if (this.#isIdle()) this.#movedAt = performance.now();
    this.#submitted += 1;
    this.#waiting.push({ chunk, settled, order: this.#submitted, strikes: 0, epoch: 0 });
    void this.#deliverSoon();
  }

  /**
   * Delivers until `stop`.
   * @throws OutputClosedError when the receiver has gone for good.
   */
  async run(): Promise<void> {
    const ended = new Promise<void>((resolve) => (this.#end = resolve));
    this.#isRunning = true;
    this.#deliver();
    await ended;
    this.#isRunning = false;
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  /**
   * Begins as many attempts as may be under way, but not at once: when a connection is lost, all that was on it fails in
   * one turn, and has to be back in its place before anything else goes.
   */
  async #deliverSoon(): Promise<void> {
    await Promise.resolve();
    this.#deliver();
  }

  #deliver(): void {
    const { output } = this.#options;
    while (this.#isRunning && !this.#isPausing) {
      if (this.#stop.signal.aborted || this.#fatal !== undefined) {
        this.#end?.();
        return;
      }
      if (this.#pauseMs > 0) {
        void this.#pause();
        return;
      }
      const isFull = this.#onTheWay.size >= output.concurrency;
      const next = isFull ? undefined : this.#waiting.shift();
      if (next === undefined) return;
      void this.#attempt(next);
    }
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
    void this.#deliverSoon();
  }

  #isIdle(): boolean {
    return this.inFlight === 0;
  }

  async #pause(): Promise<void> {
    this.#isPausing = true;
    this.#resume = new AbortController();
    const early = AbortSignal.any([this.#stop.signal, this.#resume.signal]);
    await this.#wait(this.#pauseMs, early).catch(() => undefined);
    this.#pauseMs = 0;
    this.#isPausing = false;
    this.#deliver();
  }

  /** Never rejects. */
  async #attempt(consignment: Consignment): Promise<void> {
    consignment.epoch = this.#epoch;
    this.#movedAt = performance.now();
    this.#onTheWay.add(consignment);
    const { chunk } = consignment;
    let failure: Error | undefined;
    try {
      await this.#options.output.deliver(chunk);
    } catch (error) {
      failure = error instanceof Error ? error : new NoError(error);
    }
    this.#onTheWay.delete(consignment);
    this.#movedAt = performance.now();
    if (failure === undefined) {
      this.#succeeded();
      this.#settle(consignment, addAccounts(NO_ACCOUNTS, chunk.accounts));
    } else this.#failed(consignment, failure);
    void this.#deliverSoon();
  }

  /** What fails here is no failed attempt: the receiver has the chunk, and must not get it again. */
  #settle(consignment: Consignment, accounts: SettledAccounts): void {
    try {
      consignment.settled(accounts);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#isIdle()) this.#idle?.();
  }

  /** Ends `run`. */
  #fail(error: unknown): void {
    this.#fatal ??= error instanceof Error ? error : new NoError(error);
    this.#deliver();
  }

  #succeeded(): void {
    this.#health.took();
    this.#failures = 0;
    if (this.#told.size === 0) return;
    this.#told.clear();
    this.#options.log.info('the output takes events again');
  }

  #failed(consignment: Consignment, error: Error): void {
    if (error instanceof OutputClosedError || error instanceof NoError) {
      this.#takeBack(consignment);
      this.#fail(error);
      return;
    }
    const code = codeOf(error);
    this.#retries.set(code, (this.#retries.get(code) ?? 0) + 1);
    const delivery = error instanceof DeliveryError ? error : undefined;
    if (delivery?.suspect === true) consignment.strikes += 1;
    if (consignment.epoch === this.#epoch) this.#countFailure(error);
    const { quarantine } = this.#options;
    if (quarantine !== undefined && consignment.strikes >= STRIKES_MAX) {
      this.#isolate(consignment, quarantine);
    } else this.#takeBack(consignment);
  }

  /** The first failure after a success may be a connection that was old: it is followed by an attempt at once. */
  #countFailure(error: Error): void {
    const { elsewhere, suspect } =
      error instanceof DeliveryError ? error : { elsewhere: false, suspect: false };
    this.#epoch += 1;
    this.#failures += 1;
    this.#health.failed();
    const isFirst = this.#failures === 1 && error instanceof DeliveryError;
    if (isFirst || (elsewhere && this.#failures <= ELSEWHERE_MAX)) return;
    this.#pauseMs = backoffMs(
      this.#failures - (error instanceof DeliveryError ? 1 : 0),
      this.#random,
    );
    // Until the strikes are full, it may be only one chunk.
    if (!suspect || this.#failures > STRIKES_MAX) this.#sayFailing(error);
  }

  #takeBack(consignment: Consignment): void {
    const behind = this.#waiting.findIndex(({ order }) => order > consignment.order);
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, consignment);
  }

  /** One suspect after the other, beside the way of the rest. */
  #isolate(consignment: Consignment, quarantine: Quarantine): void {
    this.#quarantined.add(consignment);
    this.#isolation = this.#isolation
      .then(() => this.#examine(consignment, quarantine))
      .catch((error: unknown) => this.#fail(error));
  }

  async #examine(consignment: Consignment, quarantine: Quarantine): Promise<void> {
    const accounts = await quarantine.examine(consignment.chunk, this.#stop.signal);
    this.#quarantined.delete(consignment);
    if (accounts === undefined) {
      consignment.strikes = 0;
      this.#takeBack(consignment);
    } else {
      // It was this chunk: the receiver takes others.
      this.#failures = 0;
      this.#resume.abort();
      this.#settle(consignment, accounts);
    }
    this.#deliver();
  }

  /** Once for each reason. */
  #sayFailing(error: Error): void {
    const code = codeOf(error);
    if (this.#told.has(code)) return;
    this.#told.add(code);
    const what = code === 'ENOSPC' ? ': no space left on the device, make room' : '';
    const reason = error instanceof DeliveryError ? error.message : undefined;
    this.#options.log.error(
      `the output does not take events${what}; trying again until it does`,
      reason === undefined ? { code } : { code, reason },
    );
  }
}
