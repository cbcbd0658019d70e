/**
 * Brings chunks to the output in order and says when each is settled. A failed attempt settles nothing: the same
 * chunk is delivered again, for ever. It knows nothing of files and of how an output works.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import { OutputClosedError, type Output } from '../output/output.ts';
import { backoffMs } from './backoff.ts';
import type { Chunk } from './chunk.ts';

export interface DispatcherOptions {
  readonly output: Output;
  readonly log: Log;
  readonly random?: () => number;
  /** Waits before the next attempt; ends early, either way, when the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

interface Consignment {
  readonly chunk: Chunk;
  readonly settled: () => void;
}

export class Dispatcher {
  readonly #output: Output;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In delivery order; the first is on its way. The window bounds it. */
  readonly #queue: Consignment[] = [];
  readonly #stop = new AbortController();
  #wake: (() => void) | undefined;
  #idle: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#output = options.output;
    this.#log = options.log;
    this.#random = options.random ?? Math.random;
    this.#wait = options.wait ?? (async (ms, signal) => delay(ms, undefined, { signal }));
  }

  /** Takes over a chunk; `settled` is called once, when the output has it. */
  submit(chunk: Chunk, settled: () => void): void {
    this.#queue.push({ chunk, settled });
    this.#wake?.();
  }

  /**
   * Delivers until `stop`.
   * @throws OutputClosedError when the receiver has gone for good.
   */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const first = this.#queue[0];
      if (first === undefined) {
        this.#idle?.();
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
        continue;
      }
      if (!(await this.#deliver(first.chunk))) return;
      this.#queue.shift();
      first.settled();
    }
  }

  /** Waits until everything submitted is settled, or the signal ends the patience. */
  async drained(signal: AbortSignal): Promise<boolean> {
    if (this.#queue.length === 0) return true;
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

  /** Ends `run` after the attempt under way; what is not settled stays unsettled. */
  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /** @returns false when it was stopped before the output had the chunk. */
  async #deliver(chunk: Chunk): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#output.deliver(chunk);
        if (attempt > 1) this.#log.info('the output takes events again', { attempts: attempt });
        return true;
      } catch (error) {
        if (error instanceof OutputClosedError || !(error instanceof Error)) throw error;
        if (attempt === 1) this.#sayFailed(error);
      }
      const { signal } = this.#stop;
      await this.#wait(backoffMs(attempt, this.#random), signal).catch(() => undefined);
      if (signal.aborted) return false;
    }
  }

  #sayFailed(error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
    const what = code === 'ENOSPC' ? ': no space left on the device, make room' : '';
    this.#log.error(`the output does not take events${what}; trying again until it does`, { code });
  }
}
