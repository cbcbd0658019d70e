/**
 * `audit-shipper replay`: sends dead letters again, as the agent would have sent them, and removes each that is
 * acknowledged. To stdout they are shown, and kept. The agent may run meanwhile: each letter is a file of its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ShipConfig } from '../config/config.ts';
import { backoffMs } from '../deliver/backoff.ts';
import type { Chunk } from '../deliver/chunk.ts';
import { DeadLetterError, DeadLetters, type Letter } from '../deliver/dead-letter.ts';
import { EventRules, type RuleSet } from '../event/rules.ts';
import { BlockTranscoder, type Transcoder } from '../event/transcoder.ts';
import type { Log } from '../observe/log.ts';
import { DeliveryError, type Output } from '../output/output.ts';
import { encodeChunk } from '../pipeline.ts';
import { outputFor, writerFor } from './ship.ts';

/** A person waits: after some seconds they are told. */
const ATTEMPTS_MAX = 6;

export interface ReplayDeps {
  readonly log: Log;
  /** Aborted by SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  readonly ruleSet: RuleSet | undefined;
}

type Outcome = 'sent' | 'shown' | 'refused' | 'unavailable';

/** @param stateDir of the agent whose dead letters are sent. @returns the exit code: 1 when letters are left. */
export async function replay(
  config: ShipConfig,
  stateDir: string,
  deps: ReplayDeps,
): Promise<number> {
  const { log, signal } = deps;
  const letters = new DeadLetters(stateDir);
  const output = await outputFor(config, log);
  // What was put aside was to be delivered, whatever the policy says now.
  const rules = new EventRules(deps.ruleSet && { ...deps.ruleSet, policy: undefined });
  const transcoder = new BlockTranscoder(await writerFor(config), Date.now, rules);
  const sender = new Sender(output, transcoder, deps);
  const counts = { sent: 0, shown: 0, refused: 0 };
  const paths = await letters.list();
  for (const path of paths) {
    if (signal.aborted) break;
    const outcome = await sendAll(letters, path, sender, log);
    if (outcome === undefined) continue;
    if (outcome === 'unavailable') {
      if (!signal.aborted) log.error('the receiver takes nothing; what was not sent is kept');
      break;
    }
    counts[outcome] += 1;
    if (outcome === 'sent') await letters.remove(path);
    if (outcome === 'refused') log.error('still refused; it is kept', { file: path });
  }
  await output.close();
  const left = paths.length - counts.sent - counts.shown;
  log.info('replayed', { ...counts, left });
  return left > 0 ? 1 : 0;
}

/**
 * Sends a letter, be it in parts: it is sent when all of them are. One that cannot be read is told of, and does not keep
 * the others.
 */
async function sendAll(
  letters: DeadLetters,
  path: string,
  sender: Sender,
  log: Log,
): Promise<Outcome | undefined> {
  let outcome: Outcome | undefined;
  try {
    for await (const letter of letters.read(path)) {
      outcome = await sender.send(letter);
      if (outcome === 'refused' || outcome === 'unavailable') break;
    }
    return outcome;
  } catch (error) {
    if (!(error instanceof DeadLetterError)) throw error;
    log.error(error.message);
    return undefined;
  }
}

class Sender {
  readonly #output: Output;
  readonly #transcoder: Transcoder;
  readonly #deps: ReplayDeps;

  constructor(output: Output, transcoder: Transcoder, deps: ReplayDeps) {
    this.#output = output;
    this.#transcoder = transcoder;
    this.#deps = deps;
  }

  async send(letter: Letter): Promise<Outcome> {
    const chunk = this.#chunkOf(letter);
    const { log, signal } = this.#deps;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.#output.deliver(chunk);
        return this.#output.examine === undefined ? 'shown' : 'sent';
      } catch (error) {
        if (!(error instanceof DeliveryError)) throw error;
        if (error.suspect) return this.#examine(chunk);
        if (attempt === 1) log.error(error.message, { code: error.code });
      }
      if (attempt === ATTEMPTS_MAX) break;
      const ms = backoffMs(attempt, Math.random);
      await delay(ms, undefined, { signal }).catch(() => undefined);
    }
    return 'unavailable';
  }

  /** Whether it was the letter or the receiver. */
  async #examine(chunk: Chunk): Promise<Outcome> {
    const verdict = await this.#output.examine?.(chunk);
    if (verdict === 'taken') return 'sent';
    return verdict === 'refused' ? 'refused' : 'unavailable';
  }

  #chunkOf({ log, fingerprint, offset, bytes, kind, line }: Letter): Chunk {
    const range = { start: offset, end: offset + bytes };
    const block = { generation: 0, log, fingerprint, kind, bytes: line, ...range };
    return encodeChunk(this.#transcoder, [block]);
  }
}
