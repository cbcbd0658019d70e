/**
 * Finds the event that no receiver takes: a suspect chunk is tried by itself and, when the receiver takes others but
 * not this one, divided until one line is left. That line is tried without its bodies, and then kept as a dead
 * letter. It puts nothing aside without evidence that other events are taken, and loses nothing in between.
 */
import type { Log } from '../observe/log.ts';
import type { Verdict } from '../output/output.ts';
import { backoffMs, waitFor, type Wait } from './backoff.ts';
import { addAccounts, NO_ACCOUNTS, type Chunk, type SettledAccounts } from './chunk.ts';
import { DeadLetterError, type DeadLetters, type Letter } from './dead-letter.ts';
import type { Health } from './health.ts';

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
  /** Of the receiver; what is taken here is evidence too. */
  readonly health: Health;
  readonly log: Log;
  readonly random?: () => number;
  readonly wait?: Wait;
}

/** So often a line must be refused, while others are taken, before it is changed or put aside. */
const REFUSALS_NEEDED = 3;
/** So many refusals that prove nothing are told of. */
const UNPROVEN_TOLD = 5;

/** A chunk, a part of it, or at last a single line of it. */
interface Suspect {
  readonly whole: Chunk;
  /** What is tried: the whole, or without its bodies. */
  chunk: Chunk;
  /** A single line: how much others were taken when it was refused first. */
  refusedAt: number | undefined;
  refusals: number;
  /** Of a single line that has bodies: the line without them. */
  stripped: Chunk | undefined;
  /** Refusals that prove nothing: it may be the receiver. */
  unproven: number;
}

export class Quarantine {
  readonly #parts: QuarantineParts;
  readonly #random: () => number;
  readonly #wait: Wait;
  #toldStuck = false;

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#wait = parts.wait ?? waitFor;
  }

  /** @returns what became of the chunk, or undefined when nothing was found out (or it was stopped). */
  async examine(chunk: Chunk, signal: AbortSignal): Promise<SettledAccounts | undefined> {
    const { health } = this.#parts;
    let accounts = NO_ACCOUNTS;
    const rest: Suspect[] = [suspectOf(chunk)];
    for (let attempt = 0; !signal.aborted;) {
      const suspect = rest[0];
      if (suspect === undefined) return accounts;
      if (attempt > 0) await this.#pause(attempt, signal);
      if (signal.aborted) break;
      const isProof = suspect.refusedAt === undefined || health.isWellSince(suspect.refusedAt);
      const verdict = await this.#examine(suspect.chunk);
      if (verdict === 'unavailable') {
        // Whole as it came, it may go back to the others; once a part of it is taken it may not.
        if (suspect.whole === chunk && suspect.refusedAt === undefined) return undefined;
        attempt += 1;
        continue;
      }
      if (verdict === 'taken') {
        health.took();
        this.#sayIfStripped(suspect);
        accounts = addAccounts(accounts, suspect.chunk.accounts);
        rest.shift();
        attempt = 0;
        continue;
      }
      rest.shift();
      const settled = await this.#refused(suspect, isProof, rest);
      if (settled !== undefined) accounts = addAccounts(accounts, settled);
      // Parts that were not tried yet need not wait.
      attempt = rest[0]?.refusedAt === undefined ? 0 : attempt + 1;
    }
    return undefined;
  }

  /** Of a half nothing may be left: a rule of the user. */
  async #examine(chunk: Chunk): Promise<Verdict> {
    return chunk.payloadBytes === 0 ? 'taken' : this.#parts.examine(chunk);
  }

  /** Puts what is to be tried next into the rest. @returns the accounts of a line that is done with. */
  async #refused(
    suspect: Suspect,
    isProof: boolean,
    rest: Suspect[],
  ): Promise<SettledAccounts | undefined> {
    const parts = suspect.refusedAt === undefined ? this.#parts.divide(suspect.whole) : [];
    if (parts.length > 0) {
      rest.unshift(...parts.map(suspectOf));
      return undefined;
    }
    if (suspect.refusedAt === undefined) {
      suspect.refusedAt = this.#parts.health.taken;
      suspect.stripped = this.#parts.strip(suspect.whole);
    }
    const stripped = suspect.chunk === suspect.whole ? suspect.stripped : undefined;
    // Without its bodies it is tried without proof: when it is taken then, that is the proof.
    if (isProof || stripped !== undefined) suspect.refusals += 1;
    else this.#countUnproven(suspect);
    if (suspect.refusals >= REFUSALS_NEEDED) {
      if (stripped === undefined && (await this.#putAside(suspect.whole))) {
        const { delivered, filtered } = suspect.whole.accounts;
        return { delivered: NO_ACCOUNTS.delivered, filtered, deadLettered: delivered };
      }
      suspect.chunk = stripped ?? suspect.whole;
      suspect.refusals = 0;
    }
    // The others first: they show whether it is the line or the receiver.
    rest.push(suspect);
    return undefined;
  }

  #countUnproven(suspect: Suspect): void {
    suspect.unproven += 1;
    if (suspect.unproven !== UNPROVEN_TOLD) return;
    this.#say(
      'an event is refused again and again, and nothing else was taken that would show whether it is the event ' +
        'or the receiver; trying again',
      suspect.whole,
    );
  }

  #sayIfStripped({ chunk, whole }: Suspect): void {
    if (chunk === whole) return;
    this.#say('an event was delivered without its bodies: no receiver takes it whole', whole);
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

function suspectOf(chunk: Chunk): Suspect {
  return {
    whole: chunk,
    chunk,
    refusedAt: undefined,
    stripped: undefined,
    refusals: 0,
    unproven: 0,
  };
}
