/**
 * Puts lines aside that are too long to be sent and cannot be made shorter: part by part, in order, into one dead letter
 * each. While there is no room it tries again, and whoever brings more of the same log waits. Knows nothing of files
 * and receivers.
 */
import type { Log } from '../observe/log.ts';
import { backoffMs, waitFor, type Wait } from './backoff.ts';
import { NO_ACCOUNTS } from './chunk.ts';
import type { DeadLetters, Letter, LetterInParts } from './dead-letter.ts';
import type { Settled } from './dispatcher.ts';

export interface LongLinesOptions {
  readonly deadLetters: DeadLetters;
  readonly log: Log;
  readonly random?: () => number;
  readonly wait?: Wait;
}

const NOTHING = Buffer.alloc(0);

/** A line of which some parts have come; their bytes are not held. */
interface OpenLine {
  readonly first: Letter;
  last: Letter;
  file: LetterInParts | undefined;
}

export class LongLines {
  readonly #options: LongLinesOptions;
  readonly #random: () => number;
  readonly #wait: Wait;
  readonly #stop = new AbortController();
  /** Lines whose last part has not come. One in each log, and in each file that cannot be read on. */
  readonly #open = new Map<string, OpenLine>();
  /** Lines that have begun to be written. */
  readonly #begun = new Set<OpenLine>();
  /** How much of a log was submitted and is not written; no entry for nothing. */
  readonly #unwritten = new Map<string, number>();
  /** The end of the queue. */
  #queue: Promise<void> = Promise.resolve();
  #toldStuck = false;

  constructor(options: LongLinesOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#wait = options.wait ?? waitFor;
  }

  /** Whether a line of this size can be put aside. All of its parts are submitted then. */
  fits(lineBytes: number): boolean {
    return this.#options.deadLetters.fits(lineBytes);
  }

  /** Whether anything waits to be written. */
  get isBusy(): boolean {
    return this.#unwritten.size > 0;
  }

  /** Waits until everything of the log is written. Rejects when the signal is aborted. */
  async ready(log: string, signal: AbortSignal): Promise<void> {
    while (this.#unwritten.has(log)) await this.#queueOr(signal);
  }

  /** Takes over a part. @param kept called, that of the last part, when the whole line is on the disk. */
  submit(part: Letter, kept: Settled): void {
    const key = keyOf(part);
    const last = { ...part, line: NOTHING };
    const line = this.#open.get(key) ?? { first: last, last, file: undefined };
    line.last = last;
    this.#open.set(key, line);
    this.#enqueue(part.log, async () => this.#write(line, part));
    if (part.kind !== 'last-part') return;
    this.#open.delete(key);
    this.#enqueue(part.log, async () => this.#complete(line, kept));
  }

  /** The rest of a line is lost: its letter ends with what has come. */
  cut(log: string, fingerprint: string, kept: Settled): void {
    const last = this.#open.get(keyOf({ log, fingerprint }))?.last;
    if (last === undefined) return;
    const offset = last.offset + last.bytes;
    this.submit({ ...last, offset, bytes: 0, kind: 'last-part' }, kept);
  }

  /** Waits until everything submitted is written. @returns whether it is, and no line waits for its rest. */
  async drained(signal: AbortSignal): Promise<boolean> {
    while (this.isBusy && !signal.aborted) {
      await this.#queueOr(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    return !this.isBusy && this.#open.size === 0;
  }

  /** Leaves nothing of what is not complete: no checkpoint has passed it, and the next run begins it anew. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#queue;
    for (const { file } of this.#begun) await file?.discard();
  }

  /** @param work is tried until it succeeds; what it returns is done then. */
  #enqueue(log: string, work: () => Promise<() => void>): void {
    this.#unwritten.set(log, (this.#unwritten.get(log) ?? 0) + 1);
    this.#queue = this.#queue.then(async () => this.#do(log, work));
  }

  async #do(log: string, work: () => Promise<() => void>): Promise<void> {
    const done = await this.#persist(work);
    if (done === undefined) return;
    const left = (this.#unwritten.get(log) ?? 0) - 1;
    if (left > 0) this.#unwritten.set(log, left);
    else this.#unwritten.delete(log);
    done();
  }

  /** @returns undefined when it was stopped. */
  async #persist<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const result = await work();
        this.#toldStuck = false;
        return result;
      } catch (error) {
        this.#sayStuck(error);
        await this.#wait(backoffMs(attempt, this.#random), signal).catch(() => undefined);
      }
    }
    return undefined;
  }

  async #write(line: OpenLine, part: Letter): Promise<() => void> {
    line.file ??= await this.#options.deadLetters.begin(line.first);
    this.#begun.add(line);
    await line.file.add(part);
    return () => undefined;
  }

  async #complete(line: OpenLine, kept: Settled): Promise<() => void> {
    await line.file?.complete();
    return () => this.#kept(line, kept);
  }

  #kept(line: OpenLine, kept: Settled): void {
    this.#begun.delete(line);
    const { log: path, offset, reason } = line.first;
    const bytes = line.last.offset + line.last.bytes - offset;
    const file = line.file?.path;
    this.#options.log.error('a line was put aside; see audit-shipper replay', {
      path,
      offset,
      bytes,
      reason,
      file,
    });
    kept({ ...NO_ACCOUNTS, deadLettered: { events: 1, bytes } });
  }

  #sayStuck(error: unknown): void {
    if (this.#toldStuck) return;
    this.#toldStuck = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.error(
      'a line that is too long cannot be put aside, and its log waits; trying again',
      { reason },
    );
  }

  /** The end of what is queued now, unless the signal comes first: then it rejects. */
  async #queueOr(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#stop.signal.throwIfAborted();
    let leave = (): void => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      await Promise.race([this.#queue, aborted]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}

function keyOf({ log, fingerprint }: Pick<Letter, 'log' | 'fingerprint'>): string {
  return `${fingerprint} ${log}`;
}
