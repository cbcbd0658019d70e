/**
 * An output with several chunks on their way, each of which ends as and when the test says. Knows nothing of what is
 * in a chunk.
 */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Chunk } from '../../src/deliver/chunk.ts';
import { DeliveryError, type Output, type Verdict } from '../../src/output/output.ts';

interface Attempt {
  readonly chunk: Chunk;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Examination {
  readonly chunk: Chunk;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (reason: unknown) => void;
}

/** An attempt that failed, as an output tells it. */
export function failure(
  options: {
    readonly code?: string;
    readonly suspect?: boolean;
    readonly elsewhere?: boolean;
  } = {},
): DeliveryError {
  return new DeliveryError('receiver:24224: no', { code: 'ECONNRESET', ...options });
}

export class ParallelOutput implements Output {
  readonly concurrency: number;
  /** Ids of all attempts, in order. */
  readonly attempted: string[] = [];
  readonly #attempts: Attempt[] = [];
  readonly #examinations: Examination[] = [];

  constructor(concurrency: number) {
    this.concurrency = concurrency;
  }

  async deliver(chunk: Chunk): Promise<void> {
    this.attempted.push(chunk.id);
    await new Promise<void>((resolve, reject) => this.#attempts.push({ chunk, resolve, reject }));
  }

  async examine(chunk: Chunk): Promise<Verdict> {
    return new Promise((resolve, reject) => this.#examinations.push({ chunk, resolve, reject }));
  }

  async close(): Promise<void> {}

  /** Ids of what is on its way, in the order of the attempts. */
  get onTheWay(): readonly string[] {
    return this.#attempts.map(({ chunk }) => chunk.id);
  }

  /** Ids of what is examined. */
  get examined(): readonly string[] {
    return this.#examinations.map(({ chunk }) => chunk.id);
  }

  async take(...ids: readonly string[]): Promise<void> {
    for (const id of ids) removeFrom(this.#attempts, id).resolve();
    await turn();
  }

  async fail(reason: unknown, ...ids: readonly string[]): Promise<void> {
    for (const id of ids) removeFrom(this.#attempts, id).reject(reason);
    await turn();
  }

  /** As when a connection is lost. */
  async failAll(reason: unknown): Promise<void> {
    await this.fail(reason, ...this.onTheWay);
  }

  async judge(id: string, verdict: Verdict | Error): Promise<void> {
    const { resolve, reject } = removeFrom(this.#examinations, id);
    if (verdict instanceof Error) reject(verdict);
    else resolve(verdict);
    await turn();
  }
}

function removeFrom<T extends { readonly chunk: Chunk }>(list: T[], id: string): T {
  const index = list.findIndex(({ chunk }) => chunk.id === id);
  const [found] = list.splice(index, 1);
  assert.ok(index !== -1 && found !== undefined, `${id} is on its way`);
  return found;
}
