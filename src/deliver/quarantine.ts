/**
 * Finds the event that no receiver takes: a suspect chunk is tried by itself and, when the receiver takes others but
 * not this one, divided until one line is left. That line is tried without its bodies, and then kept as a dead
 * letter. It condemns nothing while the receiver takes nothing at all, and loses nothing in between.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import type { Verdict } from '../output/output.ts';
import { backoffMs } from './backoff.ts';
import { addAccounts, NO_ACCOUNTS, type Chunk, type SettledAccounts } from './chunk.ts';
import { DeadLetterError, type DeadLetters, type Letter } from './dead-letter.ts';

export interface QuarantineParts {
  readonly examine: (chunk: Chunk) => Promise<Verdict>;
  /** The halves of a chunk; none of a chunk with a single line. */
  readonly divide: (chunk: Chunk) => readonly Chunk[];
  /** A single line without its bodies; undefined when it has none. */
  readonly strip: (chunk: Chunk) => Chunk | undefined;
  /** A single line as it is kept. */
  readonly letter: (chunk: Chunk) => Omit<Letter, 'reason'>;
  /** Undefined without a state directory: then a line is tried for ever. */
  readonly deadLetters: DeadLetters | undefined;
  readonly log: Log;
  readonly random?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** So often in a row a line must be refused, while something else is taken, before it is changed or put aside. */
const REFUSALS_NEEDED = 3;

export class Quarantine {
  readonly #parts: QuarantineParts;
  readonly #random: () => number;
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<void>;
  #toldStuck = false;

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#wait = parts.wait ?? (async (ms, signal) => delay(ms, undefined, { signal }));
  }

  /** @returns what became of the chunk, or undefined when nothing was found out (or it was stopped). */
  async examine(chunk: Chunk, signal: AbortSignal): Promise<SettledAccounts | undefined> {
    let accounts = NO_ACCOUNTS;
    const rest: Chunk[] = [chunk];
    for (let attempt = 1; !signal.aborted;) {
      const next = rest[0];
      if (next === undefined) return accounts;
      const verdict = await this.#parts.examine(next);
      if (verdict === 'unavailable') {
        // Whole as it came, it may go back to the others; once a part of it is taken it may not.
        if (next === chunk) return undefined;
        await this.#pause(attempt++, signal);
        continue;
      }
      attempt = 1;
      const parts = verdict === 'refused' ? this.#parts.divide(next) : [];
      if (parts.length > 0) rest.splice(0, 1, ...parts);
      else {
        const settled = verdict === 'taken' ? next.accounts : await this.#single(next, signal);
        if (settled === undefined) return undefined;
        accounts = addAccounts(accounts, settled);
        rest.shift();
      }
    }
    return undefined;
  }

  /** One line that was refused once: as it is, then without its bodies, then as a dead letter. */
  async #single(chunk: Chunk, signal: AbortSignal): Promise<SettledAccounts | undefined> {
    for (let round = 1; !signal.aborted; round++) {
      if (await this.#isTaken(chunk, REFUSALS_NEEDED - 1, signal)) {
        return addAccounts(NO_ACCOUNTS, chunk.accounts);
      }
      const stripped = this.#parts.strip(chunk);
      if (stripped !== undefined && (await this.#isTaken(stripped, REFUSALS_NEEDED, signal))) {
        this.#say('an event was delivered without its bodies: no receiver takes it whole', chunk);
        return addAccounts(NO_ACCOUNTS, stripped.accounts);
      }
      if (signal.aborted) break;
      if (await this.#putAside(chunk)) {
        const { delivered, filtered } = chunk.accounts;
        return { delivered: NO_ACCOUNTS.delivered, filtered, deadLettered: delivered };
      }
      await this.#pause(round, signal);
    }
    return undefined;
  }

  /** @returns false when it was refused so often, each time while something else was taken. */
  async #isTaken(chunk: Chunk, refusals: number, signal: AbortSignal): Promise<boolean> {
    let refused = 0;
    for (let attempt = 1; refused < refusals && !signal.aborted; attempt++) {
      await this.#pause(attempt, signal);
      const verdict = await this.#parts.examine(chunk);
      if (verdict === 'taken') return true;
      if (verdict === 'refused') refused += 1;
      else refused = 0;
    }
    return false;
  }

  async #putAside(chunk: Chunk): Promise<boolean> {
    const { deadLetters, log, letter } = this.#parts;
    try {
      if (deadLetters === undefined)
        throw new DeadLetterError('set state_dir: dead letters are kept there');
      const reason = 'no receiver takes it, also without its bodies';
      const file = await deadLetters.keep({ ...letter(chunk), reason });
      this.#say(
        'an event that no receiver takes was put aside; see audit-shipper replay',
        chunk,
        file,
      );
      this.#toldStuck = false;
      return true;
    } catch (error) {
      if (!this.#toldStuck) {
        const reason = error instanceof Error ? error.message : String(error);
        log.error('an event that no receiver takes cannot be put aside; trying again', { reason });
      }
      this.#toldStuck = true;
      return false;
    }
  }

  #say(message: string, chunk: Chunk, file?: string): void {
    const { log: path, offset, bytes } = this.#parts.letter(chunk);
    this.#parts.log.error(message, { path, offset, bytes, file });
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    await this.#wait(backoffMs(attempt, this.#random), signal).catch(() => undefined);
  }
}
